#include "decider/request_index.h"

#include "absl/strings/str_cat.h"
#include "base/fingerprint.h"
#include "tests/support/status_matchers.h"

namespace fulcrum::decider {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr absl::Duration kWindow = absl::Minutes(10);

class RequestIndexTest : public ::testing::Test {
 protected:
  // Request `id` at `second`, whose decision would have the number `decision`.
  domain::DecisionContext Request(const std::string& id, uint64_t decision, int64_t second = 0) {
    domain::DecisionContext context;
    context.principal.name = "shop";
    context.request_id = id;
    context.decision_id = DecisionId(1, decision);
    context.now = absl::FromUnixSeconds(1574553600 + second);
    return context;
  }
  static Asked Page(const std::vector<std::string>& candidates = {"hat", "shoes"},
                    bool named = true) {
    Asked asked;
    asked.surface = base::Fingerprint("page");
    asked.context_hash = 7;
    asked.candidates = base::kFingerprintStart;
    for (const auto& id : candidates) asked.candidates = AddCandidate(id, asked.candidates);
    asked.named = named;
    return asked;
  }
  static DecisionRecord RecordOf(const domain::DecisionContext& context) {
    DecisionRecord record;
    record.id = context.decision_id;
    record.request_id = context.request_id;
    record.principal = context.principal.name;
    record.surface = "page";
    record.context_hash = 7;
    record.occurred_us = absl::ToUnixMicros(context.now);
    record.neutral_known = true;
    record.neutral_value = 0.01;
    for (const char* id : {"hat", "shoes"}) {
      CandidateRecord candidate;
      candidate.action_id = id;
      candidate.score = 0.25;
      candidate.alpha = 3;
      candidate.beta = 5;
      record.candidates.push_back(candidate);
    }
    PositionRecord position;
    position.action_id = "hat";
    position.ticks = {kTicksTotal / 2, kTicksTotal / 4, kTicksTotal / 4};
    record.positions = {position};
    record.times.edge_us = 5;
    return record;
  }
  // Asks and, if it is new, answers as of its record. The id of the decision that answers.
  DecisionId Decide(RequestIndex& index, const domain::DecisionContext& context) {
    Respond respond = [](const Reply&) {};
    auto claim = index.Ask(context, Page(), &respond);
    EXPECT_THAT(claim, testing::IsOk());
    if (claim->old != nullptr) return claim->old->id;
    EXPECT_NE(claim->first, nullptr);
    index.Answer(claim->first, ReplyOf(RecordOf(context)));
    return context.decision_id;
  }
};

TEST_F(RequestIndexTest, ARepeatGetsTheStoredAnswerWithoutTheFirstOnesTimes) {
  RequestIndex index(kWindow, 100);
  const auto first = Request("r-1", 1);
  Decide(index, first);
  Respond respond = [](const Reply&) { FAIL() << "the caller of Ask() answers"; };
  const auto claim = index.Ask(Request("r-1", 2, 3), Page(), &respond);
  FULCRUM_ASSERT_OK(claim);
  EXPECT_EQ(claim->first, nullptr);
  EXPECT_FALSE(claim->waits);
  ASSERT_NE(claim->old, nullptr);
  EXPECT_EQ(claim->old->id, first.decision_id);
  EXPECT_EQ(claim->old->actions, ReplyOf(RecordOf(first)).actions);
  EXPECT_EQ(claim->old->actions[0].uplift, 3.0 / 8 - 0.01);
  EXPECT_EQ(claim->old->times, StageTimes());
  EXPECT_EQ(index.Stats().answered, 1u);
  EXPECT_EQ(index.Stats().remembered, 1u);
}

TEST_F(RequestIndexTest, IdsAreTheCallersOwn) {
  RequestIndex index(kWindow, 100);
  Decide(index, Request("r-1", 1));
  auto other = Request("r-1", 2);
  other.principal.name = "app";
  EXPECT_EQ(Decide(index, other), other.decision_id);
  EXPECT_EQ(Decide(index, Request("r-2", 3)), DecisionId(1, 3));
  // Where the name ends and the id begins makes a difference.
  other.principal.name = "ap";
  other.request_id = "pr-1";
  other.decision_id = DecisionId(1, 4);
  EXPECT_EQ(Decide(index, other), other.decision_id);
}

TEST_F(RequestIndexTest, TheWindowEndsAfterItsLength) {
  RequestIndex index(kWindow, 100);
  Decide(index, Request("r-1", 1));
  EXPECT_EQ(Decide(index, Request("r-1", 2, 599)), DecisionId(1, 1));
  EXPECT_EQ(Decide(index, Request("r-1", 3, 600)), DecisionId(1, 3));
  EXPECT_EQ(Decide(index, Request("r-1", 4, 601)), DecisionId(1, 3)) << "a window of its own";
  EXPECT_EQ(index.Stats().remembered, 1u);
}

TEST_F(RequestIndexTest, WhatIsPastTheWindowIsForgottenByAndBy) {
  RequestIndex index(kWindow, 100'000);
  for (uint64_t i = 0; i < 1000; ++i) Decide(index, Request(absl::StrCat("old-", i), i));
  EXPECT_EQ(index.Stats().remembered, 1000u);
  for (uint64_t i = 0; i < 1000; ++i) Decide(index, Request(absl::StrCat("new-", i), i, 3600));
  EXPECT_EQ(index.Stats().remembered, 1000u);
}

TEST_F(RequestIndexTest, TheOldestGoFirstWhenThereIsNoRoom) {
  RequestIndex index(kWindow, 3);
  for (uint64_t i = 1; i <= 4; ++i) Decide(index, Request(absl::StrCat("r-", i), i));
  EXPECT_EQ(index.Stats().remembered, 3u);
  for (uint64_t i = 2; i <= 4; ++i) {
    EXPECT_EQ(Decide(index, Request(absl::StrCat("r-", i), 9)), DecisionId(1, i));
  }
  EXPECT_EQ(Decide(index, Request("r-1", 10)), DecisionId(1, 10));
}

TEST_F(RequestIndexTest, WhatIsBeingDecidedIsNotForgotten) {
  RequestIndex index(kWindow, 1);
  Respond respond = [](const Reply&) {};
  const auto slow = Request("slow", 1);
  auto first = index.Ask(slow, Page(), &respond);
  FULCRUM_ASSERT_OK(first);
  for (uint64_t i = 2; i <= 5; ++i) Decide(index, Request(absl::StrCat("r-", i), i, 3600));
  auto repeat = Request("slow", 6, 3600);
  repeat.received = base::SteadyTime(std::chrono::seconds(42));
  DecisionId told;
  Respond waits = [&](const Reply& reply) { told = reply.id; };
  const auto claim = index.Ask(repeat, Page(), &waits);
  FULCRUM_ASSERT_OK(claim);
  EXPECT_TRUE(claim->waits);
  std::vector<Waiter> waiters = index.Answer(first->first, ReplyOf(RecordOf(slow)));
  ASSERT_EQ(waiters.size(), 1u);
  EXPECT_EQ(waiters[0].received, repeat.received);
  waiters[0].respond(ReplyOf(RecordOf(slow)));
  EXPECT_EQ(told, slow.decision_id);
  EXPECT_EQ(index.Stats().waited, 1u);
}

TEST_F(RequestIndexTest, AnotherRequestUnderTheSameIdIsRefusedAndSaysWhatDiffers) {
  RequestIndex index(kWindow, 100);
  Decide(index, Request("r-1", 1));
  Respond respond = [](const Reply&) {};
  const auto refused = [&](const Asked& asked, const auto& what) {
    EXPECT_THAT(index.Ask(Request("r-1", 2), asked, &respond),
                testing::StatusIs(absl::StatusCode::kInvalidArgument,
                                  AllOf(HasSubstr("request_id: 'r-1'"), what)));
  };
  Asked asked = Page();
  asked.surface = base::Fingerprint("cart");
  refused(asked, AllOf(HasSubstr("another surface;"), Not(HasSubstr("context"))));
  asked.context_hash = 8;
  refused(asked, HasSubstr("another surface, context;"));
  asked = Page();
  asked.slate_size = 2;
  refused(asked, HasSubstr("another slate_size;"));
  refused(Page({"hat"}), HasSubstr("another candidates;"));
  EXPECT_EQ(index.Stats().conflicts, 4u);
  // A bundle that has changed since must not spoil a repeat that leaves the choice to it.
  EXPECT_THAT(index.Ask(Request("r-1", 2), Page({"coat", "hat"}, false), &respond),
              testing::IsOk());
}

TEST_F(RequestIndexTest, ADecisionThatTheLogWillNotHaveFreesItsId) {
  RequestIndex index(kWindow, 100);
  Decide(index, Request("r-1", 1));
  index.Forget(Request("r-1", 2));  // a later decision's trouble is not this one's
  EXPECT_EQ(Decide(index, Request("r-1", 3)), DecisionId(1, 1));
  index.Forget(Request("r-1", 1));
  EXPECT_EQ(Decide(index, Request("r-1", 4)), DecisionId(1, 4));

  // Before it is answered, too: those who wait get that answer, later ones a new decision.
  Respond respond = [](const Reply&) {};
  const auto context = Request("r-2", 5);
  const auto claim = index.Ask(context, Page(), &respond);
  FULCRUM_ASSERT_OK(claim);
  FULCRUM_ASSERT_OK(index.Ask(Request("r-2", 6), Page(), &respond));
  index.Forget(context);
  EXPECT_EQ(index.Answer(claim->first, ReplyOf(RecordOf(context))).size(), 1u);
  EXPECT_EQ(Decide(index, Request("r-2", 7)), DecisionId(1, 7));
}

TEST_F(RequestIndexTest, TheLogRebuildsIt) {
  RequestIndex live(kWindow, 100);
  RequestIndex rebuilt(kWindow, 100);
  Lsn lsn = 0;
  for (uint64_t i = 1; i <= 5; ++i) {
    const auto context = Request(absl::StrCat("r-", i), i, static_cast<int64_t>(i) * 150);
    Decide(live, context);
    rebuilt.OnLogged(++lsn, RecordOf(context));
    rebuilt.OnLogged(++lsn, ExposureRecord{context.decision_id, 1, 0, "shop"});
  }
  DecisionRecord nameless = RecordOf(Request("", 6, 750));
  rebuilt.OnLogged(++lsn, nameless);
  rebuilt.FinishRecovery();
  for (uint64_t i = 1; i <= 5; ++i) {
    for (RequestIndex* const index : {&live, &rebuilt}) {
      Respond respond = [](const Reply&) {};
      const auto claim = index->Ask(Request(absl::StrCat("r-", i), 9, 751), Page(), &respond);
      FULCRUM_ASSERT_OK(claim);
      const bool over = i == 1;  // 601 seconds ago
      ASSERT_EQ(claim->old == nullptr, over) << i;
      if (over) continue;
      const Reply expected = ReplyOf(RecordOf(Request("", i)));
      EXPECT_EQ(claim->old->id, expected.id);
      EXPECT_EQ(claim->old->actions, expected.actions);
    }
  }
  Respond respond = [](const Reply&) {};
  EXPECT_THAT(rebuilt.Ask(Request("r-5", 10, 751), Page({"hat"}), &respond),
              testing::StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("candidates")));
}

TEST_F(RequestIndexTest, FromTheLogASupersededDecisionAnswersWhatWasServed) {
  RequestIndex index(kWindow, 100);
  const auto context = Request("r-1", 1);
  index.OnLogged(7, RecordOf(context));
  index.OnLogged(8, RecordOf(Request("r-2", 2)));
  SupersededRecord superseded;
  superseded.decision_id = context.decision_id;
  superseded.decision_lsn = 7;
  superseded.served_action_id = kNeutralActionId;
  index.OnLogged(9, superseded);
  superseded.decision_lsn = 3;  // before what was read
  index.OnLogged(10, superseded);
  index.FinishRecovery();
  Respond respond = [](const Reply&) {};
  const auto claim = index.Ask(Request("r-1", 3), Page(), &respond);
  FULCRUM_ASSERT_OK(claim);
  ASSERT_NE(claim->old, nullptr);
  EXPECT_EQ(claim->old->answer, Answer::kNeutral);
  EXPECT_EQ(claim->old->degradation, Degradation::kDisk);
  EXPECT_TRUE(claim->old->log_pending);
  ASSERT_EQ(claim->old->actions.size(), 1u);
  EXPECT_EQ(claim->old->actions[0].action_id, kNeutralActionId);
  EXPECT_EQ(claim->old->actions[0].ticks, kTicksTotal);
  EXPECT_EQ(Decide(index, Request("r-2", 4)), DecisionId(1, 2));
}

TEST_F(RequestIndexTest, FromTheLogAFallbackAnswersAgainWhateverTheCandidates) {
  RequestIndex index(kWindow, 100);
  DecisionRecord fallback = RecordOf(Request("r-1", 1));
  fallback.candidates.clear();
  fallback.positions[0] = PositionRecord();
  fallback.positions[0].action_id = "hat";
  fallback.answer = Answer::kEditorial;
  fallback.degradation = Degradation::kDeadline;
  fallback.log_pending = true;
  index.OnLogged(1, fallback);
  Respond respond = [](const Reply&) {};
  const auto claim = index.Ask(Request("r-1", 2), Page({"coat"}), &respond);
  FULCRUM_ASSERT_OK(claim);
  ASSERT_NE(claim->old, nullptr);
  EXPECT_EQ(claim->old->answer, Answer::kEditorial);
  EXPECT_EQ(claim->old->actions[0].action_id, "hat");
  EXPECT_EQ(claim->old->actions[0].ticks, kTicksTotal);
  EXPECT_FALSE(claim->old->actions[0].score.has_value());
}

}  // namespace
}  // namespace fulcrum::decider
