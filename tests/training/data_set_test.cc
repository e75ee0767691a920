// The pieces between rows and trees: the split, the weights, the summaries, the counts.
#include "training/data_set.h"

#include <cmath>
#include <limits>
#include <numeric>

#include "base/random.h"
#include "tests/support/status_matchers.h"
#include "training/counts.h"
#include "training/summaries.h"
#include "training/weights.h"

namespace fulcrum::training {
namespace {

using ::testing::HasSubstr;

TEST(SplitByTime, HoldsBackTheLatestShare) {
  std::vector<int64_t> times(10);
  std::iota(times.begin(), times.end(), 100);
  EXPECT_EQ(SplitByTime(times, 0.2).value(), 8);
  EXPECT_EQ(SplitByTime(times, 0.29).value(), 8);
  EXPECT_EQ(SplitByTime(times, 0).value(), 10);
  EXPECT_EQ(SplitByTime(times, 0.05).value(), 10);
}

TEST(SplitByTime, NeverCutsAnInstantInTwo) {
  const std::vector<int64_t> later = {1, 2, 3, 3, 3, 3};
  EXPECT_EQ(SplitByTime(later, 0.4).value(), 2);
  const std::vector<int64_t> earlier = {1, 1, 1, 1, 2, 3};
  EXPECT_EQ(SplitByTime(earlier, 0.6).value(), 4);
  const std::vector<int64_t> alike = {7, 7, 7};
  EXPECT_THAT(SplitByTime(alike, 0.4), testing::StatusIs(absl::StatusCode::kInvalidArgument,
                                                         HasSubstr("validation share of 0")));
  EXPECT_EQ(SplitByTime(alike, 0).value(), 3);
}

TEST(InversePropensities, AreMultiplesOfTheMeanOfTheRowsLearnedFrom) {
  // Means of 1/p over the first three: (2 + 4 + 6) / 3 = 4.
  const std::vector<double> propensities = {1.0 / 2, 1.0 / 4, 1.0 / 6, 1.0 / 40, 1.0 / 48, 1};
  const Weights weights = InversePropensities(propensities, 3, 10);
  EXPECT_DOUBLE_EQ(weights.mean_inverse, 4);
  EXPECT_THAT(weights.values,
              ::testing::Pointwise(::testing::FloatEq(), {0.5F, 1.0F, 1.5F, 10.0F, 10.0F, 0.25F}));
  EXPECT_DOUBLE_EQ(weights.cut_share, 1.0 / 6);  // ten times the mean itself is not cut
  const double sum = 23.25;
  const double squares = 0.25 + 1 + 2.25 + 100 + 100 + 0.0625;
  EXPECT_NEAR(weights.effective_sample_size, sum * sum / squares, 1e-9);
}

// Straight from the definitions, over long double.
config::ColumnSummary ByHand(std::vector<float> column) {
  config::ColumnSummary summary;
  const size_t rows = column.size();
  std::erase_if(column, [](float value) { return std::isnan(value); });
  summary.count = column.size();
  summary.missing_share = 1 - static_cast<double>(column.size()) / static_cast<double>(rows);
  if (column.empty()) return summary;
  long double mean = 0;
  for (const float value : column) mean += static_cast<long double>(value) / column.size();
  long double variance = 0;
  for (const float value : column) variance += (value - mean) * (value - mean) / column.size();
  summary.mean = static_cast<double>(mean);
  summary.sd = static_cast<double>(std::sqrt(variance));
  std::sort(column.begin(), column.end());
  for (int tenth = 0; tenth <= 10; ++tenth) {
    const double place = 0.1 * tenth * static_cast<double>(column.size() - 1);
    const auto low = static_cast<size_t>(std::floor(place + 1e-9));
    const size_t high = std::min(low + 1, column.size() - 1);
    const double part = place - static_cast<double>(low);
    summary.quantiles.push_back((1 - part) * static_cast<double>(column[low]) +
                                part * static_cast<double>(column[high]));
  }
  return summary;
}

TEST(Summarise, EqualsThePlainComputation) {
  constexpr float kMissing = std::numeric_limits<float>::quiet_NaN();
  base::RandomStream random(3);
  DataSet data;
  data.columns.resize(5);
  std::vector<std::vector<float>> columns(5);
  for (int row = 0; row < 777; ++row) {
    const float values[] = {
        static_cast<float>(random.NextUniform()),
        random.NextBelow(3) == 0 ? kMissing : static_cast<float>(random.NextBelow(7)), kMissing,
        0.1F, static_cast<float>(random.NextBelow(2))};
    for (size_t column = 0; column < 5; ++column) {
      data.values.push_back(values[column]);
      columns[column].push_back(values[column]);
    }
    data.labels.push_back(0);
  }
  const std::vector<config::ColumnSummary> summaries = Summarise(data);
  ASSERT_EQ(summaries.size(), 5);
  for (size_t column = 0; column < 5; ++column) {
    const config::ColumnSummary expected = ByHand(columns[column]);
    EXPECT_EQ(summaries[column].count, expected.count) << column;
    EXPECT_NEAR(summaries[column].missing_share, expected.missing_share, 1e-12) << column;
    EXPECT_NEAR(summaries[column].mean, expected.mean, 1e-12) << column;
    EXPECT_NEAR(summaries[column].sd, expected.sd, 1e-9) << column;
    EXPECT_THAT(summaries[column].quantiles,
                ::testing::Pointwise(::testing::DoubleNear(1e-9), expected.quantiles))
        << column;
    EXPECT_TRUE(
        std::is_sorted(summaries[column].quantiles.begin(), summaries[column].quantiles.end()));
  }
  EXPECT_GT(summaries[1].missing_share, 0.2);
  EXPECT_EQ(summaries[2].count, 0);
  EXPECT_TRUE(summaries[2].quantiles.empty());
}

TEST(Counts, OfTheSegmentAndOfAll) {
  Counts counts;
  counts.Add("north", "hat", 1);
  counts.Add("north", "hat", 0);
  counts.Add("south", "hat", 0.5);
  counts.Add("", "hat", 1);
  counts.Add("a,b", "say \"x\"", 0);
  EXPECT_EQ(counts.ToCsv(),
            "segment,action_id,trials,successes\n"
            ",hat,4,2.5\n"
            ",\"say \"\"x\"\"\",1,0\n"
            "\"a,b\",\"say \"\"x\"\"\",1,0\n"
            "north,hat,2,1\n"
            "south,hat,1,0.5\n");
}

}  // namespace
}  // namespace fulcrum::training
