#include "policy/gauss_quadrature.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>

#include "base/simd.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "policy/choice.h"
#include "policy/gauss_table.h"
#include "tests/policy/choice_bits.h"
#include "tests/policy/gauss_families.h"
#include "tests/support/without_fma.h"

// Vectors wider than the baseline's registers, passed between functions that are all inlined here.
#pragma GCC diagnostic ignored "-Wpsabi"
#include "policy/gauss_panel_kernel.h"

namespace fulcrum::policy {
namespace {

using ::testing::DoubleNear;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Pointwise;

constexpr double kAccuracy = 2e-6;

double UpperTail(double z) {
  return 0.5 * std::erfc(z / std::sqrt(2.0));
}

struct Answer {
  std::vector<double> p;
  QuadratureReport report;
};

Answer Ask(const std::vector<GaussArm>& arms, double known = kNoKnownValue,
           const GaussSettings& settings = {}) {
  GaussQuadrature quadrature(settings);
  Answer answer;
  answer.p.resize(arms.size(), -1);
  answer.report = quadrature.Compute(arms, known, absl::MakeSpan(answer.p));
  return answer;
}

double Sum(const Answer& answer) {
  return std::accumulate(answer.p.begin(), answer.p.end(), answer.report.known_wins);
}

TEST(GaussQuadrature, OneArmAlwaysWins) {
  for (const double sd : {1e-300, 1e-9, 1.0, 1e300}) {
    EXPECT_THAT(Ask({{0.3, sd}}).p, ElementsAre(1.0)) << sd;
  }
}

TEST(GaussQuadrature, OneArmAgainstAKnownValueIsItsTail) {
  for (const double z : {-7.0, -5.0, -1.5, 0.0, 0.7, 3.0, 5.0, 9.0}) {
    const Answer answer = Ask({{0.02, 1e-4}}, 0.02 + z * 1e-4);
    EXPECT_NEAR(answer.p[0], UpperTail(z), kAccuracy) << z;
    EXPECT_NEAR(answer.report.known_wins, UpperTail(-z), kAccuracy) << z;
  }
}

TEST(GaussQuadrature, TwoArmsHaveAClosedForm) {
  for (const double gap : {-3.0, -0.2, 0.0, 0.4, 1.0, 8.0}) {
    for (const double sd : {1e-6, 0.01, 0.5, 1.0, 3.0, 1e3}) {
      const double wins = UpperTail(-gap / std::sqrt(1 + sd * sd));
      const Answer answer = Ask({{5 + gap, 1}, {5, sd}});
      EXPECT_THAT(answer.p, Pointwise(DoubleNear(kAccuracy), {wins, 1 - wins})) << gap << ' ' << sd;
      EXPECT_LT(answer.report.defect, 1e-6);
    }
  }
}

// An arm of hardly any width is a known value.
TEST(GaussQuadrature, AKnownValueIsTheLimitOfANarrowArm) {
  const std::vector<GaussArm> arms = testing::MakeGaussArms(testing::GaussFamily::kComparable, 7);
  for (const double value : {-2.0, 0.5, 1.0, 2.5}) {
    const Answer known = Ask(arms, value);
    std::vector<GaussArm> with_spike = arms;
    with_spike.push_back({value, 1e-12});
    const Answer spike = Ask(with_spike);
    EXPECT_NEAR(known.report.known_wins, spike.p.back(), kAccuracy) << value;
    for (size_t i = 0; i < arms.size(); ++i) EXPECT_NEAR(known.p[i], spike.p[i], kAccuracy);
  }
}

TEST(GaussQuadrature, AKnownValueFarFromTheArms) {
  const std::vector<GaussArm> arms = {{0.3, 0.01}, {0.31, 0.02}};
  const Answer above = Ask(arms, 0.9);
  EXPECT_EQ(above.report.known_wins, 1);
  EXPECT_THAT(above.p, Each(0.0));
  const Answer below = Ask(arms, -1e308);
  EXPECT_EQ(below.report.known_wins, 0);
  EXPECT_EQ(below.p, Ask(arms).p);
}

TEST(GaussQuadrature, EqualArmsShareExactly) {
  for (const size_t size : {2U, 3U, 7U, 200U, 5000U}) {
    const Answer answer = Ask(std::vector<GaussArm>(size, {-0.4, 0.03}));
    EXPECT_THAT(answer.p, Each(answer.p[0]));
    EXPECT_NEAR(answer.p[0], 1.0 / static_cast<double>(size), 1e-15);
  }
}

// Two arms that the order of magnitude of their values hides from each other.
TEST(GaussQuadrature, NeitherOffsetNorUnitMatter) {
  const std::vector<GaussArm> arms = {{1, 0.5}, {1.25, 0.25}, {0.5, 1}};
  const Answer plain = Ask(arms);
  for (const double unit : {0x1p-900, 0x1p-40, 0x1p40, 0x1p900}) {
    std::vector<GaussArm> scaled = arms;
    for (GaussArm& arm : scaled) arm = {arm.mean * unit, arm.sd * unit};
    EXPECT_EQ(Ask(scaled).p, plain.p) << unit;
  }
  std::vector<GaussArm> moved = arms;
  for (GaussArm& arm : moved) arm.mean += 0x1p40;
  EXPECT_EQ(Ask(moved).p, plain.p);
}

TEST(GaussQuadrature, HopelessArmsGetNothing) {
  const Answer answer = Ask({{1, 1e-3}, {0.5, 1e-3}, {-1e300, 1e-300}});
  EXPECT_THAT(answer.p, ElementsAre(1.0, 0.0, 0.0));
}

TEST(GaussQuadrature, ExtremeArmsStillGiveADistribution) {
  base::RandomStream random(7);
  int most = 0;
  for (int round = 0; round < 3000; ++round) {
    std::vector<GaussArm> arms(1 + random.NextBelow(30));
    const double decades = round % 3 == 0 ? 280 : 8;
    for (GaussArm& arm : arms) {
      const auto size = [&] { return std::pow(10, decades * (2 * random.NextUniform() - 1)); };
      arm = {(round % 2 == 0 ? 1 : -1) * size(), size()};
    }
    const Answer answer = Ask(arms, round % 5 == 0 ? arms[0].mean : kNoKnownValue);
    if (decades == 8) {
      most = std::max(most, answer.report.panels);
      ASSERT_FALSE(answer.report.capped);
      ASSERT_LT(answer.report.defect, 1e-3);
    }
    ASSERT_NEAR(Sum(answer), 1, 1e-12);
    for (const double p : answer.p) ASSERT_TRUE(p >= 0 && p <= 1);
  }
  std::printf("most panels over 16 decades: %d\n", most);
}

// Narrow inside wide inside wider, all with a chance.
std::vector<GaussArm> ManyScales() {
  std::vector<GaussArm> arms;
  for (int i = 0; i < 60; ++i) arms.push_back({0, std::pow(10.0, -i)});
  return arms;
}

TEST(GaussQuadrature, ThePanelCapStillGivesADistribution) {
  for (const int most_panels : {1, 2, 5, 64}) {
    const Answer answer = Ask(ManyScales(), kNoKnownValue, {.most_panels = most_panels});
    EXPECT_TRUE(answer.report.capped) << most_panels;
    EXPECT_EQ(answer.report.panels, most_panels);
    EXPECT_NEAR(Sum(answer), 1, 1e-12);
    EXPECT_TRUE(std::all_of(answer.p.begin(), answer.p.end(), [](double p) { return p >= 0; }));
  }
  EXPECT_FALSE(Ask(ManyScales(), kNoKnownValue, {.most_panels = 1000}).report.capped);
}

TEST(GaussQuadrature, FollowsAPermutationBitForBit) {
  base::RandomStream random(2);
  for (int family = 0; family < testing::kGaussFamilies; ++family) {
    for (uint64_t round = 0; round < 20; ++round) {
      auto arms = testing::MakeGaussArms(static_cast<testing::GaussFamily>(family), 17, round);
      arms[5] = arms[3];
      const double known = round % 2 == 0 ? kNoKnownValue : arms[4].mean;
      std::vector<size_t> order(arms.size());
      std::iota(order.begin(), order.end(), size_t{0});
      for (size_t i = order.size(); i > 1; --i) {
        std::swap(order[i - 1], order[random.NextBelow(static_cast<uint32_t>(i))]);
      }
      std::vector<GaussArm> shuffled;
      for (const size_t i : order) shuffled.push_back(arms[i]);
      const Answer straight = Ask(arms, known);
      const Answer permuted = Ask(shuffled, known);
      for (size_t i = 0; i < order.size(); ++i) ASSERT_EQ(permuted.p[i], straight.p[order[i]]);
      ASSERT_EQ(permuted.report.known_wins, straight.report.known_wins);
      ASSERT_EQ(straight.p[3], straight.p[5]);
    }
  }
}

TEST(GaussQuadrature, ALargerMeanRaisesTheOwnShareAndLowersTheOthers) {
  for (uint64_t round = 0; round < 200; ++round) {
    const auto family = static_cast<testing::GaussFamily>(round % testing::kGaussFamilies);
    std::vector<GaussArm> arms = testing::MakeGaussArms(family, 9, round);
    const Answer before = Ask(arms);
    arms[2].mean += 0.3 * arms[2].sd;
    const Answer after = Ask(arms);
    for (size_t i = 0; i < arms.size(); ++i) {
      const double rise = i == 2 ? after.p[i] - before.p[i] : before.p[i] - after.p[i];
      ASSERT_GE(rise, -kAccuracy) << i;
    }
  }
}

TEST(GaussQuadratureDeathTest, ABrokenPosteriorStopsTheProcess) {
  EXPECT_DEATH(Ask({}), "");
  EXPECT_DEATH(Ask({{0, 0}}), "");
  EXPECT_DEATH(Ask({{0, -1}}), "");
  EXPECT_DEATH(Ask({{std::nan(""), 1}}), "");
  EXPECT_DEATH(Ask({{0, 1}, {0, INFINITY}}), "");
  EXPECT_DEATH(Ask({{0, 1}}, std::nan("")), "");
  EXPECT_DEATH(Ask({{0, 1}}, INFINITY), "");
}

// The polynomials themselves: what one node of one arm says, against the C library.
TEST(GaussPanel, HazardAndProductAreTheNormalOnes) {
  double worst_cdf = 0;
  double worst_density = 0;
  for (double z = -6; z < 9.4; z += 0.0137) {
    double nodes[kNodes] = {z, z, z, z, z, z, z, z};
    double shares[kNodes] = {1, 1, 1, 1, 1, 1, 1, 1};
    double hazards[kNodes];
    double sums[kNodes] = {};
    const double mean = 0;
    const double inverse_sd = 1;
    const uint32_t members = 1;
    const double cdf =
        IntegrateGaussPanelSse2({nodes, shares, 1, &mean, &inverse_sd, &members, hazards, sums});
    ASSERT_GT(cdf, 0);
    worst_cdf = std::max(worst_cdf, std::abs(cdf - UpperTail(-z)));
    // cdf * exp(-z^2 / 2) / cdf, whatever the error of the cdf.
    worst_density = std::max(worst_density, std::abs(sums[3] * std::exp(z * z / 2) - 1));
  }
  std::printf("cdf %.1e absolute, density %.1e relative\n", worst_cdf, worst_density);
  EXPECT_LT(worst_cdf, 3e-10);
  EXPECT_LT(worst_density, 5e-11);
}

struct PanelResult {
  std::vector<double> sums;
  double below;
};

PanelResult RunPanel(GaussPanelFunction function, uint64_t seed) {
  base::RandomStream random(seed);
  const size_t arms = 1 + random.NextBelow(12);
  std::vector<double> means, inverse_sds, hazards(arms * kNodes);
  std::vector<uint32_t> members;
  for (size_t i = 0; i < arms; ++i) {
    means.push_back(testing::NextNormal(random));
    inverse_sds.push_back(1 / testing::NextLogUniform(random, 1, 30));
    members.push_back(random.NextBelow(4) == 0 ? 1 + random.NextBelow(9) : 1);
  }
  std::vector<double> nodes, shares;
  for (size_t i = 0; i < kNodes; ++i) {
    nodes.push_back(testing::NextNormal(random));
    shares.push_back(random.NextUniform());
  }
  PanelResult result{std::vector<double>(arms * kNodes, 0.25), 0};
  result.below = function({nodes.data(), shares.data(), arms, means.data(), inverse_sds.data(),
                           members.data(), hazards.data(), result.sums.data()});
  return result;
}

// Also on a processor that lacks the wider instructions: this file's copies of the source are
// compiled for the baseline, which takes a wide vector in pieces.
TEST(GaussPanel, EveryWidthGivesTheSameBits) {
  for (uint64_t seed = 0; seed < 2000; ++seed) {
    const PanelResult two = RunPanel(IntegrateGaussPanelSse2, seed);
    const PanelResult four = RunPanel(gauss_internal::IntegratePanel<4, 8>, seed);
    const PanelResult eight = RunPanel(gauss_internal::IntegratePanel<8, 8>, seed);
    ASSERT_EQ(two.sums, four.sums);
    ASSERT_EQ(two.below, four.below);
    ASSERT_EQ(two.sums, eight.sums);
    ASSERT_EQ(two.below, eight.below);
  }
}

// One number for every compiler, build type, processor and vector width.
TEST(GaussBits, ArePinnedAtEveryLevel) {
  for (const base::SimdLevel level :
       {base::SimdLevel::kSse2, base::SimdLevel::kAvx2, base::SimdLevel::kAvx512}) {
    const std::string name(base::SimdLevelName(level));
    if (!base::ForceSimdLevel(level).ok()) {
      std::printf("%s: this processor lacks it, not tested\n", name.c_str());
      continue;
    }
    EXPECT_EQ(testing::HashOfGaussChoices(), testing::kGaussBits) << name;
  }
  EXPECT_TRUE(base::ForceSimdLevel(base::DetectedSimdLevel()).ok());
}

TEST(GaussBits, AreTheSameWithoutFma) {
  EXPECT_EQ(fulcrum::testing::RerunWithoutFma("GaussBits.ArePinnedAtEveryLevel"), 0);
}

}  // namespace
}  // namespace fulcrum::policy
