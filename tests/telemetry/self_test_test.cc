// The running service's test of itself finds what it is there to find, and nothing else.
#include "telemetry/self_test.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

#include "base/random.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/statistics.h"

namespace fulcrum::telemetry {
namespace {

TEST(ChiSquareTail, IsThatOfTheTables) {
  for (int degrees = 1; degrees <= 8; ++degrees) {
    for (const double x : {0.0, 0.1, 1.0, 5.0, 20.0, 60.0}) {
      EXPECT_NEAR(ChiSquareTail(x, degrees), fulcrum::testing::ChiSquarePValue(x, degrees),
                  1e-9 + 1e-6 * ChiSquareTail(x, degrees))
          << x << ", " << degrees;
    }
  }
}

// Distributions over 2 to 12 actions that differ from draw to draw, some masked.
std::vector<Ticks> AnyTicks(base::RandomStream& random) {
  std::vector<double> p(2 + random.NextBelow(11));
  double sum = 0;
  for (double& one : p) {
    one = random.NextBelow(5) == 0 ? 0 : std::pow(random.NextUniform(), 3);
    sum += one;
  }
  std::vector<Ticks> ticks;
  Ticks total = 0;
  for (const double one : p) {
    ticks.push_back(sum > 0 ? static_cast<Ticks>(one / sum * static_cast<double>(kTicksTotal)) : 0);
    total += ticks.back();
  }
  *std::max_element(ticks.begin(), ticks.end()) += kTicksTotal - total;
  return ticks;
}

size_t DrawFrom(const std::vector<Ticks>& ticks, base::RandomStream& random) {
  Ticks left = random.Next32();
  size_t i = 0;
  while (left >= ticks[i]) left -= ticks[i++];
  return i;
}

std::vector<Ticks> LargestTooSmall(const std::vector<Ticks>& ticks) {
  const auto largest =
      static_cast<size_t>(std::max_element(ticks.begin(), ticks.end()) - ticks.begin());
  if (ticks[largest] == kTicksTotal) return ticks;
  const Ticks value = ticks[largest] / 100 * 95;
  const double factor =
      PropensityOf(kTicksTotal - value) / PropensityOf(kTicksTotal - ticks[largest]);
  std::vector<Ticks> result;
  Ticks total = 0;
  for (size_t i = 0; i < ticks.size(); ++i) {
    result.push_back(i == largest ? value
                                  : static_cast<Ticks>(static_cast<double>(ticks[i]) * factor));
    total += result.back();
  }
  result[largest] += kTicksTotal - total;
  return result;
}

LogEvent Decision(const std::vector<Ticks>& ticks, size_t drawn) {
  DecisionRecord record;
  record.surface = "page";
  for (size_t i = 0; i + 1 < ticks.size(); ++i) {
    record.candidates.push_back({.action_id = std::string(1, static_cast<char>('a' + i))});
  }
  PositionRecord& position = record.positions.emplace_back();
  position.action_id =
      drawn + 1 == ticks.size() ? kNeutralActionId : record.candidates[drawn].action_id;
  position.ticks = ticks;
  return record;
}

TEST(SelfTest, RightDrawsRaiseNoAlarm) {
  base::RandomStream random(1);
  std::vector<double> p_values;
  for (int run = 0; run < 400; ++run) {
    SelfTestBlock block;
    for (int i = 0; i < 2048; ++i) {
      const std::vector<Ticks> ticks = AnyTicks(random);
      block.Add(ticks, DrawFrom(ticks, random));
    }
    EXPECT_GT(block.DrawnPValue(), 1e-6) << run;
    EXPECT_LT(std::fabs(block.WeightZ()), 6) << run;
    EXPECT_NEAR(block.MeanWeight(), 1, 0.3);
    EXPECT_GT(block.Entropy(), 0.3);
    p_values.push_back(block.DrawnPValue());
  }
  // They are uniform: the covariance is right.
  EXPECT_GT(fulcrum::testing::KolmogorovSmirnovPValue(p_values), 1e-4);
}

TEST(SelfTest, FindsAMaskThatIsIgnoredAtOnce) {
  SelfTestBlock block;
  block.Add(std::vector<Ticks>{0, kTicksTotal / 2, kTicksTotal / 2}, 0);
  EXPECT_EQ(block.DrawnPValue(), 0);
  EXPECT_EQ(block.impossible(), 1u);
}

// Blocks of an hour's traffic: 1,024 + 2,048 + .. positions.
SelfTestReport Watch(const std::function<LogEvent(base::RandomStream&)>& decide, int positions) {
  base::RandomStream random(2);
  SelfTest test(std::vector<std::string>{"page", "other"});
  for (int i = 0; i < positions; ++i) test.Observe(decide(random));
  const std::vector<SelfTestReport> reports = test.Report();
  EXPECT_EQ(reports.size(), 2u);
  EXPECT_EQ(reports[0].surface, "other");
  EXPECT_EQ(reports[0].positions, 0u);
  return reports[1];
}

TEST(SelfTest, FindsAPropensityThatIsOff) {
  const SelfTestReport report = Watch(
      [](base::RandomStream& random) {
        const std::vector<Ticks> ticks = AnyTicks(random);
        return Decision(LargestTooSmall(ticks), DrawFrom(ticks, random));
      },
      31 * 1024);
  EXPECT_GE(report.drawn_alarms, 1u);
  EXPECT_EQ(report.block, 16u * 1024);
  EXPECT_LT(report.drawn_p_value, 1e-6);
}

TEST(SelfTest, FindsARedraw) {
  const SelfTestReport report = Watch(
      [](base::RandomStream& random) {
        const std::vector<Ticks> ticks = AnyTicks(random);
        const auto largest =
            static_cast<size_t>(std::max_element(ticks.begin(), ticks.end()) - ticks.begin());
        size_t drawn = DrawFrom(ticks, random);
        // 6 % of all draws are the largest, refused, and drawn again without it.
        const bool refused = drawn == largest && ticks[largest] < kTicksTotal / 100 * 99 &&
                             random.NextUniform() < 0.06 / PropensityOf(ticks[largest]);
        while (refused && drawn == largest) drawn = DrawFrom(ticks, random);
        return Decision(ticks, drawn);
      },
      63 * 1024);
  EXPECT_GE(report.drawn_alarms, 1u);
}

TEST(SelfTest, FindsPropensitiesThatWereRoundedUp) {
  // Every small propensity is logged as if it were at least 0.1.
  const SelfTestReport report = Watch(
      [](base::RandomStream& random) {
        const std::vector<Ticks> ticks = {kTicksTotal / 50 * 2, kTicksTotal - kTicksTotal / 50 * 2};
        const std::vector<Ticks> told = {kTicksTotal / 10, kTicksTotal - kTicksTotal / 10};
        return Decision(told, DrawFrom(ticks, random));
      },
      3 * 1024);
  EXPECT_GE(report.weight_alarms, 1u);
  EXPECT_LT(report.mean_weight, 0.9);
}

TEST(SelfTest, FindsACollapse) {
  const SelfTestReport report = Watch(
      [](base::RandomStream& random) {
        const std::vector<Ticks> ticks = {1, 1, kTicksTotal - 2};
        return Decision(ticks, DrawFrom(ticks, random));
      },
      1024);
  EXPECT_EQ(report.entropy_alarms, 1u);
  EXPECT_EQ(report.drawn_alarms, 0u);
  EXPECT_LT(report.entropy, 1e-6);
}

TEST(SelfTest, OneActionIsNoCollapse) {
  const SelfTestReport report =
      Watch([](base::RandomStream&) { return Decision({kTicksTotal}, 0); }, 1024);
  EXPECT_EQ(report.block, 1024u);
  EXPECT_EQ(report.entropy_alarms, 0u);
}

TEST(SelfTest, SeesWhatWasDrawnAndNotServed) {
  base::RandomStream random(3);
  SelfTest test(std::vector<std::string>{"page"});
  LogEvent event = Decision({kTicksTotal / 2, kTicksTotal / 2}, 1);
  auto& record = std::get<DecisionRecord>(event);
  record.unserved = std::exchange(record.positions, {{.action_id = "a"}});
  record.answer = Answer::kHeldOut;
  test.Observe(event);
  record.detail = Detail::kSampledOut;
  test.Observe(event);
  test.Observe(ExposureRecord{});
  EXPECT_EQ(test.Report()[0].positions, 1u);
}

}  // namespace
}  // namespace fulcrum::telemetry
