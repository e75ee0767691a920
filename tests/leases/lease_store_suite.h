// What every lease store has to do, whatever stands behind it (leases/lease_store.h). A store joins
// by a harness:
//
//   LeaseStore* store();        members "a" and "b", the default times
//   SimulatedClock* clock();    that it measures by
//   void Reopen();              as after a crash of the store that forgets nothing
//   void FailOver();            as after one that may have
//   std::optional<BudgetView> View(const BudgetKey&);
//
// and INSTANTIATE_TYPED_TEST_SUITE_P(Name, LeaseStoreSuite, Harness).
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "leases/lease_book.h"
#include "leases/lease_store.h"
#include "tests/leases/speaking.h"
#include "tests/support/simulated_clock.h"
#include "tests/support/status_matchers.h"

namespace fulcrum::leases::testing {

template <typename Harness>
class LeaseStoreSuite : public ::testing::Test {
 protected:
  static constexpr Limit kLimit{10'000, 1};

  LeaseReply Take(Answer* answer) {
    const absl::StatusOr<LeaseReply> reply = answer->Wait();
    EXPECT_THAT(reply, fulcrum::testing::IsOk());
    return reply.ok() ? *reply : LeaseReply();
  }
  LeaseReply Ask(RegisterRequest request) {
    Answer answer;
    harness_.store()->Register(std::move(request), answer.Taker());
    return Take(&answer);
  }
  LeaseReply Ask(AcquireRequest request) {
    Answer answer;
    harness_.store()->Acquire(std::move(request), answer.Taker());
    return Take(&answer);
  }
  LeaseReply Ask(ReportRequest request) {
    Answer answer;
    harness_.store()->Report(std::move(request), answer.Taker());
    return Take(&answer);
  }
  LeaseReply Ask(RenewRequest request) {
    Answer answer;
    harness_.store()->Renew(std::move(request), answer.Taker());
    return Take(&answer);
  }
  LeaseReply Ask(ReleaseRequest request) {
    Answer answer;
    harness_.store()->Release(std::move(request), answer.Taker());
    return Take(&answer);
  }
  LeaseReply Ask(ExpireRequest request) {
    Answer answer;
    harness_.store()->Expire(request, answer.Taker());
    return Take(&answer);
  }
  LeaseReply Ask(ReconcileRequest request) {
    Answer answer;
    harness_.store()->Reconcile(std::move(request), answer.Taker());
    return Take(&answer);
  }

  LeaseReply Ask(CloseWindowsRequest request) {
    Answer answer;
    harness_.store()->CloseWindows(request, answer.Taker());
    return Take(&answer);
  }

  // Learns the epoch and registers with nothing.
  void Join(Speaking* replica, uint64_t number, std::vector<Statement> statements = {}) {
    replica->caller().epoch = Ask(ExpireRequest{}).epoch;
    EXPECT_EQ(Ask(replica->Registering(number, std::move(statements))).outcome, Outcome::kDone);
  }
  void JoinBoth() {
    Join(&a_, 1);
    Join(&b_, 1);
  }
  void ExpectView(int64_t settled, int64_t outstanding) {
    const std::optional<BudgetView> view = harness_.View(key_);
    ASSERT_TRUE(view.has_value());
    EXPECT_EQ(view->settled, settled);
    EXPECT_EQ(view->outstanding, outstanding);
    EXPECT_EQ(view->remaining, view->limit - settled - outstanding);
  }
  void ExpectWrittenOff(int64_t settled, int64_t written_off, int64_t outstanding = 0) {
    const std::optional<BudgetView> view = harness_.View(key_);
    ASSERT_TRUE(view.has_value());
    EXPECT_EQ(view->settled, settled);
    EXPECT_EQ(view->written_off, written_off);
    EXPECT_EQ(view->outstanding, outstanding);
    EXPECT_EQ(view->charged(), settled + written_off + outstanding);
    EXPECT_EQ(view->remaining, view->limit - view->charged());
  }
  // "a" has settled 300 and holds a lease of 1000 when it crashes; its log had come to record 20.
  void CrashWithALease() {
    JoinBoth();
    a_.caller().log_end = 10;
    Ask(a_.Acquiring(key_, 2, kLimit));
    Ask(a_.template Of<ReleaseRequest>(key_, 2, 300));
    a_.caller().log_end = 20;
    EXPECT_EQ(Ask(a_.Acquiring(key_, 3, kLimit)).granted, 1000);
    a_ = Speaking("a", 2);
    a_.caller().epoch = Ask(ExpireRequest{}).epoch;
  }
  std::vector<Statement> Spent(int64_t amount) const { return {{key_, amount, {}}}; }
  // All leases have lapsed by the store's clock, and the guard has passed.
  void LetLapse() { harness_.clock()->Advance(absl::Seconds(33)); }

  Harness harness_;
  const BudgetKey key_{"row", 7};
  Speaking a_{"a", 1};
  Speaking b_{"b", 1};
};

TYPED_TEST_SUITE_P(LeaseStoreSuite);

TYPED_TEST_P(LeaseStoreSuite, NothingIsGrantedBeforeEveryMemberHasRegistered) {
  this->Join(&this->a_, 1);
  EXPECT_EQ(this->Ask(this->a_.Acquiring(this->key_, 2, this->kLimit)).outcome,
            Outcome::kRecovering);
  this->Join(&this->b_, 1);
  // The refusal was final, also for a copy of the call that comes late.
  EXPECT_EQ(this->Ask(this->a_.Acquiring(this->key_, 2, this->kLimit)).outcome, Outcome::kStale);
  EXPECT_EQ(this->Ask(this->a_.Acquiring(this->key_, 3, this->kLimit)).granted, 1000);
}

TYPED_TEST_P(LeaseStoreSuite, StrangersAndTheUnregisteredGetNothing) {
  this->JoinBoth();
  Speaking stranger("c", 1);
  stranger.caller().epoch = this->a_.caller().epoch;
  EXPECT_EQ(this->Ask(stranger.Registering(1)).outcome, Outcome::kNotAMember);
  EXPECT_EQ(this->Ask(stranger.Acquiring(this->key_, 2, this->kLimit)).outcome,
            Outcome::kRegisterFirst);
  Speaking other_epoch = this->a_;
  other_epoch.caller().epoch += 1;
  EXPECT_EQ(this->Ask(other_epoch.Acquiring(this->key_, 2, this->kLimit)).outcome,
            Outcome::kOtherEpoch);
}

TYPED_TEST_P(LeaseStoreSuite, AcquireIsIdempotent) {
  this->JoinBoth();
  const AcquireRequest request = this->a_.Acquiring(this->key_, 2, this->kLimit);
  EXPECT_EQ(this->Ask(request).granted, 1000);
  const LeaseReply again = this->Ask(request);
  EXPECT_EQ(again.outcome, Outcome::kDone);
  EXPECT_EQ(again.granted, 1000);
  this->ExpectView(0, 1000);
}

TYPED_TEST_P(LeaseStoreSuite, ReleaseReturnsTheRestOnce) {
  this->JoinBoth();
  this->Ask(this->a_.Acquiring(this->key_, 2, this->kLimit));
  const auto release = this->a_.template Of<ReleaseRequest>(this->key_, 2, 300);
  EXPECT_EQ(this->Ask(release).remaining, 9700);
  this->ExpectView(300, 0);
  EXPECT_EQ(this->Ask(release).outcome, Outcome::kDone);
  this->ExpectView(300, 0);
  // A copy of the Acquire that comes late.
  EXPECT_EQ(this->Ask(this->a_.Acquiring(this->key_, 2, this->kLimit)).outcome, Outcome::kStale);
  this->ExpectView(300, 0);
}

TYPED_TEST_P(LeaseStoreSuite, ReleaseBeforeItsAcquireRefusesIt) {
  this->JoinBoth();
  EXPECT_EQ(this->Ask(this->a_.template Of<ReleaseRequest>(this->key_, 2, 0)).outcome,
            Outcome::kDone);
  EXPECT_EQ(this->Ask(this->a_.Acquiring(this->key_, 2, this->kLimit)).outcome, Outcome::kStale);
}

TYPED_TEST_P(LeaseStoreSuite, TheLargestReportStays) {
  this->JoinBoth();
  this->Ask(this->a_.Acquiring(this->key_, 2, this->kLimit));
  for (const int64_t spent : {400, 200, 100}) {
    EXPECT_EQ(this->Ask(this->a_.template Of<ReportRequest>(this->key_, 2, spent)).outcome,
              Outcome::kDone);
  }
  this->Ask(this->a_.template Of<ReleaseRequest>(this->key_, 2, 100));
  this->ExpectView(400, 0);
  EXPECT_EQ(this->Ask(this->a_.template Of<ReportRequest>(this->key_, 2, 500)).outcome,
            Outcome::kNoSuchLease);
}

TYPED_TEST_P(LeaseStoreSuite, OnlyTheOwnerReleases) {
  this->JoinBoth();
  this->Ask(this->a_.Acquiring(this->key_, 2, this->kLimit));
  this->Ask(this->b_.template Of<ReleaseRequest>(this->key_, 2, 0));
  this->ExpectView(0, 1000);
}

TYPED_TEST_P(LeaseStoreSuite, TogetherTheyNeverGetMoreThanTheLimit) {
  this->JoinBoth();
  const Limit limit{500, 1};
  int64_t granted = 0;
  for (uint64_t number = 2; number < 60; ++number) {
    for (const Speaking* replica : {&this->a_, &this->b_}) {
      granted += this->Ask(replica->Acquiring(this->key_, number, limit)).granted;
      EXPECT_LE(granted, limit.amount);
    }
  }
  EXPECT_GT(granted, limit.amount - 10);  // less than any decision can use is not given
  const LeaseReply refused = this->Ask(this->a_.Acquiring(this->key_, 300, limit));
  EXPECT_EQ(refused.outcome, Outcome::kNothingLeft);
  EXPECT_EQ(refused.remaining, limit.amount - granted);
}

TYPED_TEST_P(LeaseStoreSuite, ALimitIsCutAndRaised) {
  this->JoinBoth();
  this->Ask(this->a_.Acquiring(this->key_, 2, this->kLimit));
  // Below what is granted: what was granted stays, nothing is added.
  const Limit cut{800, 2};
  EXPECT_EQ(this->Ask(this->b_.Acquiring(this->key_, 2, cut)).outcome, Outcome::kNothingLeft);
  this->ExpectView(0, 1000);
  // Who has not heard of it changes nothing.
  EXPECT_EQ(this->Ask(this->a_.Acquiring(this->key_, 3, this->kLimit)).outcome,
            Outcome::kNothingLeft);
  this->Ask(this->a_.template Of<ReleaseRequest>(this->key_, 2, 100));
  EXPECT_GT(this->Ask(this->b_.Acquiring(this->key_, 3, cut)).granted, 0);
  EXPECT_EQ(this->Ask(this->b_.Acquiring(this->key_, 4, Limit{20'000, 3})).granted, 1000);
}

TYPED_TEST_P(LeaseStoreSuite, TimeAloneReturnsNothing) {
  this->JoinBoth();
  this->Ask(this->a_.Acquiring(this->key_, 2, this->kLimit));
  this->LetLapse();
  this->Ask(ExpireRequest{});
  this->ExpectView(0, 1000);
  // The owner may still say how it was.
  EXPECT_EQ(this->Ask(this->a_.template Of<ReleaseRequest>(this->key_, 2, 250)).outcome,
            Outcome::kDone);
  this->ExpectView(250, 0);
}

TYPED_TEST_P(LeaseStoreSuite, TheSilentAreSettledByTheirLog) {
  this->JoinBoth();
  this->Ask(this->a_.Acquiring(this->key_, 2, this->kLimit));
  EXPECT_TRUE(this->Ask(ExpireRequest{}).lapsed.empty());
  this->LetLapse();
  const LeaseReply expired = this->Ask(ExpireRequest{});
  ASSERT_EQ(expired.lapsed.size(), 1u);
  EXPECT_EQ(expired.lapsed[0].replica, "a");
  const ReconcileRequest settle{
      "a", expired.epoch, expired.lapsed[0].generation, {{this->key_, 120, {}}}};
  EXPECT_EQ(this->Ask(settle).outcome, Outcome::kDone);
  this->ExpectView(120, 0);
  EXPECT_EQ(this->Ask(settle).outcome, Outcome::kNotYet);
  // The replica finds itself settled, and goes on after it has registered.
  EXPECT_EQ(this->Ask(this->a_.template Of<ReleaseRequest>(this->key_, 2, 500)).outcome,
            Outcome::kRegisterFirst);
  EXPECT_EQ(this->Ask(this->a_.Registering(1)).outcome, Outcome::kStale);
  this->Join(&this->a_, 3, {{this->key_, 120, {}}});
  EXPECT_EQ(this->Ask(this->a_.Acquiring(this->key_, 4, this->kLimit)).granted, 1000);
  this->ExpectView(120, 1000);
}

TYPED_TEST_P(LeaseStoreSuite, NobodyIsSettledWhoWasHeardSinceTheLogWasRead) {
  this->JoinBoth();
  this->Ask(this->a_.Acquiring(this->key_, 2, this->kLimit));
  this->LetLapse();
  const LeaseReply expired = this->Ask(ExpireRequest{});
  ASSERT_EQ(expired.lapsed.size(), 1u);
  this->Ask(this->a_.template Of<RenewRequest>(this->key_, 2, 10));
  this->LetLapse();
  EXPECT_EQ(this->Ask(ReconcileRequest{
                          "a", expired.epoch, expired.lapsed[0].generation, {{this->key_, 0, {}}}})
                .outcome,
            Outcome::kNotYet);
  this->ExpectView(0, 1000);
}

TYPED_TEST_P(LeaseStoreSuite, RenewKeepsALease) {
  this->JoinBoth();
  this->Ask(this->a_.Acquiring(this->key_, 2, this->kLimit));
  for (int i = 0; i < 3; ++i) {
    this->harness_.clock()->Advance(absl::Seconds(20));
    const LeaseReply reply = this->Ask(this->a_.template Of<RenewRequest>(this->key_, 2, i));
    EXPECT_EQ(reply.outcome, Outcome::kDone);
    EXPECT_EQ(reply.ttl, absl::Seconds(30));
    EXPECT_TRUE(this->Ask(ExpireRequest{}).lapsed.empty());
  }
}

TYPED_TEST_P(LeaseStoreSuite, ALaterIncarnationReplacesTheOneBefore) {
  this->JoinBoth();
  this->Ask(this->a_.Acquiring(this->key_, 2, this->kLimit));
  Speaking again("a", 2);
  this->Join(&again, 1, {{this->key_, 70, {}}});
  this->ExpectView(70, 0);
  EXPECT_EQ(this->Ask(this->a_.Acquiring(this->key_, 3, this->kLimit)).outcome,
            Outcome::kSuperseded);
  EXPECT_EQ(this->Ask(this->a_.Registering(4)).outcome, Outcome::kSuperseded);
  EXPECT_EQ(this->Ask(again.Acquiring(this->key_, 2, this->kLimit)).granted, 1000);
}

TYPED_TEST_P(LeaseStoreSuite, RegisterIsIdempotentAndVoidsWhatWasSaidBefore) {
  this->JoinBoth();
  this->Ask(this->a_.Acquiring(this->key_, 2, this->kLimit));
  const auto old_renewal = this->a_.template Of<RenewRequest>(this->key_, 2, 900);
  this->Join(&this->a_, 3, {{this->key_, 40, {{2, 1000}}}});
  this->ExpectView(40, 1000);
  EXPECT_EQ(this->Ask(old_renewal).outcome, Outcome::kStale);
  this->Ask(this->a_.template Of<ReleaseRequest>(this->key_, 2, 60));
  this->ExpectView(100, 0);
  // A copy of the registration does not bring the lease back.
  EXPECT_EQ(this->Ask(this->a_.Registering(3, {{this->key_, 40, {{2, 1000}}}})).outcome,
            Outcome::kDone);
  this->ExpectView(100, 0);
  EXPECT_EQ(this->Ask(this->a_.Registering(1)).outcome, Outcome::kStale);
  this->ExpectView(100, 0);
}

TYPED_TEST_P(LeaseStoreSuite, AReopenedStoreKnowsWhatItSaid) {
  this->JoinBoth();
  this->Ask(this->a_.Acquiring(this->key_, 2, this->kLimit));
  this->Ask(this->a_.template Of<ReportRequest>(this->key_, 2, 30));
  this->Ask(this->b_.Acquiring(this->key_, 2, this->kLimit));
  this->Ask(this->b_.template Of<ReleaseRequest>(this->key_, 2, 500));
  this->LetLapse();
  this->harness_.Reopen();
  this->ExpectView(500, 1000);
  // No clock ran through it: leases have their whole time again.
  EXPECT_TRUE(this->Ask(ExpireRequest{}).lapsed.empty());
  EXPECT_EQ(this->Ask(this->a_.Acquiring(this->key_, 2, this->kLimit)).granted, 1000);
  this->Ask(this->a_.template Of<ReleaseRequest>(this->key_, 2, 0));
  this->ExpectView(530, 0);
}

TYPED_TEST_P(LeaseStoreSuite, ANewEpochWaitsForEveryMember) {
  this->JoinBoth();
  this->Ask(this->a_.Acquiring(this->key_, 2, this->kLimit));
  const uint64_t before = this->a_.caller().epoch;
  this->harness_.FailOver();
  const LeaseReply other = this->Ask(this->a_.Acquiring(this->key_, 3, this->kLimit));
  EXPECT_EQ(other.outcome, Outcome::kOtherEpoch);
  EXPECT_GT(other.epoch, before);
  this->Join(&this->a_, 4, {{this->key_, 200, {{2, 1000}}}});
  EXPECT_EQ(this->Ask(this->a_.Acquiring(this->key_, 5, this->kLimit)).outcome,
            Outcome::kRecovering);
  // What is held may be renewed and given back meanwhile.
  EXPECT_EQ(this->Ask(this->a_.template Of<RenewRequest>(this->key_, 2, 1)).outcome,
            Outcome::kDone);
  this->Join(&this->b_, 2, {{this->key_, 9, {}}});
  this->ExpectView(209, 1000);
  EXPECT_EQ(this->Ask(this->b_.Acquiring(this->key_, 3, this->kLimit)).granted, 1000);
}

TYPED_TEST_P(LeaseStoreSuite, InANewEpochTheDeadAreSettledOnceTheirLeasesHaveLapsed) {
  this->JoinBoth();
  this->harness_.FailOver();
  this->Join(&this->a_, 2);
  LeaseReply expired = this->Ask(ExpireRequest{});
  EXPECT_TRUE(expired.lapsed.empty());
  this->LetLapse();
  expired = this->Ask(ExpireRequest{});
  ASSERT_EQ(expired.lapsed.size(), 1u);
  EXPECT_EQ(expired.lapsed[0].replica, "b");
  EXPECT_EQ(this->Ask(ReconcileRequest{
                          "b", expired.epoch, expired.lapsed[0].generation, {{this->key_, 77, {}}}})
                .outcome,
            Outcome::kDone);
  EXPECT_EQ(this->Ask(this->a_.Acquiring(this->key_, 3, this->kLimit)).granted, 1000);
  this->ExpectView(77, 1000);
}

TYPED_TEST_P(LeaseStoreSuite, BudgetsAreApart) {
  this->JoinBoth();
  const BudgetKey total{"row", std::numeric_limits<int64_t>::min()};
  EXPECT_EQ(this->Ask(this->a_.Acquiring(this->key_, 2, Limit{20, 1})).granted, 10);
  EXPECT_EQ(this->Ask(this->a_.Acquiring(total, 3, this->kLimit)).granted, 1000);
  this->ExpectView(0, 10);
}

// --- What statements prove.

TYPED_TEST_P(LeaseStoreSuite, APartOfTheLogLeavesTheRestWrittenOff) {
  this->CrashWithALease();
  const RegisterRequest request = this->a_.Registering(1, this->Spent(450), Proof::kPart, 25);
  const LeaseReply reply = this->Ask(request);
  EXPECT_EQ(reply.outcome, Outcome::kDone);
  EXPECT_EQ(reply.log_end, 20u);
  ASSERT_EQ(reply.settlements.size(), 1u);
  EXPECT_EQ(reply.settlements[0].budget, this->key_);
  EXPECT_EQ(reply.settlements[0].returned, 0);
  EXPECT_EQ(reply.settlements[0].lost, 850);
  EXPECT_EQ(reply.settlements[0].written_off, 850);
  EXPECT_EQ(reply.settlements[0].charged, 1300);
  this->ExpectWrittenOff(450, 850);
  // Again: nothing more, and it is told how it stands.
  const LeaseReply again = this->Ask(request);
  EXPECT_EQ(again.outcome, Outcome::kDone);
  ASSERT_EQ(again.settlements.size(), 1u);
  EXPECT_EQ(again.settlements[0].lost, 0);
  EXPECT_EQ(again.settlements[0].written_off, 850);
  this->ExpectWrittenOff(450, 850);
}

TYPED_TEST_P(LeaseStoreSuite, AWholeLogReturnsTheRest) {
  this->CrashWithALease();
  const LeaseReply reply = this->Ask(this->a_.Registering(1, this->Spent(450), Proof::kLog, 20));
  ASSERT_EQ(reply.settlements.size(), 1u);
  EXPECT_EQ(reply.settlements[0].returned, 850);
  EXPECT_EQ(reply.settlements[0].lost, 0);
  this->ExpectWrittenOff(450, 0);
}

TYPED_TEST_P(LeaseStoreSuite, ALogThatEndsBeforeWhatWasHeardOfProvesNothing) {
  this->CrashWithALease();
  this->harness_.Reopen();  // the store remembers how far the log had come
  const LeaseReply reply = this->Ask(this->a_.Registering(1, this->Spent(450), Proof::kLog, 19));
  EXPECT_EQ(reply.log_end, 20u);
  this->ExpectWrittenOff(450, 850);
  // The log goes on from where it ends now, and is whole from then on.
  Speaking next("a", 3);
  next.caller().epoch = this->a_.caller().epoch;
  EXPECT_EQ(this->Ask(next.Registering(1, this->Spent(450), Proof::kLog, 19)).log_end, 19u);
  this->ExpectWrittenOff(450, 850);
}

TYPED_TEST_P(LeaseStoreSuite, EveryCallSaysHowFarTheLogHasCome) {
  this->CrashWithALease();
  this->Ask(this->a_.Registering(1, this->Spent(450), Proof::kAll, 30));
  this->Ask(this->a_.Acquiring(this->key_, 2, this->kLimit));
  this->a_.caller().log_end = 40;
  this->Ask(this->a_.template Of<RenewRequest>(this->key_, 2, 5));
  this->a_.caller().log_end = 35;  // a call that was overtaken
  this->Ask(this->a_.template Of<ReportRequest>(this->key_, 2, 3));
  Speaking next("a", 3);
  next.caller().epoch = this->a_.caller().epoch;
  this->Ask(next.Registering(1, this->Spent(455), Proof::kLog, 39));
  this->ExpectWrittenOff(455, 995);
}

TYPED_TEST_P(LeaseStoreSuite, AnOldStatementOfALivingProcessDoesNotShortenItsLog) {
  this->CrashWithALease();
  this->Ask(this->a_.Registering(1, this->Spent(450), Proof::kAll, 50));
  this->Ask(this->a_.Registering(2, this->Spent(450), Proof::kAll, 40));
  Speaking next("a", 3);
  next.caller().epoch = this->a_.caller().epoch;
  EXPECT_EQ(this->Ask(next.Registering(1, this->Spent(450), Proof::kLog, 45)).log_end, 50u);
}

TYPED_TEST_P(LeaseStoreSuite, WrittenOffStaysAndIsNotGranted) {
  this->CrashWithALease();
  this->Ask(this->a_.Registering(1, this->Spent(450), Proof::kPart));
  // A living process, a whole log, even one that holds more than the part did.
  this->Ask(this->a_.Registering(2, this->Spent(450), Proof::kAll));
  this->ExpectWrittenOff(450, 850);
  Speaking next("a", 3);
  next.caller().epoch = this->a_.caller().epoch;
  const LeaseReply reply = this->Ask(next.Registering(1, this->Spent(500), Proof::kAll));
  ASSERT_EQ(reply.settlements.size(), 1u);
  EXPECT_EQ(reply.settlements[0].written_off, 850);
  this->ExpectWrittenOff(500, 850);
  // A second loss adds to it.
  EXPECT_EQ(this->Ask(next.Acquiring(this->key_, 2, this->kLimit)).granted, 1000);
  Speaking last("a", 4);
  last.caller().epoch = this->a_.caller().epoch;
  this->Ask(last.Registering(1, this->Spent(600), Proof::kPart));
  this->ExpectWrittenOff(600, 1750);
  this->harness_.Reopen();
  this->ExpectWrittenOff(600, 1750);
  // It counts when the limit is cut, too.
  const LeaseReply refused = this->Ask(
      this->b_.Acquiring(this->key_, 2, Limit{this->harness_.View(this->key_)->charged() + 9, 2}));
  EXPECT_EQ(refused.outcome, Outcome::kNothingLeft);
  EXPECT_EQ(refused.remaining, 9);
  EXPECT_EQ(this->Ask(this->b_.Acquiring(this->key_, 3, Limit{2000, 3})).outcome,
            Outcome::kNothingLeft);
}

TYPED_TEST_P(LeaseStoreSuite, WrittenOffEndsWithItsWindow) {
  this->CrashWithALease();
  this->Ask(this->a_.Registering(1, this->Spent(450), Proof::kPart));
  this->Ask(CloseWindowsRequest{this->key_.window_start_us + 1});
  EXPECT_FALSE(this->harness_.View(this->key_).has_value());
  const LeaseReply reply = this->Ask(this->a_.Registering(2, this->Spent(450), Proof::kAll));
  EXPECT_EQ(reply.outcome, Outcome::kDone);
  EXPECT_TRUE(reply.settlements.empty());
}

TYPED_TEST_P(LeaseStoreSuite, InANewEpochAPartProvesNothingAndChangesNothing) {
  this->CrashWithALease();
  this->harness_.FailOver();
  this->a_.caller().epoch = this->Ask(ExpireRequest{}).epoch;
  EXPECT_EQ(this->Ask(this->a_.Registering(1, this->Spent(450), Proof::kPart, 20)).outcome,
            Outcome::kUnprovable);
  EXPECT_EQ(this->Ask(this->a_.Registering(1, this->Spent(450), Proof::kLog, 19)).outcome,
            Outcome::kUnprovable);
  this->ExpectWrittenOff(300, 0, 1000);
  EXPECT_EQ(this->Ask(this->a_.Acquiring(this->key_, 2, this->kLimit)).outcome,
            Outcome::kRegisterFirst);
  this->Join(&this->b_, 2);
  EXPECT_EQ(this->Ask(this->b_.Acquiring(this->key_, 3, this->kLimit)).outcome,
            Outcome::kRecovering);
  // The number was not used up.
  EXPECT_EQ(this->Ask(this->a_.Registering(1, this->Spent(450), Proof::kLog, 20)).outcome,
            Outcome::kDone);
  this->ExpectWrittenOff(450, 0);
  EXPECT_EQ(this->Ask(this->b_.Acquiring(this->key_, 4, this->kLimit)).granted, 1000);
}

TYPED_TEST_P(LeaseStoreSuite, APartOfWhatTheStoreNeverKnewProvesNothing) {
  this->Join(&this->b_, 1);
  this->a_.caller().epoch = this->b_.caller().epoch;
  EXPECT_EQ(this->Ask(this->a_.Registering(1, this->Spent(450), Proof::kPart)).outcome,
            Outcome::kUnprovable);
  EXPECT_FALSE(this->harness_.View(this->key_).has_value());
  this->harness_.Reopen();
  EXPECT_EQ(this->Ask(this->a_.Registering(1, {}, Proof::kLog, 5)).outcome, Outcome::kDone);
}

TYPED_TEST_P(LeaseStoreSuite, TheSilentAreSettledByAPartOfTheirLog) {
  this->CrashWithALease();
  this->LetLapse();
  const LeaseReply expired = this->Ask(ExpireRequest{});
  ASSERT_EQ(expired.lapsed.size(), 1u);
  ReconcileRequest settle{"a", expired.epoch, expired.lapsed[0].generation, this->Spent(450)};
  settle.proof = Proof::kPart;
  settle.log_end = 20;
  const LeaseReply reply = this->Ask(settle);
  EXPECT_EQ(reply.outcome, Outcome::kDone);
  ASSERT_EQ(reply.settlements.size(), 1u);
  EXPECT_EQ(reply.settlements[0].lost, 850);
  this->ExpectWrittenOff(450, 850);
  EXPECT_EQ(this->Ask(settle).outcome, Outcome::kNotYet);
  this->ExpectWrittenOff(450, 850);
  // Also if the replica comes with all of it.
  EXPECT_EQ(this->Ask(this->a_.Registering(1, this->Spent(700), Proof::kAll, 30)).outcome,
            Outcome::kDone);
  this->ExpectWrittenOff(700, 850);
}

TYPED_TEST_P(LeaseStoreSuite, AShorterLogSettlesTheSilentAndReturnsNothing) {
  this->CrashWithALease();
  this->LetLapse();
  const LeaseReply expired = this->Ask(ExpireRequest{});
  ASSERT_EQ(expired.lapsed.size(), 1u);
  ReconcileRequest settle{"a", expired.epoch, expired.lapsed[0].generation, this->Spent(450)};
  settle.log_end = 19;
  EXPECT_EQ(this->Ask(settle).log_end, 20u);
  this->ExpectWrittenOff(450, 850);
}

TYPED_TEST_P(LeaseStoreSuite, AStatementRemindsTheStoreOfWhatWasWrittenOff) {
  this->CrashWithALease();
  this->harness_.FailOver();
  this->a_.caller().epoch = this->Ask(ExpireRequest{}).epoch;
  // As if the write-off had been forgotten: of the 850 beyond, 600 are known to be lost.
  const LeaseReply reply = this->Ask(this->a_.Registering(1, {{this->key_, 450, {}, 600}}));
  ASSERT_EQ(reply.settlements.size(), 1u);
  EXPECT_EQ(reply.settlements[0].returned, 250);
  EXPECT_EQ(reply.settlements[0].written_off, 600);
  this->ExpectWrittenOff(450, 600);
  // What the store knows already is not counted twice.
  this->Ask(this->a_.Registering(2, {{this->key_, 450, {}, 600}}));
  this->ExpectWrittenOff(450, 600);
}

// --- Refunds that go with the next lease.

TYPED_TEST_P(LeaseStoreSuite, CreditIsTakenDownOnceWithAGrant) {
  this->JoinBoth();
  this->Ask(this->a_.Acquiring(this->key_, 2, this->kLimit));
  this->Ask(this->a_.template Of<ReleaseRequest>(this->key_, 2, 500));
  AcquireRequest request = this->a_.Acquiring(this->key_, 3, this->kLimit);
  request.credit = 200;
  const LeaseReply reply = this->Ask(request);
  EXPECT_EQ(reply.granted, 1000);
  EXPECT_EQ(reply.charged, 1300);
  EXPECT_EQ(reply.remaining, 8700);
  this->ExpectView(300, 1000);
  EXPECT_EQ(this->Ask(request).granted, 1000);
  this->ExpectView(300, 1000);
  this->Ask(this->a_.template Of<ReleaseRequest>(this->key_, 3, 0));
  EXPECT_EQ(this->Ask(request).outcome, Outcome::kStale);
  this->ExpectView(300, 0);
}

TYPED_TEST_P(LeaseStoreSuite, CreditIsTakenDownOnceWithARefusal) {
  this->JoinBoth();
  const Limit limit{1000, 1};
  AcquireRequest first = this->a_.Acquiring(this->key_, 2, limit);
  first.at_least = 400;
  const int64_t granted = this->Ask(first).granted;
  ASSERT_GE(granted, 400);
  this->Ask(this->a_.template Of<ReleaseRequest>(this->key_, 2, granted));
  AcquireRequest request = this->a_.Acquiring(this->key_, 3, limit);
  request.at_least = 1001;
  request.credit = 100;
  const LeaseReply refused = this->Ask(request);
  EXPECT_EQ(refused.outcome, Outcome::kNothingLeft);
  EXPECT_EQ(refused.remaining, 1000 - granted + 100);
  this->ExpectView(granted - 100, 0);
  EXPECT_EQ(this->Ask(request).outcome, Outcome::kStale);
  this->ExpectView(granted - 100, 0);
  this->harness_.Reopen();
  EXPECT_EQ(this->Ask(request).outcome, Outcome::kStale);
  this->ExpectView(granted - 100, 0);
}

TYPED_TEST_P(LeaseStoreSuite, CreditIsWhatMakesTheGrantPossible) {
  this->JoinBoth();
  const Limit limit{500, 1};
  AcquireRequest request = this->a_.Acquiring(this->key_, 2, limit);
  request.at_least = request.largest = 500;
  ASSERT_EQ(this->Ask(request).granted, 500);
  this->Ask(this->a_.template Of<ReleaseRequest>(this->key_, 2, 500));
  request = this->a_.Acquiring(this->key_, 3, limit);
  request.at_least = request.largest = 120;
  request.credit = 120;
  EXPECT_EQ(this->Ask(request).granted, 120);
  this->ExpectView(380, 120);
}

TYPED_TEST_P(LeaseStoreSuite, CreditThatOvertakesItsReleaseIsKept) {
  this->JoinBoth();
  this->Ask(this->a_.Acquiring(this->key_, 2, this->kLimit));
  // 800 of the lease were spent and reported, 500 taken back, all before it is released.
  this->Ask(this->a_.template Of<ReportRequest>(this->key_, 2, 800));
  AcquireRequest request = this->a_.Acquiring(this->key_, 3, this->kLimit);
  request.credit = 500;
  EXPECT_EQ(this->Ask(request).granted, 1000);
  this->ExpectView(-500, 2000);
  this->harness_.Reopen();
  this->Ask(this->a_.template Of<ReleaseRequest>(this->key_, 2, 800));
  this->Ask(this->a_.template Of<ReleaseRequest>(this->key_, 3, 0));
  this->ExpectView(300, 0);
  // No more than is charged.
  request = this->a_.Acquiring(this->key_, 4, this->kLimit);
  request.at_least = 20'000;
  request.credit = 301;
  this->Ask(request);
  this->ExpectView(0, 0);
}

TYPED_TEST_P(LeaseStoreSuite, CreditOfAVoidCallIsNotTakenDown) {
  this->JoinBoth();
  this->Ask(this->a_.Acquiring(this->key_, 2, this->kLimit));
  this->Ask(this->a_.template Of<ReleaseRequest>(this->key_, 2, 500));
  AcquireRequest request = this->a_.Acquiring(this->key_, 3, this->kLimit);
  request.credit = 200;
  // Released before it came: given up.
  this->Ask(this->a_.template Of<ReleaseRequest>(this->key_, 3, 0));
  EXPECT_EQ(this->Ask(request).outcome, Outcome::kStale);
  this->ExpectView(500, 0);
  // Said before the last registration, which states it.
  request = this->a_.Acquiring(this->key_, 4, this->kLimit);
  request.credit = 200;
  this->Ask(this->a_.Registering(5, this->Spent(300)));
  EXPECT_EQ(this->Ask(request).outcome, Outcome::kStale);
  this->ExpectView(300, 0);
}

REGISTER_TYPED_TEST_SUITE_P(
    LeaseStoreSuite, NothingIsGrantedBeforeEveryMemberHasRegistered,
    StrangersAndTheUnregisteredGetNothing, AcquireIsIdempotent, ReleaseReturnsTheRestOnce,
    ReleaseBeforeItsAcquireRefusesIt, TheLargestReportStays, OnlyTheOwnerReleases,
    TogetherTheyNeverGetMoreThanTheLimit, ALimitIsCutAndRaised, TimeAloneReturnsNothing,
    TheSilentAreSettledByTheirLog, NobodyIsSettledWhoWasHeardSinceTheLogWasRead, RenewKeepsALease,
    ALaterIncarnationReplacesTheOneBefore, RegisterIsIdempotentAndVoidsWhatWasSaidBefore,
    AReopenedStoreKnowsWhatItSaid, ANewEpochWaitsForEveryMember,
    InANewEpochTheDeadAreSettledOnceTheirLeasesHaveLapsed, BudgetsAreApart,
    APartOfTheLogLeavesTheRestWrittenOff, AWholeLogReturnsTheRest,
    ALogThatEndsBeforeWhatWasHeardOfProvesNothing, EveryCallSaysHowFarTheLogHasCome,
    AnOldStatementOfALivingProcessDoesNotShortenItsLog, WrittenOffStaysAndIsNotGranted,
    WrittenOffEndsWithItsWindow, InANewEpochAPartProvesNothingAndChangesNothing,
    APartOfWhatTheStoreNeverKnewProvesNothing, TheSilentAreSettledByAPartOfTheirLog,
    AShorterLogSettlesTheSilentAndReturnsNothing, AStatementRemindsTheStoreOfWhatWasWrittenOff,
    CreditIsTakenDownOnceWithAGrant, CreditIsTakenDownOnceWithARefusal,
    CreditIsWhatMakesTheGrantPossible, CreditThatOvertakesItsReleaseIsKept,
    CreditOfAVoidCallIsNotTakenDown);

}  // namespace fulcrum::leases::testing
