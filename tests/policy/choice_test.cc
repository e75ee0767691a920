// Vectors wider than the baseline's registers, passed between functions that are all inlined here.
#pragma GCC diagnostic ignored "-Wpsabi"

#include "policy/choice.h"

#include <cmath>
#include <cstdio>

#include "base/simd.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "policy/beta_loops_kernel.h"
#include "policy/beta_quadrature.h"
#include "tests/policy/beta_choice.h"
#include "tests/policy/choice_bits.h"
#include "tests/support/without_fma.h"

namespace fulcrum::policy {
namespace {

using testing::BetaChoice;
using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::Pointwise;

constexpr double kAccuracy = 2e-6;

Baseline Known(double value) {
  Baseline baseline;
  baseline.known_value = value;
  return baseline;
}

Baseline Posterior(double alpha, double beta) {
  Baseline baseline;
  baseline.posterior = BetaArm{alpha, beta};
  return baseline;
}

TEST(Choice, WithoutArmsIsTheNeutralAction) {
  EXPECT_THAT(BetaChoice({}, Known(0)), ElementsAre(1.0));
  EXPECT_THAT(BetaChoice({}, Posterior(1, 1)), ElementsAre(1.0));
}

TEST(Choice, AKnownValueAtTheEndsDecides) {
  EXPECT_THAT(BetaChoice({{3, 5}}, Known(0)), ElementsAre(1.0, 0.0));
  EXPECT_THAT(BetaChoice({{3, 5}, {2, 2}}, Known(1)), ElementsAre(0.0, 0.0, 1.0));
  EXPECT_EQ(BetaChoice({{3, 5}, {2, 2}}, Known(0)).back(), 0);
}

TEST(Choice, OneArmAgainstAKnownValueIsItsTail) {
  // Beta(1, 1) is uniform; Beta(2, 1) has P(x < v) = v^2; Beta(1, 3) has P(x > v) = (1 - v)^3.
  for (const double v : {0.001, 0.02, 0.3, 0.5, 0.77, 0.999}) {
    EXPECT_NEAR(BetaChoice({{1, 1}}, Known(v))[0], 1 - v, kAccuracy) << v;
    EXPECT_NEAR(BetaChoice({{2, 1}}, Known(v))[1], v * v, kAccuracy) << v;
    EXPECT_NEAR(BetaChoice({{1, 3}}, Known(v))[0], std::pow(1 - v, 3), kAccuracy) << v;
  }
}

TEST(Choice, TwoArmsHaveClosedForms) {
  // P(Beta(a, 1) > Beta(b, 1)) = a / (a + b).
  EXPECT_THAT(BetaChoice({{3, 1}}, Posterior(1, 1)),
              Pointwise(DoubleNear(kAccuracy), {0.75, 0.25}));
  EXPECT_THAT(BetaChoice({{0.2, 1}}, Posterior(0.6, 1)),
              Pointwise(DoubleNear(kAccuracy), {0.25, 0.75}));
  EXPECT_THAT(BetaChoice({{1e-9, 1}}, Posterior(3e-9, 1)),
              Pointwise(DoubleNear(kAccuracy), {0.25, 0.75}));
  EXPECT_THAT(BetaChoice({{1, 5}}, Posterior(1, 3)),
              Pointwise(DoubleNear(kAccuracy), {0.375, 0.625}));
}

TEST(Choice, EqualArmsShareExactly) {
  const std::vector<BetaArm> arms(7, BetaArm{2, 30});
  for (const double p : BetaChoice(arms, Posterior(2, 30))) EXPECT_DOUBLE_EQ(p, 0.125);
}

TEST(Choice, AKnownValueOutsideTheArmsRange) {
  const std::vector<BetaArm> arms = {{20000, 980000}, {20010, 979990}};
  EXPECT_THAT(BetaChoice(arms, Known(0.5)), ElementsAre(0.0, 0.0, 1.0));
  const std::vector<double> p = BetaChoice(arms, Known(0.001));
  EXPECT_EQ(p[2], 0);
  EXPECT_GT(p[1], p[0]);
}

// With many trials the difference of two arms is normal.
TEST(Choice, HugeCountsFollowTheNormalLimit) {
  for (const double trials : {1e9, 1e12, 1e15}) {
    const double rate = 0.3;
    const double deviation = std::sqrt(rate * (1 - rate) * trials);
    const BetaArm a = {rate * trials + deviation, (1 - rate) * trials - deviation};
    const double p = BetaChoice({a}, Posterior(rate * trials, (1 - rate) * trials))[0];
    EXPECT_NEAR(p, 0.5 * std::erfc(-1 / std::sqrt(2.0) / std::sqrt(2.0)), 3e-5) << trials;
  }
  // Beyond what doubles resolve: still a distribution.
  const std::vector<double> p = BetaChoice({{1e300, 1e300}, {1e-300, 1}}, Known(0.4));
  EXPECT_THAT(p, Pointwise(DoubleNear(1e-9), {1.0, 0.0, 0.0}));
}

// Narrow inside wide inside wider.
std::vector<BetaArm> ManyScales() {
  std::vector<BetaArm> arms;
  for (int i = 0; i < 40; ++i) {
    const double trials = std::pow(10.0, i % 12);
    arms.push_back({1 + 0.02 * trials, 1 + 0.98 * trials});
  }
  return arms;
}

TEST(Choice, ManyScalesNeedFewPanels) {
  const std::vector<BetaArm> arms = ManyScales();
  BetaQuadrature quadrature;
  std::vector<double> p(arms.size());
  const QuadratureReport report = quadrature.Compute(arms, kNoKnownLogit, absl::MakeSpan(p));
  EXPECT_FALSE(report.capped);
  EXPECT_LT(report.panels, 40);
  EXPECT_LT(report.defect, 1e-4);
}

TEST(Choice, ThePanelCapStillGivesADistribution) {
  const std::vector<BetaArm> arms = ManyScales();
  BetaQuadrature quadrature(2);
  std::vector<double> p(arms.size());
  const QuadratureReport report = quadrature.Compute(arms, kNoKnownLogit, absl::MakeSpan(p));
  EXPECT_TRUE(report.capped);
  double sum = 0;
  for (const double value : p) {
    EXPECT_GE(value, 0);
    sum += value;
  }
  EXPECT_NEAR(sum, 1, 1e-12);
}

TEST(ChoiceDeathTest, ABrokenPosteriorStopsTheProcess) {
  EXPECT_DEATH(BetaChoice({{0, 1}}, Known(0)), "");
  EXPECT_DEATH(BetaChoice({{1, std::nan("")}}, Known(0)), "");
  EXPECT_DEATH(BetaChoice({{1, 1}}, Known(1.5)), "");
}

std::vector<double> AskWith(const BetaLoops& loops, uint64_t seed) {
  base::RandomStream random(seed);
  std::vector<BetaArm> arms;
  while (arms.size() < 1 + seed % 40) {
    const bool again = !arms.empty() && random.NextBelow(4) == 0;
    arms.push_back(again ? arms.front()
                         : BetaArm{base::Exp(30 * random.NextUniform() - 10),
                                   base::Exp(30 * random.NextUniform() - 10)});
  }
  std::vector<double> p(arms.size() + 1);
  BetaQuadrature quadrature(64, &loops);
  const double known = seed % 2 == 0 ? -2.0 : kNoKnownLogit;
  p.back() = quadrature.Compute(arms, known, absl::MakeSpan(p.data(), arms.size())).known_wins;
  return p;
}

// Also on a processor that lacks the wider instructions: this file's copies of the source are
// compiled for the baseline, which takes a wide vector in pieces.
TEST(ChoiceBits, AreTheSameAtEveryWidth) {
  constexpr BetaLoops kFour = beta_internal::LoopsOf<4>();
  constexpr BetaLoops kEight = beta_internal::LoopsOf<8>();
  for (uint64_t seed = 0; seed < 2000; ++seed) {
    const std::vector<double> two = AskWith(kBetaLoopsSse2, seed);
    ASSERT_EQ(AskWith(kFour, seed), two);
    ASSERT_EQ(AskWith(kEight, seed), two);
  }
}

// One number for every compiler, build type, processor and vector width.
TEST(ChoiceBits, ArePinned) {
  for (const base::SimdLevel level :
       {base::SimdLevel::kSse2, base::SimdLevel::kAvx2, base::SimdLevel::kAvx512}) {
    const std::string name(base::SimdLevelName(level));
    if (!base::ForceSimdLevel(level).ok()) {
      std::printf("%s: this processor lacks it, not tested\n", name.c_str());
      continue;
    }
    EXPECT_EQ(testing::HashOfBetaChoices(), testing::kBetaBits) << name;
  }
  EXPECT_TRUE(base::ForceSimdLevel(base::DetectedSimdLevel()).ok());
  EXPECT_EQ(testing::HashOfUtilityChoices(), testing::kUtilityBits);
}

TEST(ChoiceBits, AreTheSameWithoutFma) {
  EXPECT_EQ(fulcrum::testing::RerunWithoutFma("ChoiceBits.ArePinned"), 0);
}

}  // namespace
}  // namespace fulcrum::policy
