#include "apps/scrape.h"

#include "absl/strings/str_cat.h"
#include "apps/service_status.h"
#include "gmock/gmock.h"
#include "telemetry/metrics.h"
#include "tests/support/status_matchers.h"

namespace fulcrum::apps {
namespace {

using ::testing::HasSubstr;

TEST(ScrapeTest, ReadsARunningService) {
  telemetry::Metrics metrics({"home"});
  metrics.CountDecision(0, Answer::kFull, Degradation::kNone);
  const auto port = metrics.Serve("127.0.0.1:0");
  ASSERT_THAT(port, testing::IsOk());
  const auto values = Scrape(absl::StrCat("127.0.0.1:", *port), absl::Seconds(10));
  ASSERT_THAT(values, testing::IsOk());
  const ServiceStatus status = StatusOf(*values);
  EXPECT_NE(status.version, "");
  ASSERT_EQ(status.surfaces.size(), 1u);
  EXPECT_EQ(status.surfaces[0].drawn, 1u);
  metrics.Close();
  const auto gone = Scrape(absl::StrCat("127.0.0.1:", *port), absl::Seconds(10));
  EXPECT_EQ(gone.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(gone.status().message()), HasSubstr("--metrics"));
}

}  // namespace
}  // namespace fulcrum::apps
