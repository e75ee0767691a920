#include "decider/decider.h"

#include <gtest/gtest.h>

#include "tests/decider/decider_fixture.h"

namespace fulcrum::testing {
namespace {

using DeciderTest = DeciderFixture;
using ::testing::HasSubstr;

TEST_F(DeciderTest, AnswersInFullAndLogsWhatItDrewWith) {
  const decider::Reply reply = Decide(ContextFor("ann"));
  EXPECT_EQ(reply.answer, Answer::kFull);
  EXPECT_FALSE(reply.log_pending);
  ASSERT_EQ(reply.actions.size(), 1u);
  const auto events = log->events();
  ASSERT_EQ(events.size(), 1u);
  const auto& record = std::get<DecisionRecord>(events[0]);
  EXPECT_EQ(record.id, reply.id);
  EXPECT_EQ(record.candidates.size(), 9u);
  ASSERT_EQ(record.positions.size(), 1u);
  EXPECT_EQ(record.positions[0].action_id, reply.actions[0].action_id);
  EXPECT_EQ(record.positions[0].ticks.size(), 10u);
  Ticks sum = 0;
  for (const Ticks ticks : record.positions[0].ticks) sum += ticks;
  EXPECT_EQ(sum, kTicksTotal);
  EXPECT_EQ(record.user_ref, UserRef{1});
  EXPECT_EQ(record.replayable, Replayable::kFull);
  EXPECT_EQ(HeldSum(), 0);
}

TEST_F(DeciderTest, MovesToTheWaitingRoomWhenARowIsOnDisk) {
  features.on_disk = true;
  EXPECT_EQ(Decide(ContextFor("ann")).answer, Answer::kFull);
}

TEST_F(DeciderTest, AUserWithoutARowGetsAReferenceForTheCap) {
  features.known = false;
  const decider::Reply reply = Decide(ContextFor("new"));
  EXPECT_EQ(reply.answer, Answer::kFull);
  EXPECT_EQ(features.first_contacts, 1);
  const auto events = log->events();
  EXPECT_EQ(std::get<DecisionRecord>(events[0]).user_ref, UserRef{2});
}

TEST_F(DeciderTest, NoReferenceIsMadeWhereNoCapApplies) {
  features.known = false;
  EXPECT_EQ(Decide(ContextFor("new", {"free-1", "free-2"})).answer, Answer::kFull);
  EXPECT_EQ(features.first_contacts, 0);
}

TEST_F(DeciderTest, SaysSoWhenTheStoreIsBroken) {
  features.broken = true;
  const decider::Reply reply = Decide(ContextFor("ann", {"free-1", "capped-1"}));
  EXPECT_EQ(reply.answer, Answer::kDegraded);
  EXPECT_EQ(reply.degradation, Degradation::kFeatureError);
  const auto events = log->events();
  const auto& record = std::get<DecisionRecord>(events[0]);
  // Without a reference the cap cannot be held, so the candidate is not drawn.
  EXPECT_EQ(record.candidates[0].mask, MaskReason::kNoUserRef);
  EXPECT_EQ(record.candidates[1].mask, MaskReason::kNone);
}

TEST_F(DeciderTest, SaysSoWhenARowIsStale) {
  features.state = domain::RowState::kStale;
  const decider::Reply reply = Decide(ContextFor("ann"));
  EXPECT_EQ(reply.degradation, Degradation::kFeatureStale);
  EXPECT_EQ(reply.features_stale, 1u);
}

TEST_F(DeciderTest, ServesTheNeutralActionWhenEveryCandidateIsMasked) {
  TestBundle none;
  none.day_budget = 0;
  Build(none);
  const decider::Reply reply = Decide(ContextFor("ann", {"paid-1", "paid-2"}));
  EXPECT_EQ(reply.degradation, Degradation::kNoCandidate);
  ASSERT_EQ(reply.actions.size(), 1u);
  EXPECT_EQ(reply.actions[0].action_id, kNeutralActionId);
  EXPECT_EQ(reply.actions[0].ticks, kTicksTotal);
}

TEST_F(DeciderTest, TheAlarmAnswersForAStalledStoreAndNothingStaysHeld) {
  features.on_disk = features.stalled = true;
  budget = absl::Milliseconds(20);
  const decider::Reply reply = Decide(ContextFor("ann"));
  EXPECT_EQ(reply.answer, Answer::kNeutral);
  EXPECT_EQ(reply.degradation, Degradation::kDeadline);
  EXPECT_TRUE(reply.log_pending);
  features.stalled = false;
  decider.reset();  // waits for the alarm's record and for the stalled pipeline
  const auto events = log->events();
  ASSERT_EQ(events.size(), 1u) << "the pipeline must not log what the alarm answered";
  const auto& record = std::get<DecisionRecord>(events[0]);
  EXPECT_EQ(record.degradation, Degradation::kDeadline);
  EXPECT_EQ(record.replayable, Replayable::kNone);
  EXPECT_TRUE(record.positions[0].ticks.empty());
  EXPECT_EQ(HeldSum(), 0);
  EXPECT_EQ(SpentSum(), 0);
}

TEST_F(DeciderTest, AStageThatPassesItsShareHandsOverToTheFallback) {
  for (const bool in_features : {true, false}) {
    domain::DecisionContext context = ContextFor("ann", {"paid-1", "paid-2"});
    (in_features ? context.features_until : context.selection_until) =
        context.received - std::chrono::milliseconds(1);
    const decider::Reply reply = Decide(std::move(context));
    EXPECT_EQ(reply.answer, Answer::kNeutral);
    EXPECT_EQ(reply.degradation, Degradation::kDeadline);
    EXPECT_TRUE(reply.log_pending);
  }
  decider.reset();
  EXPECT_EQ(HeldSum(), 0);
  EXPECT_EQ(SpentSum(), 0);
  const std::string text = metrics->Text();
  EXPECT_THAT(text, HasSubstr("fulcrum_deadline_exceeded_total{stage=\"features\"} 1"));
  EXPECT_THAT(text, HasSubstr("fulcrum_deadline_exceeded_total{stage=\"orchestration\"} 1"));
  EXPECT_THAT(text, HasSubstr("fulcrum_deadline_exceeded_total{stage=\"total\"} 0"));
}

TEST_F(DeciderTest, TheEditorialActionStandsInWhereTheSurfaceHasOne) {
  TestBundle editorial;
  editorial.fallback = "free-2";
  Build(editorial);
  features.on_disk = features.stalled = true;
  budget = absl::Milliseconds(20);
  const decider::Reply reply = Decide(ContextFor("ann"));
  EXPECT_EQ(reply.answer, Answer::kEditorial);
  EXPECT_EQ(reply.actions[0].action_id, "free-2");
}

TEST_F(DeciderTest, ALogThatStallsAfterTheClaimIsSupersededAndRefunded) {
  log->hold_back = true;
  budget = absl::Milliseconds(50);
  const decider::Reply reply = Decide(ContextFor("ann", {"paid-1", "paid-2", "paid-3"}));
  EXPECT_EQ(reply.degradation, Degradation::kDisk);
  EXPECT_TRUE(reply.log_pending);
  EXPECT_EQ(reply.actions[0].action_id, kNeutralActionId);
  EXPECT_GT(HeldSum(), 0) << "drawn with this seed: an action that costs";
  log->Acknowledge();  // the log is back: the decision's record, then the refund
  log->hold_back = false;
  log->Acknowledge();
  const auto events = log->events();
  ASSERT_EQ(events.size(), 2u);
  const auto& superseded = std::get<SupersededRecord>(events[1]);
  EXPECT_EQ(superseded.decision_id, reply.id);
  EXPECT_EQ(superseded.decision_lsn, 1u);
  EXPECT_EQ(superseded.served_action_id, kNeutralActionId);
  EXPECT_FALSE(superseded.refunds.empty());
  EXPECT_EQ(HeldSum(), 0);
  EXPECT_EQ(SpentSum(), 0);
}

TEST_F(DeciderTest, ALogThatFailsGivesTheMoneyBackAndNoBudgetedAction) {
  log->hold_back = true;
  auto future = Start(ContextFor("ann", {"paid-1", "paid-2", "paid-3"}));
  while (log->events().empty()) std::this_thread::yield();  // it may come from the waiting room
  log->Acknowledge(absl::DataLossError("disk"));
  const decider::Reply reply = future.get();
  EXPECT_EQ(reply.degradation, Degradation::kDisk);
  EXPECT_TRUE(reply.log_pending);
  EXPECT_EQ(HeldSum(), 0);
  EXPECT_EQ(SpentSum(), 0);
}

TEST_F(DeciderTest, AFullLogQueueIsAnAnswerToo) {
  log->refuse = true;
  const decider::Reply reply = Decide(ContextFor("ann", {"paid-1"}));
  EXPECT_EQ(reply.degradation, Degradation::kDisk);
  EXPECT_EQ(reply.actions[0].action_id, kNeutralActionId);
  EXPECT_EQ(HeldSum(), 0);
}

TEST_F(DeciderTest, AFullWaitingRoomShedsAtOnce) {
  features.on_disk = features.stalled = true;
  std::vector<std::future<decider::Reply>> waiting;
  waiting.push_back(Start(ContextFor("ann")));
  while (features.stalls == 0) std::this_thread::yield();
  // One is with the only thread; with two more that queue the room is full.
  for (int i = 0; i < 2; ++i) waiting.push_back(Start(ContextFor("ann")));
  EXPECT_EQ(Decide(ContextFor("ann")).degradation, Degradation::kShed);
  features.stalled = false;
}

TEST_F(DeciderTest, RefusesACandidateThatTheSurfaceDoesNotHave) {
  const absl::Status status =
      decider->Decide({bundle, nullptr, std::make_shared<const scoring::Posteriors>()},
                      bundle->surfaces[0], ContextFor("ann", {"free-1", "free-9"}),
                      [](const decider::Reply&) { FAIL() << "must not answer"; });
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("free-9")));
}

TEST_F(DeciderTest, ASlateNeverRepeatsAndStaysInsideTheCap) {
  for (int i = 0; i < 50; ++i) {
    domain::DecisionContext context = ContextFor("ann");
    context.slate_size = 3;
    const decider::Reply reply = Decide(std::move(context));
    std::set<std::string> seen;
    for (const auto& action : reply.actions) EXPECT_TRUE(seen.insert(action.action_id).second);
  }
  int64_t capped = 0;
  for (const LogEvent& event : log->events()) {
    for (const PositionRecord& position : std::get<DecisionRecord>(event).positions) {
      capped += position.action_id.rfind("capped", 0) == 0 ? 1 : 0;
    }
  }
  EXPECT_EQ(capped, 3);
}

}  // namespace
}  // namespace fulcrum::testing
