#include "evaluation/replay_method.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/random.h"

namespace fulcrum::evaluation {
namespace {

std::vector<ReplayRow> Repeat(ReplayRow row, int times) {
  return std::vector<ReplayRow>(times, row);
}

std::vector<ReplayRow> Concat(std::initializer_list<std::vector<ReplayRow>> parts) {
  std::vector<ReplayRow> all;
  for (const auto& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

TEST(ReplayMethod, CountsMatchesAndTheirClicksOnly) {
  const auto rows = Concat({Repeat({true, true}, 3), Repeat({true, false}, 97),
                            Repeat({false, true}, 50), Repeat({false, false}, 50)});
  const ReplayEstimate estimate = EstimateByReplay(rows, 1);
  EXPECT_EQ(estimate.rows, 200u);
  EXPECT_EQ(estimate.matches, 100u);
  EXPECT_EQ(estimate.clicks, 3u);
  EXPECT_DOUBLE_EQ(estimate.click_rate, 0.03);
  EXPECT_DOUBLE_EQ(estimate.logged_click_rate, 53.0 / 200);
  EXPECT_DOUBLE_EQ(estimate.difference, 0.03 - 53.0 / 200);
}

TEST(ReplayMethod, NothingMatchedIsNotANumber) {
  const ReplayEstimate estimate = EstimateByReplay(Repeat({false, true}, 10), 1);
  EXPECT_TRUE(std::isnan(estimate.click_rate));
  EXPECT_TRUE(std::isnan(estimate.click_rate_low));
  EXPECT_TRUE(std::isnan(EstimateByReplay({}, 1).logged_click_rate));
}

TEST(ReplayMethod, TheSameSeedGivesTheSameInterval) {
  const auto rows =
      Concat({Repeat({true, true}, 20), Repeat({true, false}, 300), Repeat({false, false}, 700)});
  const ReplayEstimate one = EstimateByReplay(rows, 7);
  EXPECT_EQ(one.click_rate_low, EstimateByReplay(rows, 7).click_rate_low);
  EXPECT_NE(one.click_rate_low, EstimateByReplay(rows, 8).click_rate_low);
}

// A match is independent of the click here, so the true difference is 0 and a 95 % interval of it
// must hold 0 in about 95 of 100 worlds.
TEST(ReplayMethod, TheIntervalOfTheDifferenceCoversTheTruth) {
  base::RandomStream random(2024);
  int covered = 0;
  const int worlds = 200;
  for (int world = 0; world < worlds; ++world) {
    std::vector<ReplayRow> rows;
    for (int i = 0; i < 1200; ++i) {
      rows.push_back({random.NextUniform() < 1.0 / 3, random.NextUniform() < 0.2});
    }
    const ReplayEstimate estimate = EstimateByReplay(rows, random.Next64(), 400);
    covered += estimate.difference_low <= 0 && 0 <= estimate.difference_high ? 1 : 0;
  }
  EXPECT_GE(covered, 180);
  EXPECT_LE(covered, 199);
}

}  // namespace
}  // namespace fulcrum::evaluation
