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

REGISTER_TYPED_TEST_SUITE_P(LeaseStoreSuite, NothingIsGrantedBeforeEveryMemberHasRegistered,
                            StrangersAndTheUnregisteredGetNothing, AcquireIsIdempotent,
                            ReleaseReturnsTheRestOnce, ReleaseBeforeItsAcquireRefusesIt,
                            TheLargestReportStays, OnlyTheOwnerReleases,
                            TogetherTheyNeverGetMoreThanTheLimit, ALimitIsCutAndRaised,
                            TimeAloneReturnsNothing, TheSilentAreSettledByTheirLog,
                            NobodyIsSettledWhoWasHeardSinceTheLogWasRead, RenewKeepsALease,
                            ALaterIncarnationReplacesTheOneBefore,
                            RegisterIsIdempotentAndVoidsWhatWasSaidBefore,
                            AReopenedStoreKnowsWhatItSaid, ANewEpochWaitsForEveryMember,
                            InANewEpochTheDeadAreSettledOnceTheirLeasesHaveLapsed, BudgetsAreApart);

}  // namespace fulcrum::leases::testing
