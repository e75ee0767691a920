// A log that can be added up by hand: what rows took, what was shown and earned, and the lift over
// the users who are held out.
#include "apps/recipe_fold.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "apps/demo_rows.h"
#include "apps/recipe_traffic.h"
#include "config/loader.h"
#include "decision_log/log_writer.h"
#include "fulcrum/propensity.h"
#include "tests/support/simulated_clock.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace fulcrum::apps {
namespace {

using ::fulcrum::testing::IsOk;
using ::fulcrum::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::Pair;

constexpr int64_t kHourUs = int64_t{3600} * 1'000'000;
constexpr int64_t kStartUs = int64_t{1574553600} * 1'000'000;  // a midnight

class RecipeFold : public ::testing::Test {
 protected:
  void SetUp() override {
    std::ofstream(directory_.path() + "/bundle.yaml")
        << "server: {listen: '127.0.0.1:0', metrics_listen: '127.0.0.1:0', data_dir: data}\n"
           "surfaces:\n  - id: mail\n    campaigns: [crm]\n    reward_kind: order\n"
           "    attribution_window: 1h\n    holdout: {share: 0.5, experiment: lift}\n"
           "campaigns:\n  - id: crm\n    account: shop\n    currency: EUR\n    time_zone: UTC\n"
           "    actions:\n      - {id: news, cost_micros: 10}\n      - {id: gift}\n"
           "constraints:\n"
           "  - {id: day, campaign: crm, resource: cost, window: day, limit: 25}\n"
           "  - {id: soft, campaign: crm, resource: cost, window: hour, limit: 5, relaxation: 1}\n"
           "  - {id: week, campaign: crm, resource: exposures, per: user, window: rolling, "
           "span: 32h, limit: 2}\n";
    auto bundle = config::LoadBundle(base::PosixFileSystem(), directory_.path());
    ASSERT_THAT(bundle, IsOk());
    bundle_ = *std::move(bundle);
    decision_log::LogOptions options;
    options.directory = log();
    options.clock = &clock_;
    decision_log::RecoveryReport recovered;
    auto writer = decision_log::LogWriter::Open(std::move(options), &recovered);
    ASSERT_THAT(writer, IsOk());
    writer_ = *std::move(writer);
    writer_->Start();
  }

  std::string log() const { return directory_.path() + "/log"; }

  static UserRef User(uint8_t number) {
    UserRef user{};
    user[0] = number;
    return user;
  }

  void Append(const LogEvent& event) {
    ASSERT_THAT(writer_->Append(event, std::nullopt, [](const absl::StatusOr<Lsn>&) {}), IsOk());
  }

  // A decision for `user` after `hours`; "" holds the user out.
  DecisionRecord Decide(uint8_t user, int hours, const std::string& action) {
    DecisionRecord record;
    record.id = DecisionId::FromTimeAndRandom(absl::FromUnixMillis(1574553600000), ++made_, 6);
    record.request_id = absl::StrCat("visit-", made_);
    record.surface = "mail";
    record.user_ref = User(user);
    record.occurred_us = kStartUs + hours * kHourUs;
    record.reward_kind = "order";
    record.attribution_window_us = kHourUs;
    record.holdout_ticks = kTicksTotal / 2;
    record.candidates.push_back({.action_id = "gift", .campaign_id = "crm"});
    record.candidates.push_back({.action_id = "news", .campaign_id = "crm"});
    PositionRecord position;
    position.action_id = action.empty() ? kNeutralActionId : action;
    if (action.empty()) {
      record.answer = Answer::kHeldOut;
    } else {
      position.ticks = {1, kTicksTotal - 2, 1};
    }
    record.positions.push_back(position);
    return record;
  }

  void Order(const DecisionRecord& of, const std::string& id = "order") {
    OutcomeRecord outcome;
    outcome.decision_id = of.id;
    outcome.outcome_id = id;
    outcome.kind = "order";
    outcome.value = 1;
    outcome.occurred_us = of.occurred_us + kHourUs / 2;
    Append(outcome);
  }

  // Lets all windows end: a request of nobody, an hour and a half after the last of `hours`.
  void Close(int hours) {
    DecisionRecord record = Decide(99, hours, "gift");
    record.request_id = absl::StrCat(kClosingPrefix, 1);
    record.occurred_us += kHourUs * 3 / 2;
    Append(record);
    ASSERT_THAT(writer_->Stop(), IsOk());
  }

  testing::TemporaryDirectory directory_;
  testing::SimulatedClock clock_;
  std::shared_ptr<const config::Bundle> bundle_;
  std::unique_ptr<decision_log::LogWriter> writer_;
  uint64_t made_ = 0;
};

TEST_F(RecipeFold, CountsWhatWasDrawnSettledAndRewardedWithoutTheClosingRequests) {
  DecisionRecord first = Decide(1, 0, "news");
  first.candidates[0].mask = MaskReason::kQuietHours;
  DecisionRecord second = Decide(2, 1, "gift");
  second.relaxed = 1;
  DecisionRecord third = Decide(3, 2, "news");
  third.degradation = Degradation::kFeatureError;
  third.answer = Answer::kDegraded;
  Append(first);
  Order(first);
  Append(second);
  Append(third);
  Close(2);
  const auto fold = FoldRecipe(*bundle_, "mail", log());
  ASSERT_THAT(fold, IsOk());
  EXPECT_EQ(fold->decisions, 3u);
  EXPECT_EQ(fold->answers.at({Answer::kFull, Degradation::kNone}), 2u);
  EXPECT_EQ(fold->answers.at({Answer::kDegraded, Degradation::kFeatureError}), 1u);
  EXPECT_EQ(fold->actions.at("news").drawn, 2u);
  EXPECT_EQ(fold->actions.at("news").settled, 2u);
  EXPECT_EQ(fold->actions.at("news").rewarded, 1u);
  EXPECT_EQ(fold->actions.at("news").reward, 1);
  EXPECT_EQ(fold->actions.at("gift").drawn, 1u);
  EXPECT_EQ(fold->actions.at(kNeutralActionId).drawn, 0u);
  EXPECT_EQ(fold->candidates, 6u);
  EXPECT_THAT(fold->masked, ElementsAre(Pair(MaskReason::kQuietHours, 1)));
  EXPECT_EQ(fold->relaxed, 1u);
  EXPECT_EQ(fold->most_masked, first.id);
}

TEST_F(RecipeFold, LiftIsByUser) {
  // Treated: users 1, 2 and 3 with 2, 0 and 1 orders; held out: 4 and 5 with 0 and 1.
  for (int hours = 0; hours < 2; ++hours) {
    const DecisionRecord one = Decide(1, hours, "news");
    Append(one);
    Order(one);
  }
  Append(Decide(2, 2, "gift"));
  const DecisionRecord three = Decide(3, 3, "news");
  const DecisionRecord four = Decide(4, 3, "");
  const DecisionRecord five = Decide(5, 3, "");
  for (const DecisionRecord* record : {&three, &four, &five}) Append(*record);
  Order(three);
  Order(five);
  DecisionRecord nobody = Decide(0, 3, "news");
  Append(nobody);
  Close(3);
  const auto fold = FoldRecipe(*bundle_, "mail", log());
  ASSERT_THAT(fold, IsOk());
  ASSERT_TRUE(fold->lift.has_value());
  const Lift& lift = *fold->lift;
  EXPECT_EQ(lift.experiment, "lift");
  EXPECT_EQ(lift.share, 0.5);
  EXPECT_EQ(lift.treated.users, 3u);
  EXPECT_EQ(lift.treated.mean, 1);
  EXPECT_EQ(lift.treated.variance, 1);
  EXPECT_EQ(lift.held_out.users, 2u);
  EXPECT_EQ(lift.held_out.mean, 0.5);
  EXPECT_EQ(lift.held_out.variance, 0.5);
  EXPECT_EQ(lift.difference, 0.5);
  const double half = 1.959963984540054 * std::sqrt(1.0 / 3 + 0.5 / 2);
  EXPECT_DOUBLE_EQ(lift.low, 0.5 - half);
  EXPECT_DOUBLE_EQ(lift.high, 0.5 + half);
}

TEST_F(RecipeFold, AHoldoutWithoutUsersOnBothSidesHasNoLift) {
  Append(Decide(1, 0, "news"));
  Append(Decide(2, 0, "news"));
  Append(Decide(3, 0, ""));
  Close(0);
  const auto fold = FoldRecipe(*bundle_, "mail", log());
  ASSERT_THAT(fold, IsOk());
  EXPECT_FALSE(fold->lift.has_value());
}

TEST_F(RecipeFold, ASurfaceThatTheBundleLacksIsAnError) {
  Close(0);
  EXPECT_THAT(FoldRecipe(*bundle_, "home", log()),
              StatusIs(absl::StatusCode::kNotFound, ::testing::HasSubstr("home")));
}

TEST_F(RecipeFold, RowsCountDaysHoursAndWindowsThatMoveByUser) {
  const auto with = [this](uint8_t user, int hours, std::vector<Debit> debits) {
    DecisionRecord record = Decide(user, hours, "news");
    record.positions[0].debits = std::move(debits);
    Append(record);
    return record;
  };
  const auto day = [](int hours, int64_t amount) {
    return Debit{"day", kStartUs + int64_t{hours} / 24 * 24 * kHourUs, amount, 25, false};
  };
  const auto soft = [](int hours) {
    return Debit{"soft", kStartUs + hours * kHourUs, 10, 5, false, true};
  };
  // A span of 32 hours counts in steps of one.
  const auto week = [](int hours) {
    return Debit{"week", kStartUs + hours * kHourUs, 1, 2, true, false, 32 * kHourUs};
  };
  with(1, 0, {day(0, 10), soft(0), week(0)});
  with(1, 32, {day(32, 10), week(32)});  // the first still counts, in its last step
  with(1, 65, {week(65)});               // neither does
  with(2, 1, {day(1, 10), week(1)});
  const DecisionRecord unseen = with(2, 2, {week(2)});
  UnshownRecord unshown;
  unshown.decision_id = unseen.id;
  unshown.decision_lsn = 5;
  unshown.positions = {1};
  unshown.refunds = {week(2)};
  unshown.user_ref = unseen.user_ref;
  Append(unshown);
  Close(65);
  const auto rows = FoldRows(*bundle_, log());
  ASSERT_THAT(rows, IsOk());
  ASSERT_EQ(rows->size(), 3u);
  const RowUse& days = (*rows)[0];
  EXPECT_EQ(days.row, "day");
  EXPECT_EQ(days.spent_max, 20);
  EXPECT_EQ(days.spent_total, 30);
  EXPECT_EQ(days.windows, 2u);
  EXPECT_EQ(days.windows_full, 1u) << "5 left where 10 are needed";
  EXPECT_FALSE(days.soft);
  const RowUse& hours = (*rows)[1];
  EXPECT_TRUE(hours.soft);
  EXPECT_EQ(hours.spent_max, 10) << "a soft row may be exceeded";
  const RowUse& weeks = (*rows)[2];
  EXPECT_EQ(weeks.spent_max, 2);
  EXPECT_EQ(weeks.spent_total, 4);
  EXPECT_EQ(weeks.windows, 2u) << "one per user";
  EXPECT_EQ(weeks.windows_full, 1u);
}

}  // namespace
}  // namespace fulcrum::apps
