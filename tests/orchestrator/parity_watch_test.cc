#include "orchestrator/parity_watch.h"

#include "gmock/gmock.h"
#include "tests/orchestrator/ledger_fixture.h"

namespace fulcrum::orchestrator::testing {
namespace {

// Actions a and b of the band, c beside it; surfaces home and mail.
class ParityWatchTest : public ::testing::Test {
 protected:
  ParityWatchTest() {
    BundleBuilder builder;
    builder.Campaign("x").Action("a", 1).Action("b", 1).Action("c", 1);
    bundle_ = builder.Build();
    for (const char* id : {"home", "mail"}) {
      bundle_->surface_index.emplace(id, static_cast<int32_t>(bundle_->surfaces.size()));
      bundle_->surfaces.emplace_back().id = id;
    }
    config::Parity band;
    band.id = "band";
    band.actions = {0, 1};
    band.ratio_min = 0.8;
    band.span_us = absl::ToInt64Microseconds(absl::Hours(32));
    band.decisions_min = 10;
    bundle_->parity.push_back(band);
  }
  config::Parity& band() { return bundle_->parity.front(); }

  void Watch() { watch_ = std::make_unique<ParityWatch>(bundle_); }
  void Decide(const std::string& cohort, const std::vector<std::string>& shown, int times,
              const std::string& surface = "home") {
    for (int i = 0; i < times; ++i) {
      DecisionRecord record;
      record.occurred_us = absl::ToUnixMicros(now_);
      record.surface = surface;
      record.segment = cohort;
      record.region = "r-" + cohort;
      for (const std::string& one : shown) record.positions.emplace_back().action_id = one;
      watch_->OnLogged(++lsn_, record);
    }
  }
  ParityReport Report() const { return watch_->Report().front(); }

  std::shared_ptr<config::Bundle> bundle_;
  std::unique_ptr<ParityWatch> watch_;
  absl::Time now_ = absl::FromUnixSeconds(1574553600);
  Lsn lsn_ = 0;
};

TEST_F(ParityWatchTest, RatesAreSharesOfDecisions) {
  Watch();
  Decide("gold", {"a", "b"}, 5);  // one decision each, however many of the actions it shows
  Decide("gold", {"c"}, 5);
  Decide("iron", {"c", "b"}, 3);
  Decide("iron", {kNeutralActionId}, 17);
  Decide("", {"a"}, 50);
  const ParityReport report = Report();
  ASSERT_EQ(report.cohorts.size(), 2u);
  EXPECT_EQ(report.cohorts[0].cohort, "gold");
  EXPECT_EQ(report.cohorts[0].decisions, 10u);
  EXPECT_DOUBLE_EQ(report.cohorts[0].rate(), 0.5);
  EXPECT_DOUBLE_EQ(report.cohorts[1].rate(), 0.15);
  EXPECT_EQ(report.judged, 2u);
  EXPECT_DOUBLE_EQ(report.ratio, 0.3);
  EXPECT_FALSE(report.within());
}

TEST_F(ParityWatchTest, FewDecisionsAreNotJudged) {
  Watch();
  Decide("gold", {"a"}, 20);
  Decide("iron", {"c"}, 9);
  EXPECT_EQ(Report().judged, 1u);
  EXPECT_TRUE(Report().within());
  Decide("iron", {"c"}, 1);
  EXPECT_EQ(Report().judged, 2u);
  EXPECT_FALSE(Report().within());
}

TEST_F(ParityWatchTest, ScopeIsKept) {
  band().by = config::ParityBy::kRegion;
  band().cohorts = {"r-gold", "r-iron"};
  band().surfaces = {1};
  Watch();
  Decide("gold", {"a"}, 12);          // another surface
  Decide("tin", {"a"}, 12, "mail");   // another cohort
  Decide("gold", {"a"}, 12, "gone");  // a surface that the bundle does not know
  Decide("gold", {"a"}, 11, "mail");
  const ParityReport report = Report();
  ASSERT_EQ(report.cohorts.size(), 2u);
  EXPECT_EQ(report.cohorts[0].decisions, 11u);
  EXPECT_EQ(report.cohorts[1].decisions, 0u);
}

TEST_F(ParityWatchTest, WhatIsOlderThanTheSpanCountsNoLonger) {
  Watch();
  Decide("gold", {"a"}, 20);
  now_ += absl::Hours(20);
  Decide("gold", {"c"}, 20);
  EXPECT_DOUBLE_EQ(Report().cohorts[0].rate(), 0.5);
  now_ += absl::Hours(13);
  Decide("iron", {"c"}, 1);  // time goes on for all cohorts
  EXPECT_EQ(Report().cohorts[0].decisions, 20u);
  EXPECT_DOUBLE_EQ(Report().cohorts[0].rate(), 0);
  now_ -= absl::Hours(33);
  Decide("gold", {"a"}, 1);  // too late
  EXPECT_EQ(Report().cohorts[0].decisions, 20u);
}

TEST_F(ParityWatchTest, CohortsAreBounded) {
  Watch();
  for (size_t i = 0; i < 2 * kCohortsMax; ++i) Decide(absl::StrCat("cohort-", i), {"a"}, 1);
  EXPECT_EQ(Report().cohorts.size(), kCohortsMax);
}

TEST_F(ParityWatchTest, NothingShownIsWithin) {
  Watch();
  Decide("gold", {"c"}, 20);
  Decide("iron", {"c"}, 20);
  EXPECT_TRUE(Report().within());
}

}  // namespace
}  // namespace fulcrum::orchestrator::testing
