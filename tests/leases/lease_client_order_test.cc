// The client against a store whose calls and answers come late, in another order, or never.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "leases/lease_client.h"
#include "tests/leases/kept_calls.h"
#include "tests/support/simulated_clock.h"
#include "tests/support/status_matchers.h"

namespace fulcrum::leases::testing {
namespace {

using ::fulcrum::testing::IsOk;
using ::fulcrum::testing::SimulatedClock;
using ::fulcrum::testing::StatusIs;
using ::testing::HasSubstr;

class LeaseClientOrderTest : public ::testing::Test {
 protected:
  ClientOptions Options(uint64_t incarnation) {
    ClientOptions options;
    options.replica = "a";
    options.incarnation = incarnation;
    return options;
  }
  void Start(ClientOptions options, int64_t proven = 0) {
    client_ = std::make_unique<LeaseClient>(std::move(options), &store_, &clock_,
                                            std::vector<ProvenSpend>{{key_, proven}});
    client_->Configure(key_, {10'000, 1}, 10);
  }
  void StartRegistered(ClientOptions options, int64_t proven = 0) {
    Start(std::move(options), proven);
    for (int i = 0; i < 3; ++i) Pass();
    ASSERT_TRUE(client_->registered());
  }
  // Says what there is to say, and lets it through.
  void Pass() {
    client_->Tick();
    store_.PassAll();
    clock_.Advance(absl::Seconds(2));
  }
  // The answers of a Want(), as they come.
  WantDone Taker() {
    return [this](absl::Status status) { answers_.push_back(std::move(status)); };
  }
  void Want(int64_t amount) { client_->Want(key_, amount, Taker()); }
  void Spend(int64_t amount) {
    ASSERT_EQ(client_->Hold(key_, amount), HoldResult::kHeld);
    client_->Commit(key_, amount);
  }
  void WantAndSpend(int64_t amount) {
    Want(amount);
    store_.PassAll();
    Spend(amount);
    answers_.clear();
  }
  BudgetView View() { return store_.book().View(key_).value_or(BudgetView()); }
  int64_t Credit() const { return client_->StandingOf(key_).credit; }

  SimulatedClock clock_;
  KeptCalls store_{BookOptions{.members = {"a"}}, &clock_};
  const BudgetKey key_{"row", 0};
  std::vector<absl::Status> answers_;  // outlives the client, which answers at its end
  std::unique_ptr<LeaseClient> client_;
};

// --- Who waits is answered once.

TEST_F(LeaseClientOrderTest, WantIsAnsweredAtOnceIfThereIsEnough) {
  StartRegistered(Options(1));
  WantAndSpend(5);
  const int64_t left = client_->StandingOf(key_).left;
  ASSERT_GT(left, 0);
  Want(left);
  ASSERT_EQ(answers_.size(), 1u);
  EXPECT_THAT(answers_[0], IsOk());
  EXPECT_EQ(store_.kept(), 0u);
}

TEST_F(LeaseClientOrderTest, WantIsAnsweredByTheGrant) {
  StartRegistered(Options(1));
  Want(5);
  Want(7);  // one call serves both
  EXPECT_TRUE(answers_.empty());
  EXPECT_EQ(store_.Count<AcquireRequest>(), 1u);
  store_.PassAll();
  ASSERT_EQ(answers_.size(), 2u);
  EXPECT_THAT(answers_[1], IsOk());
  EXPECT_GE(client_->StandingOf(key_).left, 7);
}

TEST_F(LeaseClientOrderTest, WantIsAnsweredByTheRefusal) {
  StartRegistered(Options(1), 10'000);
  Want(5);
  EXPECT_TRUE(answers_.empty());
  store_.PassAll();
  ASSERT_EQ(answers_.size(), 1u);
  EXPECT_THAT(answers_[0], IsOk());
  EXPECT_EQ(client_->StandingOf(key_).left, 0);
  // Asked in vain a moment ago: said at once.
  Want(5);
  EXPECT_EQ(answers_.size(), 2u);
  EXPECT_EQ(store_.kept(), 0u);
}

TEST_F(LeaseClientOrderTest, WantIsAnsweredByTheStoresError) {
  StartRegistered(Options(1));
  Want(5);
  const auto call = store_.Take<AcquireRequest>();
  ASSERT_NE(call, nullptr);
  KeptCalls::Fail(call.get(), absl::DataLossError("disk"));
  ASSERT_EQ(answers_.size(), 1u);
  EXPECT_THAT(answers_[0], StatusIs(absl::StatusCode::kDataLoss, HasSubstr("disk")));
  // The same call is due again at once, and may bring what it lacked.
  Want(5);
  const auto again = store_.Take<AcquireRequest>();
  ASSERT_NE(again, nullptr);
  EXPECT_EQ(std::get<AcquireRequest>(again->request).number,
            std::get<AcquireRequest>(call->request).number);
  store_.Arrive(again.get());
  KeptCalls::Answer(again.get());
  ASSERT_EQ(answers_.size(), 2u);
  EXPECT_THAT(answers_[1], IsOk());
}

TEST_F(LeaseClientOrderTest, WantIsAnsweredWhenTheClientEnds) {
  StartRegistered(Options(1));
  Want(5);
  client_.reset();
  ASSERT_EQ(answers_.size(), 1u);
  EXPECT_THAT(answers_[0], StatusIs(absl::StatusCode::kUnavailable, HasSubstr("ended")));
  store_.PassAll();
  EXPECT_EQ(answers_.size(), 1u);
}

TEST_F(LeaseClientOrderTest, WantIsRefusedBeforeTheRegistration) {
  Start(Options(1));
  Want(5);
  ASSERT_EQ(answers_.size(), 1u);
  EXPECT_THAT(answers_[0], StatusIs(absl::StatusCode::kUnavailable, HasSubstr("registered")));
}

TEST_F(LeaseClientOrderTest, WantIsAnsweredWhenTheStoreAsksForAllAnew) {
  StartRegistered(Options(1));
  Want(5);
  store_.book().BeginEpoch(1000, clock_.SteadyNow());
  const auto call = store_.Take<AcquireRequest>();
  store_.Arrive(call.get());
  KeptCalls::Answer(call.get());
  ASSERT_EQ(answers_.size(), 1u);
  EXPECT_THAT(answers_[0], StatusIs(absl::StatusCode::kUnavailable, HasSubstr("registered")));
}

// A refund of another budget makes the client register; the lease that is waited for is given up.
TEST_F(LeaseClientOrderTest, WantIsAnsweredWhenTheClientRegistersOfItsOwn) {
  StartRegistered(Options(1));
  const BudgetKey other{"other", 0};
  client_->Configure(other, {10'000, 1}, 10);
  client_->Want(other, 5, Taker());
  store_.PassAll();
  ASSERT_EQ(client_->Hold(other, 5), HoldResult::kHeld);
  client_->Commit(other, 5);
  for (int i = 0; i < 15; ++i) Pass();  // idle: given back
  ASSERT_EQ(client_->StandingOf(other).leases, 0u);
  client_->Refund(other, 5);
  Pass();
  clock_.Advance(absl::Seconds(4));
  answers_.clear();
  Want(5);
  EXPECT_TRUE(answers_.empty());
  const auto lost = store_.Take<AcquireRequest>();
  client_->Tick();
  EXPECT_EQ(store_.Count<RegisterRequest>(), 1u);
  ASSERT_EQ(answers_.size(), 1u);
  EXPECT_THAT(answers_[0], StatusIs(absl::StatusCode::kUnavailable, HasSubstr("registered")));
}

TEST_F(LeaseClientOrderTest, WantIsAnsweredWhenItsLeaseIsGivenUp) {
  StartRegistered(Options(1));
  Want(5);
  for (int i = 0; i < 11; ++i) {
    while (store_.Take<AcquireRequest>() != nullptr) continue;  // the network loses it
    client_->Tick();
    clock_.Advance(absl::Seconds(2));
  }
  ASSERT_EQ(answers_.size(), 1u);
  EXPECT_THAT(answers_[0], IsOk());
}

TEST_F(LeaseClientOrderTest, WantIsAnsweredWhenItsBudgetIsDropped) {
  StartRegistered(Options(1));
  Want(5);
  LeaseClient::Books(client_.get()).Drop(key_);
  client_->Tick();
  ASSERT_EQ(answers_.size(), 1u);
  // The grant that comes does not bring it back.
  store_.PassAll();
  EXPECT_EQ(client_->StandingOf(key_).leases, 0u);
}

// --- Refunds go back whatever the order.

class LeaseClientRefundTest : public LeaseClientOrderTest {
 protected:
  // 500 of a lease of 800 are taken back after it was released: there is nothing to take it back
  // to.
  void RefundWithoutLease() {
    client_->Configure(key_, {10'000, 1}, 800);
    WantAndSpend(800);
    for (int i = 0; i < 13; ++i) Pass();  // idle: all is given back
    ASSERT_EQ(client_->StandingOf(key_).leases, 0u);
    client_->Refund(key_, 500);
    EXPECT_EQ(Credit(), 500);
  }
  // All leases go back, and the store has what the log proves.
  void ExpectAllReturned(int64_t proven) {
    for (int i = 0; i < 20; ++i) Pass();
    EXPECT_EQ(client_->StandingOf(key_).proven, proven);
    EXPECT_EQ(View().settled, proven);
    EXPECT_EQ(View().outstanding, 0);
    EXPECT_EQ(Credit(), 0);
  }
};

TEST_F(LeaseClientRefundTest, CreditGoesWithTheNextLease) {
  StartRegistered(Options(1));
  RefundWithoutLease();
  Want(10);
  EXPECT_EQ(Credit(), 500);  // on its way
  store_.PassAll();
  EXPECT_EQ(Credit(), 0);
  EXPECT_EQ(View().settled, 300);
  EXPECT_EQ(store_.Count<RegisterRequest>(), 0u);
  ExpectAllReturned(300);
}

TEST_F(LeaseClientRefundTest, CreditOfARefusedOrRepeatedCallGoesOnce) {
  StartRegistered(Options(1), 9'200);
  RefundWithoutLease();
  client_->Configure(key_, {9'000, 2}, 800);  // cut: nothing is left but what is taken back
  Want(600);
  const auto first = store_.Take<AcquireRequest>();
  ASSERT_NE(first, nullptr);
  store_.Arrive(first.get());  // refused, and the answer is lost
  EXPECT_EQ(View().settled, 9'500);
  clock_.Advance(absl::Seconds(2));
  client_->Tick();
  store_.PassAll();
  EXPECT_EQ(View().settled, 9'500);
  EXPECT_EQ(Credit(), 0);
  ExpectAllReturned(9'500);
}

TEST_F(LeaseClientRefundTest, CreditThatMayHaveGoneIsStatedAnew) {
  for (const bool arrives : {false, true}) {
    for (const bool release_first : {false, true}) {
      SCOPED_TRACE(absl::StrCat("arrives ", arrives, ", release first ", release_first));
      StartRegistered(Options(arrives * 2 + release_first + 1),
                      client_ == nullptr ? 0 : client_->StandingOf(key_).proven);
      const int64_t before = client_->StandingOf(key_).proven;
      RefundWithoutLease();
      Want(10);
      const auto asked = store_.Take<AcquireRequest>();
      ASSERT_NE(asked, nullptr);
      ASSERT_EQ(std::get<AcquireRequest>(asked->request).credit, 500);
      clock_.Advance(absl::Seconds(21));
      client_->Tick();  // gives it up
      const auto release = store_.Take<ReleaseRequest>();
      ASSERT_NE(release, nullptr);
      if (arrives && !release_first) store_.Arrive(asked.get());
      store_.Arrive(release.get());
      if (arrives && release_first) {
        // Its number is used up: the credit was not taken down, and the answer must not say so.
        store_.Arrive(asked.get());
        EXPECT_EQ(asked->reply->outcome, Outcome::kStale);
        KeptCalls::Answer(asked.get());
      }
      while (store_.Take<AcquireRequest>() != nullptr) continue;
      KeptCalls::Answer(release.get());
      EXPECT_EQ(Credit(), 500);
      client_->Tick();
      EXPECT_EQ(store_.Count<RegisterRequest>(), 1u);
      store_.PassAll();
      EXPECT_EQ(Credit(), 0);
      // A copy that comes still later is void.
      if (!arrives) store_.Arrive(asked.get());
      ExpectAllReturned(before + 300);
    }
  }
}

TEST_F(LeaseClientRefundTest, WhatARenewalHasSaidIsTakenBackAllTheSame) {
  StartRegistered(Options(1));
  client_->Configure(key_, {10'000, 1}, 800);
  WantAndSpend(500);
  clock_.Advance(absl::Seconds(16));
  client_->Tick();  // renews, and says 500
  store_.PassAll();
  client_->Refund(key_, 400);
  EXPECT_EQ(Credit(), 400);
  Want(800);  // takes the credit along before the lease is released
  store_.PassAll();
  EXPECT_EQ(Credit(), 0);
  EXPECT_EQ(View().settled, -400);
  Spend(800);
  ExpectAllReturned(900);
}

TEST_F(LeaseClientRefundTest, ARegistrationInBetweenStatesNoMoreThanIsProven) {
  StartRegistered(Options(1));
  client_->Configure(key_, {10'000, 1}, 800);
  WantAndSpend(500);
  clock_.Advance(absl::Seconds(16));
  client_->Tick();
  store_.PassAll();
  client_->Refund(key_, 400);
  Want(800);
  store_.PassAll();
  store_.book().BeginEpoch(1000, clock_.SteadyNow());
  Want(5000);  // hears of the epoch while the lease is open
  store_.PassAll();
  for (int i = 0; i < 2; ++i) Pass();
  ASSERT_TRUE(client_->registered());
  EXPECT_GE(View().settled, 0);
  ExpectAllReturned(100);
}

TEST_F(LeaseClientRefundTest, ARefundWhileALeaseIsRefusedIsAskedFor) {
  ClientOptions options = Options(1);
  options.local = OfTheOnlyReplica();
  StartRegistered(options, 10'000);
  Want(10);
  client_->Refund(key_, 10);  // the call under way knows nothing of it
  store_.PassAll();
  EXPECT_EQ(answers_.size(), 1u);
  Want(10);
  store_.PassAll();
  EXPECT_EQ(client_->StandingOf(key_).left, 10);
}

// --- What registrations are worth.

TEST_F(LeaseClientOrderTest, OnlyTheFirstRegistrationDependsOnTheLog) {
  ClientOptions options = Options(1);
  options.proof = Proof::kLog;
  options.log_end = 7;
  Start(options, 50);
  client_->NoteLogEnd(9);  // written since: proves nothing about what was read
  client_->Tick();
  auto call = store_.Take<RegisterRequest>();
  store_.Arrive(call.get());
  KeptCalls::Answer(call.get());  // another epoch
  client_->Tick();
  call = store_.Take<RegisterRequest>();
  ASSERT_NE(call, nullptr);
  EXPECT_EQ(std::get<RegisterRequest>(call->request).proof, Proof::kLog);
  EXPECT_EQ(std::get<RegisterRequest>(call->request).caller.log_end, 7u);
  store_.Arrive(call.get());
  KeptCalls::Answer(call.get());
  ASSERT_TRUE(client_->registered());
  Want(5);
  EXPECT_EQ(std::get<AcquireRequest>(store_.Take<AcquireRequest>()->request).caller.log_end, 9u);
  store_.book().BeginEpoch(1000, clock_.SteadyNow());
  for (int i = 0; i < 3 && client_->registered(); ++i) {
    clock_.Advance(absl::Seconds(6));
    client_->Tick();
    store_.PassAll();
  }
  client_->Tick();
  call = store_.Take<RegisterRequest>();
  ASSERT_NE(call, nullptr);
  EXPECT_EQ(std::get<RegisterRequest>(call->request).proof, Proof::kAll);
  EXPECT_EQ(std::get<RegisterRequest>(call->request).caller.log_end, 9u);
}

TEST_F(LeaseClientOrderTest, WhatWasWrittenOffIsStatedToAStoreThatForgotIt) {
  StartRegistered(Options(1));
  WantAndSpend(6);
  const int64_t charged = View().charged();
  ClientOptions options = Options(2);
  options.proof = Proof::kPart;
  StartRegistered(options, 2);
  EXPECT_EQ(View().written_off, charged - 2);
  EXPECT_EQ(client_->StandingOf(key_).written_off, charged - 2);
  KeptCalls empty{BookOptions{.members = {"a"}}, &clock_};  // has forgotten everything
  store_.book() = empty.book();
  store_.book().BeginEpoch(1000, clock_.SteadyNow());
  for (int i = 0; i < 6; ++i) Pass();
  ASSERT_TRUE(client_->registered());
  EXPECT_EQ(View().settled, 2);
  EXPECT_EQ(View().written_off, charged - 2);
}

TEST_F(LeaseClientOrderTest, AnUnprovablePartLeavesTheClientUnregistered) {
  ClientOptions options = Options(1);
  options.proof = Proof::kPart;
  Start(options, 5);
  for (int i = 0; i < 4; ++i) Pass();
  EXPECT_TRUE(client_->unprovable());
  EXPECT_FALSE(client_->registered());
  EXPECT_EQ(client_->Hold(key_, 1), HoldResult::kRefused);
  StartRegistered(Options(2), 5);  // accepted by an operator
  EXPECT_FALSE(client_->unprovable());
}

// --- Several budgets.

TEST_F(LeaseClientOrderTest, PollSaysWhatOneBudgetHasToSay) {
  StartRegistered(Options(1));
  const BudgetKey other{"other", 0};
  client_->Configure(other, {10'000, 1}, 10);
  {
    LeaseClient::Books books(client_.get());
    EXPECT_EQ(books.Of(key_)->Need(5, books.Now()), HoldResult::kLater);
    EXPECT_EQ(books.Of(other)->Need(5, books.Now()), HoldResult::kLater);
    EXPECT_TRUE(books.Of(key_)->WantsMore(books.Now()));
  }
  EXPECT_EQ(store_.kept(), 0u);
  client_->Poll(key_);
  ASSERT_EQ(store_.kept(), 1u);
  store_.PassAll();
  EXPECT_GT(client_->StandingOf(key_).left, 0);
  EXPECT_EQ(client_->StandingOf(other).leases, 0u);
  client_->Poll(key_);
  EXPECT_EQ(store_.kept(), 0u);
}

TEST_F(LeaseClientOrderTest, BooksTakeSeveralHoldsAtOneMoment) {
  StartRegistered(Options(1));
  WantAndSpend(1);
  const int64_t left = client_->StandingOf(key_).left;
  {
    LeaseClient::Books books(client_.get());
    LocalBudget* const budget = books.Of(key_);
    EXPECT_EQ(budget, books.Of(key_));
    EXPECT_EQ(budget->left(books.Now()), left);
    EXPECT_EQ(budget->Hold(2, books.Now()), HoldResult::kHeld);
    EXPECT_EQ(budget->Hold(3, books.Now()), HoldResult::kHeld);
    budget->Commit(2);
    budget->Cancel(3);
  }
  EXPECT_EQ(client_->StandingOf(key_).left, left - 2);
  EXPECT_EQ(client_->StandingOf(key_).proven, 3);
  const LeaseClient::Books none(nullptr);  // of who has no client yet
}

TEST_F(LeaseClientOrderTest, ATickSpeaksForAnyNumberOfBudgets) {
  StartRegistered(Options(1));
  constexpr int kBudgets = 600;
  const auto name = [](int i) { return BudgetKey{absl::StrCat("row", i), 0}; };
  {
    LeaseClient::Books books(client_.get());
    for (int i = 0; i < kBudgets; ++i) {
      books.Of(name(i))->Configure({100, 1}, 10);
      books.Of(name(i))->Need(10, books.Now());
    }
  }
  client_->Tick();
  EXPECT_EQ(store_.Count<AcquireRequest>(), static_cast<size_t>(kBudgets));
  store_.PassAll();
  for (int i = 0; i < kBudgets; ++i) EXPECT_GE(client_->StandingOf(name(i)).left, 10) << i;
  client_->Close();
  client_->Tick();
  EXPECT_EQ(store_.Count<ReleaseRequest>(), static_cast<size_t>(kBudgets));
  store_.PassAll();
  EXPECT_TRUE(client_->empty());
}

// One of the last budgets has to be stated anew: all are, once.
TEST_F(LeaseClientOrderTest, ATickThatRegistersStatesAllBudgets) {
  StartRegistered(Options(1));
  constexpr size_t kBudgets = 600;
  const BudgetKey last{"z", 0};
  client_->Configure(last, {100, 1}, 10);
  client_->Want(last, 10, Taker());
  store_.PassAll();
  ASSERT_EQ(client_->Hold(last, 10), HoldResult::kHeld);
  client_->Commit(last, 10);
  for (int i = 0; i < 15; ++i) Pass();
  client_->Refund(last, 4);
  {
    LeaseClient::Books books(client_.get());
    for (size_t i = 0; i < kBudgets; ++i) books.Of({absl::StrCat("row", i), 0});
  }
  for (int i = 0; i < 4 && store_.Count<RegisterRequest>() == 0; ++i) {
    store_.PassAll();
    clock_.Advance(absl::Seconds(2));
    client_->Tick();
  }
  const auto call = store_.Take<RegisterRequest>();
  ASSERT_NE(call, nullptr);
  EXPECT_EQ(std::get<RegisterRequest>(call->request).statements.size(), kBudgets + 2);
  store_.Arrive(call.get());
  KeptCalls::Answer(call.get());
  EXPECT_EQ(store_.book().View(last)->settled, 6);
}

}  // namespace
}  // namespace fulcrum::leases::testing
