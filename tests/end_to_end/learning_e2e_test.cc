// The loop through the service: what is shown spends and teaches, what is not does neither.
#include <functional>
#include <thread>

#include "absl/strings/str_cat.h"
#include "apps/service.h"
#include "base/random.h"
#include "decision_log/verify.h"
#include "fulcrum/client.h"
#include "tests/end_to_end/decision_events.h"
#include "tests/end_to_end/learning_world.h"
#include "tests/end_to_end/service_fixture.h"
#include "tests/support/temporary_directory.h"

namespace fulcrum {
namespace {

using ::fulcrum::testing::IsOk;

constexpr absl::Duration kLong = absl::Seconds(20);
const absl::Time kStart = absl::FromUnixSeconds(1574553600);

class LearningTest : public testing::ServiceFixture {
 protected:
  LearningTest() : options_(testing::LearningBundleText()) {
    options_.day_budget = 10'000'000;
    UseDirectory("bundle");
  }
  void UseDirectory(const std::string& name) { directory_ = temporary_.path() + "/" + name; }
  void Start(edge::ClockMode clock = edge::ClockMode::kRequest) {
    testing::WriteBundle(directory_, options_);
    apps::ServiceOptions options;
    options.bundle_directory = directory_;
    options.clock_mode = clock;
    options.id_seed = 7;
    StartService(options);
  }
  // `second` counts from kStart; negative: the server's own clock.
  Decision Decide(int64_t second, std::vector<std::string> candidates = {},
                  const std::string& surface = "page", uint32_t slate = 1) {
    DecisionRequest request;
    request.user_id = "ann";
    request.surface = surface;
    request.candidates = std::move(candidates);
    request.slate_size = slate;
    if (second >= 0) request.occurred_at = kStart + absl::Seconds(second);
    const auto decision = client_->Decide(request, kLong);
    EXPECT_THAT(decision, IsOk());
    return decision.value_or(Decision());
  }
  void Expose(const Decision& decision, uint32_t position = 1) {
    EXPECT_THAT(client_->ReportExposure(decision.id, position, kStart, kLong), IsOk());
  }
  void Outcome(const Decision& decision, int64_t second, double value = 1) {
    DecisionClient::Outcome outcome;
    outcome.decision = decision.id;
    outcome.position = 1;
    outcome.outcome_id = "o";
    outcome.kind = "click";
    outcome.value = value;
    outcome.occurred_at = kStart + absl::Seconds(second);
    EXPECT_THAT(client_->ReportOutcome(outcome, kLong), IsOk());
  }
  int64_t Spent() {
    for (const auto& row : service_->ledger().Status(kStart)) {
      if (row.row == "paid-day") return row.spent;
    }
    return -1;
  }
  double Trials(const std::string& action) {
    return service_->learner().snapshot()->Find("", action).trials;
  }
  // All that was logged of decisions, without what depends on how long things took.
  std::vector<LogEvent> TimelessLog() const {
    std::vector<LogEvent> events = testing::DecisionEventsOf(directory_ + "/data/log");
    for (LogEvent& event : events) {
      if (auto* decision = std::get_if<DecisionRecord>(&event)) {
        decision->times = StageTimes();
        decision->user_ref = UserRef();
        decision->latency_budget_us = 0;  // the caller's deadline may have been shorter
      }
      if (auto* unshown = std::get_if<UnshownRecord>(&event)) unshown->user_ref = UserRef();
    }
    return events;
  }

  testing::TemporaryDirectory temporary_;
  testing::TestBundle options_;
  std::string directory_;
};

TEST_F(LearningTest, WhatWasNotShownSpendsNothingAndTeachesNothing) {
  Start();
  // Until the day's budget is gone: nobody reports anything.
  int64_t spent = 0;
  std::vector<Decision> decisions;
  for (int i = 0; i < 40; ++i) decisions.push_back(Decide(0, {"paid-1", "paid-2"}));
  spent = Spent();
  EXPECT_GT(spent, 8'000'000) << "the budget was nearly used";
  EXPECT_LE(spent, options_.day_budget);

  Decide(59, {"free-1"});
  EXPECT_EQ(Spent(), spent) << "the windows are open";
  const Decision later = Decide(60, {"paid-1"});
  EXPECT_EQ(service_->learner().Stats().join.unshown, 40u);
  const int64_t own = later.actions[0].action_id == "paid-1" ? 1'000'000 : 0;
  EXPECT_EQ(Spent(), own) << "all of it came back before the decision";
  for (const char* action : {"paid-1", "paid-2", "none"}) EXPECT_EQ(Trials(action), 0);

  // Too late: recorded, counted, and neither spent nor learned from.
  Expose(decisions[0]);
  Outcome(decisions[0], 10);
  Decide(200, {"free-1"});
  EXPECT_EQ(service_->learner().Stats().join.exposures_late, 1u);
  EXPECT_EQ(Trials(decisions[0].actions[0].action_id), 0);
  Stop();
  const auto verified = decision_log::VerifyLog(base::PosixFileSystem(), directory_ + "/data/log");
  ASSERT_THAT(verified, IsOk());
  EXPECT_TRUE(verified->clean()) << "no limit was passed, refunds and all";
}

TEST_F(LearningTest, WhatWasShownTeachesWhenItsWindowIsOver) {
  Start();
  const Decision decision = Decide(0, {"free-1"});
  const std::string action = decision.actions[0].action_id;
  Expose(decision);
  Outcome(decision, 5);
  Outcome(decision, 5);
  Decide(59, {"free-2"});
  EXPECT_EQ(Trials(action), 0);
  Decide(60, {"free-2"});
  Decide(61, {"free-2"});
  EXPECT_EQ(Trials(action), 1);
  EXPECT_EQ(service_->learner().snapshot()->Find("", action).successes, 1);
  Outcome(decision, 70, 0);  // a refund
  Decide(62, {"free-2"});
  EXPECT_EQ(Trials(action), 1);
  EXPECT_EQ(service_->learner().snapshot()->Find("", action).successes, 0);
}

// One caller, one call after the other.
void Play(const std::function<Decision(int64_t, const std::string&)>& decide,
          const std::function<void(const Decision&)>& expose,
          const std::function<void(const Decision&, int64_t)>& outcome) {
  base::RandomStream random(11);
  std::vector<Decision> decisions;
  for (int i = 0; i < 300; ++i) {
    const int64_t second = int64_t{3} * i;
    decisions.push_back(decide(second, i % 3 == 0 ? "lined" : "page"));
    const Decision& of =
        decisions[decisions.size() - 1 - random.NextBelow(std::min<uint32_t>(i + 1, 30))];
    if (random.NextBelow(3) != 0) expose(of);
    if (random.NextBelow(2) == 0) outcome(of, second);
  }
}

TEST_F(LearningTest, TheSameTrafficGivesTheSameLogEveryTime) {
  std::vector<std::vector<LogEvent>> logs;
  for (const char* name : {"first", "second"}) {
    UseDirectory(name);
    Start();
    Play(
        [this](int64_t second, const std::string& surface) {
          return Decide(second, {"free-1", "free-2", "paid-1"}, surface);
        },
        [this](const Decision& decision) { Expose(decision); },
        [this](const Decision& decision, int64_t second) { Outcome(decision, second); });
    EXPECT_GT(service_->learner().Stats().join.unshown, 30u);
    EXPECT_GT(service_->learner().Stats().join.settled, 30u);
    Stop();
    logs.push_back(TimelessLog());
  }
  ASSERT_EQ(logs[0].size(), logs[1].size());
  size_t learned = 0;
  for (size_t i = 0; i < logs[0].size(); ++i) {
    EXPECT_EQ(logs[0][i], logs[1][i]) << "event " << i;
    const auto* decision = std::get_if<DecisionRecord>(&logs[0][i]);
    learned += decision != nullptr && decision->versions.posterior_lsn > 0;
  }
  EXPECT_GT(learned, 100u);
}

TEST_F(LearningTest, ARestartKnowsWhatWasLearnedAndItsCheckpointIsTheFoldOfTheLog) {
  for (int run = 0; run < 3; ++run) {
    Start();
    for (int i = 0; i < 100; ++i) {
      const int64_t second = 1000 * run + 5 * i;
      const Decision decision = Decide(second, {"free-1", "paid-1"}, i % 2 ? "page" : "lined", 2);
      if (i % 3 != 0) Expose(decision, 1);
      if (i % 4 != 0) Expose(decision, 2);
      if (i % 5 == 0) Outcome(decision, second + 10);
    }
    Stop();
  }
  decision_log::JoinStats stats;
  const std::string offline = testing::OfflineFold(directory_, &stats);
  EXPECT_EQ(offline, testing::NewestSnapshot(directory_));
  EXPECT_GT(stats.settled, 200u);
  EXPECT_GT(stats.unshown, 50u);
}

TEST_F(LearningTest, WithTheServersOwnClockItHappensByItself) {
  options_.page_fields =
      "    exposure: required\n    exposure_window: 200ms\n    attribution_window: 100ms\n";
  Start(edge::ClockMode::kWall);
  const Decision shown = Decide(-1, {"free-1"});
  EXPECT_THAT(client_->ReportExposure(shown.id, 1, std::nullopt, kLong), IsOk());
  Decide(-1, {"paid-1", "paid-2", "paid-3"});
  // Until the window of the last one is over and a decision after it has settled the first.
  while (service_->learner().Stats().join.unshown == 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_EQ(Spent(), 0);
  while (service_->learner().snapshot()->lsn() == 0) {
    Decide(-1, {"free-2"});
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  EXPECT_EQ(Trials(shown.actions[0].action_id), 1);
}

}  // namespace
}  // namespace fulcrum
