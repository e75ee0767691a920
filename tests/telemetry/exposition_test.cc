#include "telemetry/exposition.h"

#include <cmath>

#include "gmock/gmock.h"
#include "telemetry/metrics.h"
#include "tests/support/status_matchers.h"

namespace fulcrum::telemetry {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

TEST(Exposition, ReadsWhatTheServiceWrites) {
  Metrics metrics({"home", "mail"});
  metrics.CountDecision(1, Answer::kHeldOut, Degradation::kNone);
  const auto values = ReadExposition(metrics.Text());
  ASSERT_THAT(values, testing::IsOk());
  double held_out = 0, others = 0;
  for (const SeriesValue& one : *values) {
    if (one.name != "fulcrum_decisions_total") continue;
    const bool counted = one.labels.at("surface") == "mail" &&
                         one.labels.at("answer") == "held_out" && one.labels.at("reason") == "none";
    (counted ? held_out : others) += one.value;
  }
  EXPECT_EQ(held_out, 1);
  EXPECT_EQ(others, 0);
}

TEST(Exposition, ReadsTheWholeFormat) {
  const auto values = ReadExposition(
      "# HELP a b\n\n  x 1\ny{a=\"1\", b = \"q\\\"\\\\\\n\" , } -2.5e3 1700000000000\n"
      "z{} +Inf\nn NaN\nlast{le=\"+Inf\"} 7");
  ASSERT_THAT(values, testing::IsOk());
  ASSERT_EQ(values->size(), 5u);
  EXPECT_THAT((*values)[0].labels, IsEmpty());
  EXPECT_EQ((*values)[1].value, -2500);
  EXPECT_THAT((*values)[1].labels, ElementsAre(Pair("a", "1"), Pair("b", "q\"\\\n")));
  EXPECT_TRUE(std::isinf((*values)[2].value));
  EXPECT_TRUE(std::isnan((*values)[3].value));
  EXPECT_EQ((*values)[4].labels.at("le"), "+Inf");
}

TEST(Exposition, RefusesWhatIsNone) {
  for (const char* bad :
       {"<html>", "x", "x y", "x{a} 1", "x{a=1} 1", "x{a=\"1} 1", "x{a=\"1\" 1", "{a=\"1\"} 1",
        "x{a=\"1\",a=\"2\"} 1", "x{a=\"1\"b=\"2\"} 1", "x{a=\"\\"}) {
    const auto values = ReadExposition(std::string("ok 1\n") + bad);
    EXPECT_EQ(values.status().code(), absl::StatusCode::kInvalidArgument) << bad;
    EXPECT_THAT(std::string(values.status().message()), HasSubstr("line 2")) << bad;
  }
}

}  // namespace
}  // namespace fulcrum::telemetry
