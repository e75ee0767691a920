#include "policy/position.h"

#include <cmath>
#include <limits>
#include <numeric>

#include "absl/container/inlined_vector.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace fulcrum::policy {
namespace {

using ::testing::ElementsAre;

const DecisionId kId = DecisionId(1, 2);

Ticks SumOf(const PositionDraw& draw) {
  return std::accumulate(draw.ticks.begin(), draw.ticks.end(), Ticks{0});
}

TEST(Position, WhatIsNotLeftHasNoTicks) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  // The arm that is out is of another family and no distribution.
  const std::vector<Posterior> arms = {BetaArm{3, 50}, GaussArm{nan, 0}, BetaArm{4, 50}};
  const Baseline baseline{std::nullopt, BetaArm{2, 50}};
  const bool left[] = {true, false, true};
  const PositionDraw draw = DrawPosition(arms, left, baseline, {{}, 0.1, {}}, kId, 5);
  EXPECT_EQ(draw.ticks[1], 0u);
  EXPECT_EQ(SumOf(draw), kTicksTotal);
  EXPECT_EQ(draw.drawn, Draw(draw.ticks, kId, 5));
  // The others are as if there were no third arm.
  const bool both[] = {true, true};
  EXPECT_THAT(DrawPosition({arms[0], arms[2]}, both, baseline, {{}, 0.1, {}}, kId, 5).ticks,
              ElementsAre(draw.ticks[0], draw.ticks[2], draw.ticks[3]));
}

TEST(Position, NothingLeftIsTheNeutralAction) {
  const bool left[] = {false};
  for (const Posterior& arm : {Posterior(BetaArm{}), Posterior(GaussArm{})}) {
    const PositionDraw draw = DrawPosition({arm}, left, {std::nullopt, arm}, {{}, 0.5, {}}, kId, 1);
    EXPECT_THAT(draw.ticks, ElementsAre(0, kTicksTotal));
    EXPECT_EQ(draw.drawn, 1u);
  }
  EXPECT_THAT(DrawPosition({}, {}, {}, {{}, 0, {}}, kId, 1).ticks, ElementsAre(kTicksTotal));
}

TEST(Position, GaussianArmsAgainstAKnownValue) {
  const bool left[] = {true, true};
  // Any finite value may be known; the arms lie 40 sds to its sides.
  const PositionDraw draw = DrawPosition({GaussArm{-1040, 1}, GaussArm{-960, 1}}, left,
                                         {-1000.0, {}}, {{}, 0, {}}, kId, 1);
  EXPECT_LE(draw.ticks[0], 1u);
  EXPECT_GE(draw.ticks[1], kTicksTotal - 2);
  EXPECT_EQ(draw.drawn, 1u);
}

TEST(Position, GaussianArmsAgainstAPosterior) {
  const bool left[] = {true};
  // The difference has mean 1 and sd sqrt(2): P = Phi(1 / sqrt(2)).
  const PositionDraw draw =
      DrawPosition({GaussArm{5, 1}}, left, {std::nullopt, GaussArm{4, 1}}, {{}, 0, {}}, kId, 1);
  EXPECT_NEAR(PropensityOf(draw.ticks[0]), 0.5 * std::erfc(-0.5), 2e-6);
}

// More arms than the stack has room for.
TEST(Position, ManyArms) {
  const std::vector<Posterior> arms(300, BetaArm{2, 30});
  const absl::InlinedVector<bool, 1> left(300, true);
  const PositionDraw draw =
      DrawPosition(arms, left, {std::nullopt, BetaArm{2, 30}}, {{}, 0, {}}, kId, 1);
  EXPECT_EQ(SumOf(draw), kTicksTotal);
  EXPECT_NEAR(PropensityOf(draw.ticks[150]), 1 / 301.0, 1e-8);
}

TEST(PositionDeathTest, OneFamilyOnly) {
  const bool left[] = {true, true};
  EXPECT_DEATH(DrawPosition({BetaArm{}, GaussArm{}}, left, {0.0, {}}, {{}, 0, {}}, kId, 1), "");
  EXPECT_DEATH(
      DrawPosition({GaussArm{}, GaussArm{}}, left, {std::nullopt, BetaArm{}}, {{}, 0, {}}, kId, 1),
      "");
}

}  // namespace
}  // namespace fulcrum::policy
