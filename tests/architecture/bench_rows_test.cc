// The figures of `make bench` are only as good as the helpers that make them.
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>

#include "bench/interleave.h"
#include "bench/rows.h"
#include "gtest/gtest.h"
#include "tests/support/temporary_directory.h"

namespace fulcrum::bench {
namespace {

TEST(BenchRows, HoldsFollowsTheDirection) {
  Row row{.name = "r", .value = 3, .unit = "us", .aim = 4, .direction = Aim::kAtMost};
  EXPECT_TRUE(Holds(row));
  row.value = 4.5;
  EXPECT_FALSE(Holds(row));
  row.direction = Aim::kAtLeast;
  EXPECT_TRUE(Holds(row));
  row.value = std::numeric_limits<double>::quiet_NaN();
  EXPECT_FALSE(Holds(row));
}

TEST(BenchRows, AppendsOneLinePerRow) {
  const testing::TemporaryDirectory directory;
  const std::string path = directory.path() + "/rows.jsonl";
  ASSERT_EQ(::setenv("FULCRUM_BENCH_ROWS", path.c_str(), 1), 0);
  ReportRow({.name = "a", .value = 1.5, .unit = "us", .aim = 2, .against = "the \"peer\""});
  ReportRow({.name = "b",
             .value = std::numeric_limits<double>::infinity(),
             .unit = "ratio",
             .aim = 1,
             .direction = Aim::kAtLeast,
             .gate = Gate::kGated});
  ASSERT_EQ(::unsetenv("FULCRUM_BENCH_ROWS"), 0);
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  EXPECT_EQ(text.str(),
            "{\"name\": \"a\", \"value\": 1.5, \"unit\": \"us\", \"aim\": 2, "
            "\"direction\": \"at most\", \"gated\": false, \"holds\": true, "
            "\"against\": \"the \\\"peer\\\"\"}\n"
            "{\"name\": \"b\", \"value\": null, \"unit\": \"ratio\", \"aim\": 1, "
            "\"direction\": \"at least\", \"gated\": true, \"holds\": false, "
            "\"against\": \"\"}\n");
}

TEST(Interleave, TakesTurnsAndDropsTheWarmUp) {
  std::string order;
  int a = 0;
  int b = 0;
  const auto figures = Interleave(
      10, [&] { return order += 'a', ++a; }, [&] { return order += 'b', ++b; });
  EXPECT_EQ(order, "ababababababababababab");
  ASSERT_EQ(figures.size(), 10U);
  EXPECT_EQ(figures.front(), std::make_pair(2, 2));
}

TEST(Interleave, MedianOfRatiosIgnoresAnOutlier) {
  const std::vector<std::pair<double, double>> figures = {{2, 1}, {900, 1}, {4, 2}};
  EXPECT_DOUBLE_EQ(MedianRatio(figures, [](double value) { return value; }), 2);
  EXPECT_DOUBLE_EQ(Median({1, 2, 3, 10}), 2.5);
}

TEST(InterleaveDeathTest, TooFewPairsAreNoEvidence) {
  EXPECT_DEATH(static_cast<void>(Interleave(
                   9, [] { return 1.0; }, [] { return 1.0; })),
               "");
}

}  // namespace
}  // namespace fulcrum::bench
