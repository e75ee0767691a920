// Bounds of probabilities: against the divergence they minimise, solved by bisection, and what must
// hold whatever is asked for.
#include "policy/bands.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>

#include "base/random.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "policy/choice.h"
#include "policy/narrow.h"
#include "policy/position.h"

namespace fulcrum::policy {
namespace {

using ::testing::ElementsAre;

constexpr Ticks kTenth = kTicksTotal / 10;

std::vector<double> Probabilities(const std::vector<Ticks>& ticks) {
  std::vector<double> result;
  for (const Ticks one : ticks) result.push_back(PropensityOf(one));
  return result;
}

TEST(Bands, HoldAndTheOthersKeepTheirProportions) {
  const auto near = [](double value) { return ::testing::DoubleNear(value, 1e-8); };
  const std::vector<Share> shares = {{0, 0, 0.4}, {0, 0.2, 1}, {}, {}};
  EXPECT_THAT(
      Probabilities(ToTicksWithin({0.8, 0.05, 0.1, 0.05}, {true, true, true, true}, 0, shares)),
      ElementsAre(near(0.4), near(0.2), near(0.4 * 2 / 3), near(0.4 / 3)));
  // What is masked has no share, and its bound says nothing.
  EXPECT_THAT(
      Probabilities(ToTicksWithin({0.8, 0.05, 0.1, 0.05}, {true, false, true, true}, 0, shares)),
      ElementsAre(near(0.4), 0, near(0.4), near(0.2)));
}

TEST(Bands, TheNeutralActionTakesWhatNoOtherMayHave) {
  const std::vector<Share> shares = {{0, 0, 0.25}, {0, 0, 0.25}, {0, 0, 0.1}};
  EXPECT_THAT(ToTicksWithin({0.7, 0.3, 0}, {true, true, true}, 0, shares),
              ElementsAre(kTicksTotal / 4, kTicksTotal / 4, kTicksTotal / 2));
}

TEST(Bands, WhatNobodyWantedIsSharedEvenly) {
  // All of the greedy choice beyond 0.4, over two that it gave nothing.
  const std::vector<Ticks> ticks =
      ToTicksWithin({1, 0, 0}, {true, true, true}, 0, std::vector<Share>{{0, 0, 0.4}, {}, {}});
  EXPECT_NEAR(PropensityOf(ticks[0]), 0.4, 1e-9);
  EXPECT_NEAR(PropensityOf(ticks[1]), 0.3, 1e-9);
  EXPECT_NEAR(PropensityOf(ticks[2]), 0.3, 1e-9);
}

TEST(Bands, AnArmThatIsClosedHasNoTick) {
  const std::vector<Ticks> ticks = ToTicksWithin({0.5, 0.3, 0.2}, {true, true, true}, 0.1,
                                                 std::vector<Share>{{0, 0, 0}, {}, {}});
  EXPECT_EQ(ticks[0], 0u);
  EXPECT_EQ(ticks[1] + ticks[2], kTicksTotal);
}

TEST(Bands, BoundsThatSumToAllLeaveNoRoom) {
  // 0.1 has no binary form; the third entry still can be drawn.
  const std::vector<Share> shares = {{0, 0.9, 1}, {0, 0.1, 1}, {}};
  const std::vector<Ticks> ticks = ToTicksWithin({0, 0, 1}, {true, true, true}, 0, shares);
  EXPECT_NEAR(static_cast<double>(ticks[0]), 9 * static_cast<double>(kTenth), 10);
  EXPECT_GE(ticks[2], 1u);
  EXPECT_EQ(std::accumulate(ticks.begin(), ticks.end(), Ticks{0}), kTicksTotal);
}

TEST(Bands, FitTogetherOnlyUpToOne) {
  EXPECT_TRUE(FitTogether(std::vector<Share>{{0, 0.5, 1}, {0, 0.4, 1}}, 0.1));
  EXPECT_FALSE(FitTogether(std::vector<Share>{{0, 0.5, 1}, {0, 0.45, 1}}, 0.1));
}

struct Asked {
  std::vector<double> wanted;
  std::unique_ptr<bool[]> feasible;
  std::vector<Share> shares;
  double floor = 0;
};

Asked RandomAsked(base::RandomStream& random) {
  Asked asked;
  const size_t size = 2 + random.NextBelow(20);
  asked.feasible = std::make_unique<bool[]>(size);
  asked.floor = random.NextBelow(2) == 0 ? 0 : 0.3 * random.NextUniform();
  double room = 1 - asked.floor;
  for (size_t i = 0; i < size; ++i) {
    asked.feasible[i] = i + 1 == size || random.NextBelow(5) != 0;
    asked.wanted.push_back(random.NextBelow(4) == 0 ? 0.01 : random.NextUniform());
    Share share;
    if (random.NextBelow(2) == 0) share.min = 0.5 * room * random.NextUniform();
    if (random.NextBelow(2) == 0) share.max = std::min(1.0, share.min + 0.3 * random.NextUniform());
    room -= share.min;
    asked.shares.push_back(share);
  }
  return asked;
}

// By bisection on the factor that all are scaled by, with nothing of the code under test.
std::vector<double> Reference(const Asked& asked) {
  const size_t size = asked.wanted.size();
  double mass = 0, count = 0;
  for (size_t i = 0; i < size; ++i) {
    if (!asked.feasible[i]) continue;
    mass += asked.wanted[i];
    count += 1;
  }
  std::vector<double> low(size), high(size), p(size);
  double most = 0;
  for (size_t i = 0; i < size; ++i) {
    if (!asked.feasible[i]) continue;
    p[i] = (1 - asked.floor) * asked.wanted[i] / mass + asked.floor / count;
    high[i] = asked.shares[i].max;
    low[i] = std::max(asked.shares[i].min, std::min(asked.floor / count, high[i]));
    if (i + 1 < size) most += high[i];
  }
  high.back() = std::max(high.back(), 1 - most);
  const auto scaled = [&](double factor) {
    std::vector<double> result(size, 0.0);
    for (size_t i = 0; i < size; ++i) {
      if (asked.feasible[i]) result[i] = std::clamp(factor * p[i], low[i], high[i]);
    }
    return result;
  };
  double from = 0, to = 1e9;
  for (int step = 0; step < 200; ++step) {
    const double middle = 0.5 * (from + to);
    const std::vector<double> result = scaled(middle);
    (std::accumulate(result.begin(), result.end(), 0.0) < 1 ? from : to) = middle;
  }
  return scaled(to);
}

TEST(BandsProperty, IsTheClosestDistributionWithinTheBounds) {
  base::RandomStream random(11);
  for (int round = 0; round < 3000; ++round) {
    const Asked asked = RandomAsked(random);
    const size_t size = asked.wanted.size();
    const std::vector<Ticks> ticks = ToTicksWithin(
        asked.wanted, absl::MakeConstSpan(asked.feasible.get(), size), asked.floor, asked.shares);
    const std::vector<double> reference = Reference(asked);
    ASSERT_EQ(std::accumulate(ticks.begin(), ticks.end(), Ticks{0}), kTicksTotal);
    for (size_t i = 0; i < size; ++i) {
      ASSERT_NEAR(PropensityOf(ticks[i]), reference[i], 1e-7) << "round " << round << ", " << i;
      ASSERT_EQ(ticks[i] > 0, asked.feasible[i] && asked.shares[i].max > 0);
    }
  }
}

TEST(BandsProperty, WithoutBoundsItIsAsIfThereWereNone) {
  base::RandomStream random(12);
  for (int round = 0; round < 200; ++round) {
    const Asked asked = RandomAsked(random);
    const auto feasible = absl::MakeConstSpan(asked.feasible.get(), asked.wanted.size());
    const std::vector<Ticks> plain = ToTicks(asked.wanted, feasible, asked.floor);
    const std::vector<Ticks> within =
        ToTicksWithin(asked.wanted, feasible, asked.floor, std::vector<Share>(asked.wanted.size()));
    for (size_t i = 0; i < plain.size(); ++i) {
      ASSERT_NEAR(static_cast<double>(plain[i]), static_cast<double>(within[i]), 64);
    }
  }
}

TEST(Narrow, LeavesTheMostPromising) {
  const std::vector<Posterior> arms = {GaussArm{0.5, 0.3}, GaussArm{0.45, 0.01}, GaussArm{0.9, 1},
                                       GaussArm{0.4, 0.01}};
  const bool left[] = {true, true, false, true};
  EXPECT_THAT(LeftOut(arms, left, 0, 2), ElementsAre(3));
  EXPECT_THAT(LeftOut(arms, left, -1, 2), ElementsAre(0));  // little is known of it
  EXPECT_THAT(LeftOut(arms, left, 0, 1), ElementsAre(1, 3));
  EXPECT_THAT(LeftOut(arms, left, 0, 3), ElementsAre());
  const bool all[] = {true, true};
  EXPECT_THAT(LeftOut({BetaArm{2, 8}, BetaArm{2, 8}}, all, 0, 1), ElementsAre(1));
}

TEST(Shares, FixedOnesAreSharedAmongWhatCanBeDrawn) {
  const std::vector<Posterior> arms(3, BetaArm{1, 10});
  const std::vector<Share> shares = {{2}, {1}, {0}, {1}};
  const Rule rule{{PolicyKind::kFixedShares, 0}, 0, shares};
  const bool all[] = {true, true, true};
  EXPECT_THAT(DistributionOf(arms, all, {0.0, {}}, rule),
              ElementsAre(kTicksTotal / 2 - 1, kTicksTotal / 4, 1, kTicksTotal / 4));
  const bool some[] = {false, true, true};
  EXPECT_THAT(DistributionOf(arms, some, {0.0, {}}, rule),
              ElementsAre(0, kTicksTotal / 2 - 1, 1, kTicksTotal / 2));
  const std::vector<Share> none(4);
  EXPECT_EQ(DistributionOf(arms, all, {0.0, {}}, {{PolicyKind::kFixedShares, 0}, 0, none}).back(),
            kTicksTotal - 3);
}

TEST(Shares, RulesThatCannotBe) {
  const std::vector<Share> good = {{1, 0.2, 0.5}, {}};
  EXPECT_TRUE((Rule{{}, 0.1, good}.IsValid(1)));
  EXPECT_FALSE((Rule{{}, 0.1, good}.IsValid(2)));  // one share for each
  EXPECT_FALSE((Rule{{}, 0.9, good}.IsValid(1)));
  const double nan = std::nan("");
  for (const Share& bad : {Share{-1, 0, 1}, Share{nan, 0, 1}, Share{0, -0.1, 1}, Share{0, nan, 1},
                           Share{0, 0.5, 0.4}, Share{0, 0, 1.1}, Share{0, 0, nan}}) {
    EXPECT_FALSE((Rule{{}, 0, std::vector<Share>{bad, {}}}.IsValid(1)));
  }
  EXPECT_FALSE((Rule{{PolicyKind::kThompson, 0, 11}, 0, {}}.IsValid(1)));
  EXPECT_FALSE((Rule{{PolicyKind::kThompson, 0, nan}, 0, {}}.IsValid(1)));
  EXPECT_FALSE((Rule{{}, nan, {}}.IsValid(1)));
}

}  // namespace
}  // namespace fulcrum::policy
