#include "apps/service_status.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "telemetry/metrics.h"
#include "tests/support/status_matchers.h"

namespace fulcrum::apps {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

ServiceStatus StatusOfText(const std::string& text) {
  const auto values = telemetry::ReadExposition(text);
  EXPECT_THAT(values, testing::IsOk());
  return StatusOf(*values);
}

constexpr char kWell[] =
    "fulcrum_build_info{version=\"1.2\"} 1\nfulcrum_log_healthy 1\nfulcrum_log_disk_low 0\n"
    "fulcrum_learning_lag_records 3\n"
    "fulcrum_decisions_total{surface=\"home\",answer=\"full\",reason=\"none\"} 90\n"
    "fulcrum_decisions_total{surface=\"home\",answer=\"degraded\",reason=\"feature_stale\"} 5\n"
    "fulcrum_decisions_total{surface=\"home\",answer=\"neutral\",reason=\"deadline\"} 4\n"
    "fulcrum_decisions_total{surface=\"home\",answer=\"neutral\",reason=\"none\"} 1\n"
    "fulcrum_decisions_total{surface=\"mail\",answer=\"held_out\",reason=\"none\"} 7\n"
    "fulcrum_budget_limit{row=\"day\"} 200\nfulcrum_budget_spent{row=\"day\"} 50\n"
    "fulcrum_selftest_block_positions{surface=\"home\"} 1024\n"
    "fulcrum_selftest_drawn_p_value{surface=\"home\"} 0.25\n"
    "fulcrum_selftest_mean_weight{surface=\"home\"} 1.01\n"
    "fulcrum_selftest_entropy{surface=\"home\"} 0.5\n"
    "fulcrum_selftest_drawn_alarms_total{surface=\"home\"} 0\n";

TEST(ServiceStatusTest, CountsAndFigures) {
  const ServiceStatus status = StatusOfText(kWell);
  EXPECT_EQ(status.version, "1.2");
  EXPECT_EQ(status.learning_lag, 3);
  ASSERT_EQ(status.surfaces.size(), 2u);
  EXPECT_EQ(status.surfaces[0].decisions, 100u);
  EXPECT_EQ(status.surfaces[0].drawn, 95u);
  EXPECT_EQ(status.surfaces[0].fallbacks, 4u);  // the fifth is a log-only surface's answer
  EXPECT_EQ(status.surfaces[1].fallbacks, 0u);
  EXPECT_EQ(status.rows[0].spent, 50);
  EXPECT_THAT(status.alarms, IsEmpty());
  const std::string text = ToText(status);
  EXPECT_THAT(text, HasSubstr("95.00 %"));
  EXPECT_THAT(text, HasSubstr("25.0%"));
  EXPECT_THAT(text, HasSubstr("not yet"));  // `mail` has no judged block
  EXPECT_THAT(text, HasSubstr("no alarms"));
  EXPECT_THAT(ToJson(status), HasSubstr("\"drawn_p_value\":0.25"));
}

TEST(ServiceStatusTest, ALedgerThatDiffersFromItsLogIsAnAlarm) {
  EXPECT_THAT(StatusOfText(absl::StrCat(kWell,
                                        "fulcrum_ledger_audit_differing_sums 0\n"
                                        "fulcrum_ledger_audit_overspent_leases 0\n"))
                  .alarms,
              IsEmpty());
  EXPECT_THAT(StatusOfText(absl::StrCat(kWell, "fulcrum_ledger_audit_differing_sums 2\n")).alarms,
              ElementsAre(HasSubstr("differ on 2 sum(s)")));
  EXPECT_THAT(StatusOfText(absl::StrCat(kWell, "fulcrum_ledger_audit_overspent_leases 1\n")).alarms,
              ElementsAre(HasSubstr("1 lease(s) are overspent")));
}

TEST(ServiceStatusTest, ABandThatIsLeftIsAnAlarm) {
  const std::string band = absl::StrCat(kWell, "fulcrum_parity_ratio_min{parity=\"deals\"} 0.8\n");
  EXPECT_THAT(StatusOfText(band).alarms, IsEmpty());
  EXPECT_THAT(
      StatusOfText(absl::StrCat(band, "fulcrum_parity_ratio{parity=\"deals\"} 0.81\n")).alarms,
      IsEmpty());
  EXPECT_THAT(
      StatusOfText(absl::StrCat(band, "fulcrum_parity_ratio{parity=\"deals\"} 0.5\n")).alarms,
      ElementsAre(HasSubstr("parity deals: a cohort is shown 0.50 times as much")));
}

TEST(ServiceStatusTest, WhatIsPausedIsToldAndNoAlarm) {
  ServiceStatus status = StatusOfText(absl::StrCat(
      kWell, "fulcrum_switches{kind=\"all\"} 0\nfulcrum_switches{kind=\"campaign\"} 1\n"));
  EXPECT_THAT(status.alarms, IsEmpty());
  EXPECT_THAT(ToText(status), HasSubstr("PAUSED: 1 of kind campaign\n"));
  status.switches = {{{SwitchKind::kCampaign, "spring"},
                      "bad prices",
                      "ann",
                      absl::FromUnixSeconds(1574553600),
                      absl::FromUnixSeconds(1574553660),
                      7}};
  EXPECT_THAT(ToText(status),
              HasSubstr("PAUSED: campaign:spring, paused by ann since 2019-11-24T00:00:00Z until "
                        "2019-11-24T00:01:00Z (LSN 7): bad prices\n"));
  EXPECT_THAT(ToJson(status), HasSubstr("\"target\":\"campaign:spring\""));
}

TEST(ServiceStatusTest, AlarmsAreToldInWords) {
  const ServiceStatus status =
      StatusOfText(absl::StrCat(kWell,
                                "fulcrum_log_healthy 0\nfulcrum_log_disk_low 1\n"
                                "fulcrum_selftest_weight_alarms_total{surface=\"mail\"} 2\n"));
  EXPECT_THAT(status.alarms,
              ElementsAre(HasSubstr("disk error"), HasSubstr("disk_reserve_bytes"),
                          "surface mail: the mean weight was not 1 in 2 block(s) since the start"));
  EXPECT_THAT(ToText(status), Not(HasSubstr("no alarms")));
}

TEST(ServiceStatusTest, AnotherPageIsNoService) {
  EXPECT_EQ(StatusOfText("go_goroutines 7\n").version, "");
}

}  // namespace
}  // namespace fulcrum::apps
