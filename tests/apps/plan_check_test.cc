// A plan that can be checked by hand: an action that is all but certain to be drawn costs 1, the
// day's budget is 3, and ten decisions come every half hour.
#include "apps/plan_check.h"

#include <fstream>

#include "absl/strings/str_cat.h"
#include "decision_log/log_writer.h"
#include "tests/support/simulated_clock.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace fulcrum::apps {
namespace {

using ::fulcrum::testing::IsOk;
using ::fulcrum::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

constexpr int64_t kStartUs = int64_t{1574553600} * 1'000'000;  // a midnight
constexpr int64_t kGapUs = int64_t{1800} * 1'000'000;

class PlanChecked : public ::testing::Test {
 protected:
  void SetUp() override {
    std::ofstream(directory_.path() + "/bundle.yaml")
        << "server: {listen: '127.0.0.1:0', metrics_listen: '127.0.0.1:0', data_dir: data}\n"
           "surfaces:\n  - {id: page, campaigns: [paid], policy_salt: s, exploration_floor: 0,\n"
           "     baseline: {value: 0}}\n"
           "campaigns:\n  - id: paid\n    account: shop\n    currency: EUR\n    time_zone: UTC\n"
           "    actions:\n      - {id: hat, cost_micros: 1000000}\n"
           "constraints:\n"
           "  - {id: paid-day, campaign: paid, resource: cost, window: day, limit: 3000000}\n";
    auto policy = replay::LoadPolicy(base::PosixFileSystem(), directory_.path());
    ASSERT_THAT(policy, IsOk());
    policy_ = *std::move(policy);
    WriteLog();
  }

  // Decisions of this very bundle, whose own log had no room from the fourth on.
  void WriteLog() {
    decision_log::LogOptions options;
    options.directory = log();
    options.clock = &clock_;
    decision_log::RecoveryReport recovered;
    auto writer = decision_log::LogWriter::Open(std::move(options), &recovered);
    ASSERT_THAT(writer, IsOk());
    (*writer)->Start();
    for (int i = 0; i < 10; ++i) {
      DecisionRecord record;
      record.id = DecisionId::FromTimeAndRandom(absl::FromUnixMillis(1574553600000 + i), 5, 6);
      record.surface = "page";
      record.occurred_us = kStartUs + i * kGapUs;
      record.versions.bundle = policy_.bundle->version;
      record.neutral_known = true;
      const bool room = i < 3;
      record.candidates.push_back({.action_id = "hat",
                                   .campaign_id = "paid",
                                   .mask = room ? MaskReason::kNone : MaskReason::kNoHold,
                                   .score = 0.5,
                                   .alpha = 1e6,
                                   .beta = 1});
      PositionRecord position;
      position.action_id = room ? "hat" : kNeutralActionId;
      position.ticks =
          room ? std::vector<Ticks>{kTicksTotal - 1, 1} : std::vector<Ticks>{0, kTicksTotal};
      if (room) position.debits = {{"paid-day", kStartUs, 1'000'000, 3'000'000, false}};
      record.positions.push_back(position);
      ASSERT_THAT((*writer)->Append(record, std::nullopt, [](const absl::StatusOr<Lsn>&) {}),
                  IsOk());
    }
    ASSERT_THAT((*writer)->Stop(), IsOk());
  }

  std::string log() const { return directory_.path() + "/log"; }

  testing::TemporaryDirectory directory_;
  testing::SimulatedClock clock_;
  replay::OtherPolicy policy_;
};

TEST_F(PlanChecked, SaysWhatBindsWhenAndWhoStarves) {
  const auto check = CheckPlan(base::PosixFileSystem(), log(), policy_, {.bin = absl::Hours(1)});
  ASSERT_THAT(check, IsOk());
  EXPECT_EQ(check->decisions, 10u);
  EXPECT_EQ(check->replayed, 10u);
  const PlanRow& row = check->rows.at("paid-day");
  EXPECT_EQ(row.limit, 3'000'000);
  EXPECT_EQ(row.used, 3'000'000);
  EXPECT_NEAR(row.expected, 3e6, 1);
  EXPECT_EQ(row.demand, 10'000'000);
  EXPECT_EQ(row.denied, 7u);
  EXPECT_EQ(row.first_denied_us, kStartUs + 3 * kGapUs);
  EXPECT_THAT(row.curve, ElementsAre(2e6, 3e6, 3e6, 3e6, 3e6));
  const PlanAction& hat = check->actions.at("hat");
  EXPECT_EQ(hat.eligible, 10u);
  EXPECT_EQ(hat.drawn, 3u);
  EXPECT_EQ(hat.masked, 7u);
  EXPECT_EQ(hat.MaskedShare(), 0.7);
  EXPECT_THAT(hat.masked_by, ElementsAre(Pair("paid-day", 7)));
  EXPECT_EQ(check->actions.at("none").drawn, 7u);
  EXPECT_THAT(ToText(*check), HasSubstr("01:30:00"));
  EXPECT_THAT(ToText(*check), HasSubstr("70.00%  paid-day"));
  EXPECT_THAT(ToJson(*check), HasSubstr("\"demand\":10000000,"));
}

TEST_F(PlanChecked, TakesTheAskedDayOnly) {
  PlanCheckOptions options;
  options.date = absl::CivilDay(2019, 11, 24);
  const auto check = CheckPlan(base::PosixFileSystem(), log(), policy_, options);
  ASSERT_THAT(check, IsOk());
  EXPECT_EQ(check->decisions, 10u);
  options.date = absl::CivilDay(2019, 11, 25);
  EXPECT_THAT(CheckPlan(base::PosixFileSystem(), log(), policy_, options),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("no decisions")));
}

// Every element that is opened is closed, in order: enough to be XML, given no entity is bare.
TEST_F(PlanChecked, TheChartIsWellFormed) {
  const auto check = CheckPlan(base::PosixFileSystem(), log(), policy_, {.bin = absl::Hours(1)});
  ASSERT_THAT(check, IsOk());
  const std::string svg = ToSvg(*check);
  EXPECT_THAT(svg, HasSubstr("paid-day"));
  std::vector<std::string> open;
  for (size_t at = svg.find('<'); at != std::string::npos; at = svg.find('<', at + 1)) {
    const size_t end = svg.find('>', at);
    ASSERT_NE(end, std::string::npos);
    const std::string tag = svg.substr(at + 1, end - at - 1);
    if (tag[0] == '?' || tag[0] == '!' || tag.back() == '/') continue;
    if (tag[0] == '/') {
      ASSERT_FALSE(open.empty());
      EXPECT_EQ(tag.substr(1), open.back());
      open.pop_back();
    } else {
      open.push_back(tag.substr(0, tag.find(' ')));
    }
  }
  EXPECT_TRUE(open.empty());
}

}  // namespace
}  // namespace fulcrum::apps
