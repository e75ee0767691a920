#include "decision_log/reward_join.h"

#include "tests/decision_log/reward_join_fixture.h"
#include "tests/support/status_matchers.h"

namespace fulcrum::decision_log {
namespace {

using ::fulcrum::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// The reward of decision 0's position; -1 if it has not settled.
double RewardOf(const JoinRun& run, size_t position = 0) {
  const auto found = run.rewards().find({JoinId(0), position});
  return found == run.rewards().end() ? -1 : found->second.now;
}

TEST(RewardJoin, ADecisionLaterThanTheWindowSettlesWhatWasShown) {
  JoinRun run;
  run.ApplyAll({JoinDecision(0, 0), JoinOutcome(0, "a", 1, 10), JoinDecision(1, 59)});
  EXPECT_EQ(RewardOf(run), -1) << "pending: the window is open";
  run.Apply(JoinDecision(2, 60));
  EXPECT_EQ(RewardOf(run), 1);
}

TEST(RewardJoin, NoOutcomeIsZeroOnlyOnceTheWindowIsOver) {
  JoinRun run;
  run.ApplyAll({JoinDecision(0, 0), JoinDecision(1, 60)});
  EXPECT_EQ(RewardOf(run), 0);
}

TEST(RewardJoin, ARefundReplacesTheSaleInEitherOrderAndBeyondTheWindow) {
  const LogEvent sale = JoinOutcome(0, "a", 20, 10), refund = JoinOutcome(0, "a", 0, 70);
  for (const auto& reports : {std::vector{sale, refund}, std::vector{refund, sale}}) {
    JoinRun run;
    run.Apply(JoinDecision(0, 0));
    run.ApplyAll(reports);
    run.Apply(JoinDecision(1, 60));
    EXPECT_EQ(RewardOf(run), 0);
  }
  JoinRun later;
  later.ApplyAll({JoinDecision(0, 0), sale, JoinDecision(1, 60)});
  EXPECT_EQ(RewardOf(later), 20);
  later.Apply(refund);
  EXPECT_EQ(RewardOf(later), 0);
  EXPECT_EQ(later.join().stats().corrected, 1u);
}

TEST(RewardJoin, AnOutcomeBeyondTheWindowIsLate) {
  JoinRun run;
  run.ApplyAll({JoinDecision(0, 0), JoinOutcome(0, "a", 1, 61), JoinDecision(1, 61)});
  EXPECT_EQ(RewardOf(run), 0);
  EXPECT_EQ(run.join().stats().outcomes_late, 1u);
  run.Apply(JoinOutcome(0, "b", 1, 60));  // in time, but heard of late
  EXPECT_EQ(RewardOf(run), 1);
}

TEST(RewardJoin, OutcomesOfOneIdCountOnce) {
  JoinRun run;
  run.Apply(JoinDecision(0, 0));
  for (int i = 0; i < 5; ++i) run.Apply(JoinOutcome(0, "a", 1, 10));
  run.Apply(JoinOutcome(0, "a", 1, 10, /*position=*/0));  // the slate has only that position
  run.Apply(JoinOutcome(0, "b", 1, 10));
  run.Apply(JoinDecision(1, 60));
  EXPECT_EQ(RewardOf(run), 2);
  EXPECT_EQ(run.join().stats().outcomes, 2u);
  EXPECT_EQ(run.join().stats().outcomes_repeated, 5u);
}

TEST(RewardJoin, OutcomesOfAnotherKindOrOfNoSinglePositionAreCountedOnly) {
  JoinRun run;
  run.Apply(JoinDecision(0, 0, /*slate=*/2));
  OutcomeRecord sale = JoinOutcome(0, "a", 1, 10);
  sale.kind = "sale";
  run.ApplyAll({sale, JoinOutcome(0, "b", 1, 10, 0), JoinOutcome(0, "c", 1, 10, 3),
                JoinOutcome(0, "d", 1, 10, 2), JoinDecision(1, 60)});
  EXPECT_EQ(RewardOf(run, 0), 0);
  EXPECT_EQ(RewardOf(run, 1), 1);
  EXPECT_EQ(run.join().stats().outcomes_other, 3u);
}

TEST(RewardJoin, WithoutAnExposureNothingSettlesAndTheLogIsTold) {
  JoinRun run;
  run.ApplyAll({JoinDecision(0, 0, 2, true), JoinExposure(0, 2), JoinOutcome(0, "a", 1, 10, 1),
                JoinDecision(1, 30)});
  EXPECT_EQ(run.join().NextUnshown(), kStartUs + 60 * kSecondUs);
  EXPECT_THAT(run.join().TakeUnshown(kStartUs + 59 * kSecondUs), IsEmpty());
  const auto told = run.join().TakeUnshown(kStartUs + 61 * kSecondUs);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].decision_lsn, 1u);
  EXPECT_THAT(told[0].positions, ElementsAre(1));
  ASSERT_EQ(told[0].refunds.size(), 1u);
  EXPECT_EQ(told[0].refunds[0].amount, 1);
  EXPECT_EQ(told[0].user_ref, JoinDecision(0, 0).user_ref);
  EXPECT_EQ(told[0].occurred_us, kStartUs + 61 * kSecondUs);
  EXPECT_THAT(run.join().TakeUnshown(kStartUs + 61 * kSecondUs), IsEmpty());

  run.ApplyAll({told[0], JoinDecision(2, 61), JoinExposure(0, 1)});
  EXPECT_EQ(RewardOf(run, 0), -1) << "missing is not a zero";
  EXPECT_EQ(RewardOf(run, 1), 0);
  EXPECT_EQ(run.join().stats().unshown, 1u);
  EXPECT_EQ(run.join().stats().exposures_late, 1u);
}

TEST(RewardJoin, AnExposureThatIsInTheLogBeforeUnshownCounts) {
  JoinRun run;
  run.ApplyAll({JoinDecision(0, 0, 1, true), JoinDecision(1, 61)});
  EXPECT_EQ(RewardOf(run), -1);
  run.Apply(JoinExposure(0));  // after its window; nobody has told yet
  EXPECT_EQ(RewardOf(run), 0);
  UnshownRecord unshown;
  unshown.decision_id = JoinId(0);
  unshown.positions = {1};
  run.Apply(unshown);
  EXPECT_EQ(run.join().stats().unshown, 0u);
}

TEST(RewardJoin, WhatIsBeingReportedWaitsAndWhatTheLogRefusedComesAgain) {
  JoinRun run;
  run.ApplyAll({JoinDecision(0, 0, 2, true), JoinDecision(1, 0, 1, true)});
  const int64_t now_us = kStartUs + 100 * kSecondUs;
  const auto reported = [](const DecisionId& id, uint32_t position) {
    return id == JoinId(0) && position == 2;
  };
  auto told = run.join().TakeUnshown(now_us, 9, reported);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].decision_id, JoinId(1));
  run.join().PutBackUnshown(JoinId(1));
  EXPECT_EQ(run.join().TakeUnshown(now_us, 1, NothingReported).size(), 1u);
  EXPECT_EQ(run.join().TakeUnshown(now_us).size(), 1u);
  EXPECT_THAT(run.join().TakeUnshown(now_us), IsEmpty());
}

TEST(RewardJoin, APendingDecisionIsKeptUntilTheLogHasBeenTold) {
  JoinRun run;
  run.ApplyAll({JoinDecision(0, 0, 1, true), JoinDecision(1, 1), JoinDecision(2, 86400)});
  EXPECT_EQ(run.join().Find(JoinId(1)), nullptr) << "forgotten";
  ASSERT_NE(run.join().Find(JoinId(0)), nullptr) << "its debits have to come back";
  const auto told = run.join().TakeUnshown(kStartUs + 86400 * kSecondUs);
  ASSERT_EQ(told.size(), 1u);
  run.Apply(told[0]);
  EXPECT_EQ(run.join().Find(JoinId(0)), nullptr);
  run.Apply(JoinExposure(0));
  EXPECT_EQ(run.join().stats().unknown, 1u);
}

TEST(RewardJoin, AReportRightBehindADecisionOfLongAgoDoesNotLoseIt) {
  JoinRun run;
  run.ApplyAll({JoinDecision(1, 86400), JoinDecision(0, 0, 1, true), JoinExposure(0),
                JoinDecision(2, 86401)});
  EXPECT_EQ(RewardOf(run), 0);
}

TEST(RewardJoin, FallbackSupersededAndOldRecordsAreNoEvidence) {
  JoinRun run;
  DecisionRecord fallback = JoinDecision(0, 0);
  fallback.answer = Answer::kEditorial;
  DecisionRecord unlogged = JoinDecision(1, 0);
  unlogged.log_pending = true;
  DecisionRecord old = JoinDecision(2, 0);
  old.reward_kind = "";
  SupersededRecord superseded;
  superseded.decision_id = JoinId(3);
  run.ApplyAll({fallback, unlogged, old, JoinDecision(3, 0), superseded, JoinOutcome(3, "a", 1, 1),
                JoinDecision(4, 100)});
  EXPECT_TRUE(run.rewards().empty());
  EXPECT_EQ(run.join().stats().unknown, 1u);
  EXPECT_EQ(run.join().stats().decisions, 1u);
}

TEST(RewardJoin, RecordsThatWereFoldedDoNothing) {
  RewardJoin join;
  int changes = 0;
  const auto count = [&changes](const RewardChange&) { ++changes; };
  join.Apply(1, JoinDecision(0, 0), count);
  join.Apply(2, JoinDecision(1, 60), count);
  join.Apply(2, JoinDecision(2, 600), count);
  join.Apply(1, JoinDecision(0, 0), count);
  EXPECT_EQ(changes, 1);
  EXPECT_EQ(join.lsn(), 2u);
}

TEST(RewardJoin, WhatTheJoinReadsIsEnoughForIt) {
  DecisionRecord whole = JoinDecision(0, 0, 3, true);
  whole.request_id = "r";
  whole.candidates.push_back({.action_id = "arm-0"});
  whole.positions[1].basis = {1, 0.5};
  const LogEvent read = ForJoin(whole);
  EXPECT_TRUE(std::get<DecisionRecord>(read).candidates.empty());
  RewardJoin a, b;
  a.Apply(1, whole, [](const RewardChange&) {});
  b.Apply(1, read, [](const RewardChange&) {});
  EXPECT_EQ(a.Serialise(), b.Serialise());
}

TEST(RewardJoin, DamagedBytesAreRefused) {
  JoinRun run;
  run.ApplyAll({JoinDecision(0, 0, 2, true), JoinExposure(0), JoinOutcome(0, "a", 1, 10)});
  const std::string bytes = run.join().Serialise();
  for (size_t cut = 0; cut < bytes.size(); ++cut) {
    EXPECT_THAT(RewardJoin::Parse(bytes.substr(0, cut)),
                StatusIs(absl::StatusCode::kDataLoss, ::testing::_));
  }
  EXPECT_THAT(RewardJoin::Parse(bytes + "x"), StatusIs(absl::StatusCode::kDataLoss, ::testing::_));
}

}  // namespace
}  // namespace fulcrum::decision_log
