#include "policy/utility_quadrature.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "policy/beta_quadrature.h"
#include "policy/gauss_quadrature.h"
#include "tests/policy/utility_families.h"

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

template <typename Arm>
Answer Ask(const std::vector<Arm>& arms, double known = kNoKnownUtility, int panels_per_arm = 16) {
  UtilityQuadrature quadrature(panels_per_arm);
  Answer answer;
  answer.p.resize(arms.size(), -1);
  answer.report = quadrature.Compute(arms, known, absl::MakeSpan(answer.p));
  return answer;
}

double Sum(const Answer& answer) {
  return std::accumulate(answer.p.begin(), answer.p.end(), answer.report.known_wins);
}

TEST(UtilityQuadrature, OneArmAlwaysWins) {
  for (const double sd : {1e-12, 1e-3, 1.0, 50.0, 1e9}) {
    EXPECT_THAT(Ask<LogitArm>({{0.3, sd, 2, 0.5}}).p, ElementsAre(DoubleNear(1, 1e-12))) << sd;
  }
  EXPECT_THAT(Ask<BetaArm>({{0.1, 3, 2, 0.5}}).p, ElementsAre(DoubleNear(1, 1e-12)));
}

TEST(UtilityQuadrature, OneArmAgainstAKnownUtilityIsItsTail) {
  for (const double sd : {0.01, 0.5, 3.0}) {
    for (const double z : {-4.0, -1.0, 0.0, 0.7, 3.0}) {
      const double known = 5 / (1 + std::exp(-(-2 + z * sd))) - 0.4;
      const Answer answer = Ask<LogitArm>({{-2, sd, 5, 0.4}}, known);
      EXPECT_NEAR(answer.p[0], UpperTail(z), kAccuracy) << sd << ' ' << z;
      EXPECT_NEAR(answer.report.known_wins, UpperTail(-z), kAccuracy) << sd << ' ' << z;
    }
  }
  for (const double rate : {0.001, 0.3, 0.5, 0.99}) {  // uniform, and its minimum of three
    EXPECT_NEAR(Ask<BetaArm>({{1, 1, 5, 0.4}}, 5 * rate - 0.4).p[0], 1 - rate, kAccuracy);
    EXPECT_NEAR(Ask<BetaArm>({{1, 3, 5, 0.4}}, 5 * rate - 0.4).p[0], std::pow(1 - rate, 3),
                kAccuracy);
  }
}

// Two uniform utilities on different intervals.
TEST(UtilityQuadrature, TwoUniformUtilitiesHaveAClosedForm) {
  // u1 on [0, 1], u2 on [-0.25, 1.75]: u2 wins above 1, and half of what is between 0 and 1.
  const Answer answer = Ask<BetaArm>({{1, 1, 1, 0}, {1, 1, 2, 0.25}});
  EXPECT_THAT(answer.p, Pointwise(DoubleNear(kAccuracy), {0.375, 0.625}));
  EXPECT_THAT(Ask<BetaArm>({{1, 1, 1, 0}, {1, 1, 1, 1}}).p, ElementsAre(1.0, 0.0));
}

TEST(UtilityQuadrature, OneValueAndPriceIsThePlainQuadrature) {
  BetaQuadrature beta;
  for (int family = 0; family < testing::kBetaFamilies; ++family) {
    auto arms = testing::MakeBetaArms(static_cast<testing::BetaFamily>(family), 9);
    std::vector<double> plain(arms.size());
    beta.Compute(arms, kNoKnownLogit, absl::MakeSpan(plain));
    for (BetaArm& arm : arms) arm.value = 3, arm.price = 0.7;
    EXPECT_THAT(Ask(arms).p, Pointwise(DoubleNear(kAccuracy), plain)) << family;
  }
  GaussQuadrature gauss;
  for (int family = 0; family < testing::kGaussFamilies; ++family) {
    const auto arms = testing::MakeGaussArms(static_cast<testing::GaussFamily>(family), 9);
    std::vector<double> plain(arms.size());
    gauss.Compute(arms, kNoKnownValue, absl::MakeSpan(plain));
    std::vector<LogitArm> logits;
    for (const GaussArm& arm : arms) logits.push_back({arm.mean, arm.sd, 3, 0.7});
    EXPECT_THAT(Ask(logits).p, Pointwise(DoubleNear(kAccuracy), plain)) << family;
  }
}

TEST(UtilityQuadrature, NeitherUnitNorOffsetMatter) {
  const auto arms = testing::MakeLogitArms(testing::GaussFamily::kComparable, 7);
  const Answer plain = Ask(arms, 0.3);
  for (const double unit : {1e-90, 1e-6, 1e6, 1e90}) {
    auto scaled = arms;
    for (LogitArm& arm : scaled) arm.value *= unit, arm.price *= unit;
    EXPECT_THAT(Ask(scaled, 0.3 * unit).p, Pointwise(DoubleNear(1e-9), plain.p)) << unit;
  }
  for (const double offset : {-1e4, 0.25, 1e4}) {
    auto moved = arms;
    for (LogitArm& arm : moved) arm.price += offset;
    EXPECT_THAT(Ask(moved, 0.3 - offset).p, Pointwise(DoubleNear(1e-9), plain.p)) << offset;
  }
}

TEST(UtilityQuadrature, EqualArmsShareExactlyAndHopelessOnesGetNothing) {
  for (const size_t size : {2U, 7U, 200U}) {
    std::vector<LogitArm> arms(size, {-0.4, 0.5, 2, 0.1});
    arms.push_back({0, 0.01, 2, 3});  // at most -1
    const Answer answer = Ask(arms);
    EXPECT_EQ(answer.p.back(), 0);
    for (size_t i = 0; i < size; ++i) {
      EXPECT_EQ(answer.p[i], answer.p[0]);
      EXPECT_NEAR(answer.p[i], 1.0 / static_cast<double>(size), 1e-12);
    }
  }
}

TEST(UtilityQuadrature, AKnownUtilityOutOfReach) {
  const std::vector<BetaArm> arms = {{3, 5, 2, 0.1}, {2, 2, 1, 0}};
  const Answer above = Ask(arms, 1.95);
  EXPECT_EQ(above.report.known_wins, 1);
  EXPECT_THAT(above.p, Each(0.0));
  for (const double low : {-1e300, -0.1, 0.0}) {
    EXPECT_EQ(Ask(arms, low).report.known_wins, 0) << low;
    EXPECT_EQ(Ask(arms, low).p, Ask(arms).p) << low;
  }
}

// Rates that doubles hardly tell from 1, or from 0, at ends of utilities that differ or agree.
TEST(UtilityQuadrature, ProbabilityThatSitsOnTheEnds) {
  // Half of each arm is at its upper end, half at its lower one.
  const LogitArm wide = {0, 1e5, 1, 0};
  const Answer differ = Ask<LogitArm>({wide, {0, 1e5, 2, 0}});
  EXPECT_THAT(differ.p, Pointwise(DoubleNear(1e-3), {0.375, 0.625}));  // a tie at 0 is shared
  EXPECT_THAT(Ask<LogitArm>({wide, wide, {0, 1e5, 2, 3}}).p, ElementsAre(0.5, 0.5, 0.0));
  // A rate of 1 - 1e-15 or so: a known utility just below the end.
  const Answer sure = Ask<BetaArm>({{1e15, 1, 1, 0}, {1, 1, 2, 0}});
  EXPECT_THAT(sure.p, Pointwise(DoubleNear(kAccuracy), {0.5, 0.5}));
  // Beta(1e6, 0.01) is above 1 - 1e-12 with probability 0.87.
  const Answer nearly = Ask<BetaArm>({{1e6, 0.01, 1, 0}, {1, 1, 2, 0}});
  EXPECT_THAT(nearly.p, Pointwise(DoubleNear(kAccuracy), {0.5, 0.5}));
}

TEST(UtilityQuadrature, FollowsAPermutationBitForBit) {
  base::RandomStream random(2);
  for (int family = 0; family < testing::kGaussFamilies; ++family) {
    auto arms = testing::MakeLogitArms(static_cast<testing::GaussFamily>(family), 17);
    arms[5] = arms[3];
    std::vector<size_t> order(arms.size());
    std::iota(order.begin(), order.end(), size_t{0});
    for (size_t i = order.size(); i > 1; --i) {
      std::swap(order[i - 1], order[random.NextBelow(static_cast<uint32_t>(i))]);
    }
    std::vector<LogitArm> shuffled;
    for (const size_t i : order) shuffled.push_back(arms[i]);
    const Answer straight = Ask(arms, 0.2);
    const Answer permuted = Ask(shuffled, 0.2);
    for (size_t i = 0; i < order.size(); ++i) ASSERT_EQ(permuted.p[i], straight.p[order[i]]);
    ASSERT_EQ(straight.p[3], straight.p[5]);
  }
}

TEST(UtilityQuadrature, ExtremeArmsStillGiveADistribution) {
  base::RandomStream random(7);
  const auto size = [&](double decades) {
    return std::pow(10, decades * (2 * random.NextUniform() - 1));
  };
  int most = 0;
  for (int round = 0; round < 2000; ++round) {
    const double decades = round % 3 == 0 ? 280 : 3;
    std::vector<LogitArm> logits(1 + random.NextBelow(20));
    std::vector<BetaArm> betas(logits.size());
    for (size_t i = 0; i < logits.size(); ++i) {
      const double sign = random.NextBelow(2) == 0 ? 1 : -1;
      logits[i] = {sign * size(decades), size(decades), size(decades), sign * size(decades)};
      betas[i] = {size(decades), size(decades), size(decades), sign * size(decades)};
    }
    const double known = round % 5 == 0 ? betas[0].price : kNoKnownUtility;
    for (const Answer& answer : {Ask(logits, known), Ask(betas, known)}) {
      ASSERT_NEAR(Sum(answer), 1, 1e-12);
      for (const double p : answer.p) ASSERT_TRUE(p >= 0 && p <= 1);
      if (decades != 3) continue;
      ASSERT_FALSE(answer.report.capped);
      most = std::max(most, answer.report.panels);
    }
  }
  std::printf("most panels over 6 decades: %d\n", most);
}

TEST(UtilityQuadrature, ThePanelCapStillGivesADistribution) {
  std::vector<BetaArm> arms;
  for (int i = 0; i < 100; ++i) arms.push_back({1, 1.5, 1 + 0.001 * i, 0});
  const Answer answer = Ask(arms, kNoKnownUtility, 0);
  EXPECT_TRUE(answer.report.capped);
  EXPECT_EQ(answer.report.panels, 64);
  EXPECT_NEAR(Sum(answer), 1, 1e-12);
  EXPECT_FALSE(Ask(arms).report.capped);
}

TEST(UtilityQuadratureDeathTest, NoArmsStopTheProcess) {
  EXPECT_DEATH(Ask<BetaArm>({}), "");
  EXPECT_DEATH(Ask<LogitArm>({}), "");
}

}  // namespace
}  // namespace fulcrum::policy
