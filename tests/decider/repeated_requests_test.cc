// A repeated request through the whole decider.
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "base/fingerprint.h"
#include "tests/decider/decider_fixture.h"

namespace fulcrum::testing {
namespace {

using ::testing::HasSubstr;

class RepeatedRequests : public DeciderFixture {
 protected:
  void SetUp() override {
    Build(TestBundle());
    requests = std::make_unique<decider::RequestIndex>(absl::Minutes(10), 1000);
    BuildDecider();
  }
  // Not a day of its own: the rows' windows hold.
  domain::DecisionContext Named(const std::string& request_id,
                                std::vector<std::string> candidates = {"paid-1", "paid-2"}) {
    domain::DecisionContext context = ContextFor("ann", std::move(candidates));
    context.request_id = request_id;
    return context;
  }
  absl::Status TryDecide(domain::DecisionContext context) {
    return decider->Decide({bundle, nullptr, std::make_shared<const scoring::Posteriors>()},
                           bundle->surfaces[0], std::move(context), [](const decider::Reply&) {});
  }
};

TEST_F(RepeatedRequests, AreDecidedLoggedAndPaidOnce) {
  const decider::Reply first = Decide(Named("r-1"));
  const int64_t spent = SpentSum();
  for (int i = 0; i < 20; ++i) {
    const decider::Reply again = Decide(Named("r-1"));
    EXPECT_EQ(again.id, first.id);
    EXPECT_EQ(again.actions, first.actions);
    EXPECT_EQ(again.versions, first.versions);
    EXPECT_EQ(again.times, StageTimes());
  }
  EXPECT_EQ(log->events().size(), 1u);
  EXPECT_EQ(SpentSum(), spent);
  EXPECT_NE(Decide(Named("r-2")).id, first.id);
  EXPECT_NE(Decide(Named("")).id, Decide(Named("")).id) << "without an id each one is new";
  EXPECT_EQ(log->events().size(), 4u);
  EXPECT_THAT(metrics->Text(), HasSubstr(R"(answer="full",reason="none",surface="page"} 4)"));
}

TEST_F(RepeatedRequests, TheReplyIsThatOfTheRecord) {
  const decider::Reply reply = Decide(Named("r-1"));
  const decider::Reply told = decider::ReplyOf(std::get<DecisionRecord>(log->events()[0]));
  EXPECT_EQ(reply.id, told.id);
  EXPECT_EQ(reply.answer, told.answer);
  EXPECT_EQ(reply.actions, told.actions);
  EXPECT_EQ(reply.versions, told.versions);
  EXPECT_EQ(reply.features_missing, told.features_missing);
}

TEST_F(RepeatedRequests, WaitForTheFirst) {
  log->hold_back = true;
  auto first = Start(Named("r-1"));
  auto second = Start(Named("r-1"));
  auto third = Start(Named("r-1"));
  while (log->events().empty()) std::this_thread::yield();
  EXPECT_EQ(second.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  log->Acknowledge();
  const decider::Reply reply = first.get();
  EXPECT_EQ(second.get().id, reply.id);
  EXPECT_EQ(third.get().id, reply.id);
  EXPECT_EQ(log->events().size(), 1u);
  EXPECT_EQ(requests->Stats().waited, 2u);
}

TEST_F(RepeatedRequests, GetTheFallbackThatTheFirstGot) {
  features.on_disk = features.stalled = true;
  budget = absl::Milliseconds(20);
  const decider::Reply first = Decide(Named("r-1"));
  EXPECT_EQ(first.degradation, Degradation::kDeadline);
  features.stalled = false;
  budget = absl::Seconds(30);
  const decider::Reply again = Decide(Named("r-1"));
  EXPECT_EQ(again.id, first.id);
  EXPECT_EQ(again.degradation, Degradation::kDeadline);
  decider.reset();  // the alarm answers first and logs then
  EXPECT_EQ(log->events().size(), 1u);
}

TEST_F(RepeatedRequests, OfASupersededDecisionGetWhatWasServed) {
  log->hold_back = true;
  // On a busy machine the alarm may come before the claim: then once more, with more time.
  std::string name;
  decider::Reply first;
  for (budget = absl::Milliseconds(50); first.degradation != Degradation::kDisk; budget *= 2) {
    name = absl::StrCat("r-", absl::ToInt64Milliseconds(budget));
    first = Decide(Named(name));
    ASSERT_NE(first.degradation, Degradation::kNone);
  }
  EXPECT_EQ(Decide(Named(name)).id, first.id) << "while the log stalls";
  log->hold_back = false;
  log->Acknowledge();
  const decider::Reply again = Decide(Named(name));
  EXPECT_EQ(again.id, first.id);
  EXPECT_EQ(again.actions, first.actions);
  // The same from the log.
  decider::RequestIndex rebuilt(absl::Minutes(10), 1000);
  Lsn lsn = 0;
  for (const LogEvent& event : log->events()) rebuilt.OnLogged(++lsn, event);
  rebuilt.FinishRecovery();
  decider::Asked asked;
  const DecisionRecord record = std::get<DecisionRecord>(log->events()[log->events().size() - 2]);
  ASSERT_EQ(record.id, first.id) << "the decision, then what supersedes it";
  asked.surface = base::Fingerprint(record.surface);
  asked.context_hash = record.context_hash;
  decider::Respond respond = [](const decider::Reply&) {};
  const auto claim = rebuilt.Ask(Named(name), asked, &respond);
  FULCRUM_ASSERT_OK(claim);
  ASSERT_NE(claim->old, nullptr);
  EXPECT_EQ(claim->old->answer, first.answer);
  EXPECT_EQ(claim->old->degradation, first.degradation);
  EXPECT_EQ(claim->old->log_pending, first.log_pending);
  EXPECT_EQ(claim->old->actions, first.actions);
}

TEST_F(RepeatedRequests, AreDecidedAnewIfTheLogDidNotTakeTheFirst) {
  log->refuse = true;
  const decider::Reply refused = Decide(Named("r-1"));
  EXPECT_EQ(refused.degradation, Degradation::kDisk);
  log->refuse = false;
  const decider::Reply again = Decide(Named("r-1"));
  EXPECT_NE(again.id, refused.id);
  EXPECT_EQ(again.degradation, Degradation::kNone);
}

TEST_F(RepeatedRequests, ARefusedRequestLeavesItsIdFree) {
  EXPECT_THAT(TryDecide(Named("r-1", {"paid-1", "gone"})),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("gone")));
  EXPECT_EQ(requests->Stats().remembered, 0u);
  EXPECT_EQ(Decide(Named("r-1")).answer, Answer::kFull);
  EXPECT_THAT(TryDecide(Named("r-1", {"paid-1"})),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("request_id: 'r-1'")));
  EXPECT_EQ(log->events().size(), 1u);
}

}  // namespace
}  // namespace fulcrum::testing
