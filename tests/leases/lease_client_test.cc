#include "leases/lease_client.h"

#include <gtest/gtest.h>

#include <deque>
#include <utility>

#include "leases/memory_lease_store.h"
#include "tests/support/simulated_clock.h"

namespace fulcrum::leases {
namespace {

// Two clocks that can be moved apart.
class TwoClocks final : public base::Clock {
 public:
  absl::Time Now() const override { return absl::UnixEpoch() + wall_; }
  base::SteadyTime SteadyNow() const override {
    return base::SteadyTime(absl::ToChronoNanoseconds(steady_));
  }
  void Advance(absl::Duration span) {
    wall_ += span;
    steady_ += span;
  }
  void AdvanceWall(absl::Duration span) { wall_ += span; }

 private:
  absl::Duration wall_ = absl::Hours(1);
  absl::Duration steady_ = absl::Hours(1);
};

// Passes calls on, keeps them back, or drops them.
class Gate final : public LeaseStore {
 public:
  explicit Gate(LeaseStore* store) : store_(store) {}

  bool open = true;
  int calls = 0;

  void Register(RegisterRequest r, LeaseDone done) override {
    Pass([&] { store_->Register(std::move(r), std::move(done)); });
  }
  void Acquire(AcquireRequest r, LeaseDone done) override {
    Pass([&] { store_->Acquire(std::move(r), std::move(done)); });
  }
  void Report(ReportRequest r, LeaseDone done) override {
    Pass([&] { store_->Report(std::move(r), std::move(done)); });
  }
  void Renew(RenewRequest r, LeaseDone done) override {
    Pass([&] { store_->Renew(std::move(r), std::move(done)); });
  }
  void Release(ReleaseRequest r, LeaseDone done) override {
    Pass([&] { store_->Release(std::move(r), std::move(done)); });
  }
  void Expire(ExpireRequest r, LeaseDone done) override {
    Pass([&] { store_->Expire(r, std::move(done)); });
  }
  void Reconcile(ReconcileRequest r, LeaseDone done) override {
    Pass([&] { store_->Reconcile(std::move(r), std::move(done)); });
  }
  void CloseWindows(CloseWindowsRequest r, LeaseDone done) override {
    Pass([&] { store_->CloseWindows(r, std::move(done)); });
  }

 private:
  template <typename Function>
  void Pass(Function function) {
    ++calls;
    if (open) function();
  }
  LeaseStore* const store_;
};

class LeaseClientTest : public ::testing::Test {
 protected:
  std::unique_ptr<LeaseClient> Start(uint64_t incarnation, int64_t proven = 0) {
    ClientOptions options;
    options.replica = "a";
    options.incarnation = incarnation;
    auto client = std::make_unique<LeaseClient>(std::move(options), &gate_, &clock_,
                                                std::vector<ProvenSpend>{{key_, proven}});
    client->Configure(key_, {10'000, 1}, 10);
    Tick(client.get(), absl::Seconds(2));
    return client;
  }
  void Tick(LeaseClient* client, absl::Duration span) {
    for (absl::Duration passed; passed < span; passed += absl::Milliseconds(250)) {
      clock_.Advance(absl::Milliseconds(250));
      client->Tick();
    }
  }
  // As a caller that may wait.
  bool Spend(LeaseClient* client, int64_t amount) {
    for (int tries = 0; tries < 3; ++tries) {
      if (client->Hold(key_, amount) == HoldResult::kHeld) {
        client->Commit(key_, amount);
        return true;
      }
    }
    return false;
  }
  BudgetView View() const { return store_.View(key_).value_or(BudgetView()); }

  TwoClocks clock_;
  MemoryLeaseStore store_{BookOptions{.members = {"a"}}, &clock_};
  Gate gate_{&store_};
  const BudgetKey key_{"row", 0};
};

TEST_F(LeaseClientTest, SpendsWhatItWasGrantedAndGivesTheRestBack) {
  const auto client = Start(1);
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(Spend(client.get(), 7));
    Tick(client.get(), absl::Milliseconds(250));
  }
  EXPECT_GE(View().settled + View().outstanding, 700);
  Tick(client.get(), absl::Seconds(25));  // idle
  EXPECT_EQ(View().settled, 700);
  EXPECT_EQ(View().outstanding, 0);
  EXPECT_TRUE(client->empty());
}

TEST_F(LeaseClientTest, SpendsTheWholeLimitAndNoMore) {
  const auto client = Start(1);
  int64_t spent = 0;
  for (int i = 0; i < 3000; ++i) {
    if (Spend(client.get(), 10)) spent += 10;
    Tick(client.get(), absl::Milliseconds(250));
  }
  EXPECT_EQ(spent, 10'000);
  EXPECT_EQ(client->Hold(key_, 1), HoldResult::kRefused);
}

TEST_F(LeaseClientTest, AsksAnEmptyStoreOnceASecond) {
  const auto client = Start(1, 10'000);
  gate_.calls = 0;
  for (int i = 0; i < 1000; ++i) {
    clock_.Advance(absl::Milliseconds(5));
    client->Hold(key_, 10);
  }
  EXPECT_GE(gate_.calls, 4);
  EXPECT_LE(gate_.calls, 6);
}

TEST_F(LeaseClientTest, SpendsUntilTheGuardBeforeTheEndWithoutTheStore) {
  const auto client = Start(1);
  ASSERT_TRUE(Spend(client.get(), 1));
  gate_.open = false;
  clock_.Advance(absl::Milliseconds(27'900));
  EXPECT_EQ(client->Hold(key_, 1), HoldResult::kHeld);
  client->Cancel(key_, 1);
  clock_.Advance(absl::Milliseconds(200));
  EXPECT_NE(client->Hold(key_, 1), HoldResult::kHeld);
}

TEST_F(LeaseClientTest, AClockThatStoodStillMakesLeasesUnusableUntilRenewed) {
  const auto client = Start(1);
  ASSERT_TRUE(Spend(client.get(), 1));
  clock_.AdvanceWall(absl::Seconds(1));  // the steady clock did not see it
  EXPECT_EQ(client->StandingOf(key_).left, 0);
  EXPECT_NE(client->Hold(key_, 1), HoldResult::kHeld);
  client->Tick();  // renews
  EXPECT_EQ(client->Hold(key_, 1), HoldResult::kHeld);
}

TEST_F(LeaseClientTest, WallJumpsExtendNothing) {
  const auto client = Start(1);
  ASSERT_TRUE(Spend(client.get(), 1));
  gate_.open = false;
  for (const absl::Duration jump : {absl::Hours(1), -absl::Hours(1), -absl::Hours(24)}) {
    clock_.AdvanceWall(jump);
    client->Tick();
    clock_.Advance(absl::Seconds(15));
    EXPECT_NE(client->Hold(key_, 1), HoldResult::kHeld) << jump;
  }
}

TEST_F(LeaseClientTest, TheNextIncarnationSettlesWhatACrashLeft) {
  auto client = Start(1);
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(Spend(client.get(), 7));
  client.reset();
  EXPECT_GT(View().outstanding, 0);
  client = Start(2, 35);
  EXPECT_EQ(View().settled, 35);
  EXPECT_EQ(View().outstanding, 0);
  EXPECT_TRUE(Spend(client.get(), 7));
}

TEST_F(LeaseClientTest, AnOlderIncarnationLearnsThatItIsOver) {
  const auto old = Start(1);
  const auto next = Start(2);
  Tick(old.get(), absl::Seconds(6));
  EXPECT_TRUE(old->superseded());
  EXPECT_EQ(old->Hold(key_, 1), HoldResult::kRefused);
  EXPECT_FALSE(next->superseded());
}

TEST_F(LeaseClientTest, RegistersWhatItHoldsInANewEpoch) {
  const auto client = Start(1);
  ASSERT_TRUE(Spend(client.get(), 6));
  const int64_t left = client->StandingOf(key_).left;
  ASSERT_GT(left, 0);
  store_.BeginEpoch(1000);
  EXPECT_EQ(client->Hold(key_, 1), HoldResult::kHeld);  // goes on with what it has
  client->Commit(key_, 1);
  Tick(client.get(), absl::Seconds(8));
  EXPECT_TRUE(client->registered());
  EXPECT_EQ(View().settled + View().outstanding, 6 + left);
  Tick(client.get(), absl::Seconds(25));
  EXPECT_EQ(View().settled, 7);
  EXPECT_EQ(View().outstanding, 0);
}

TEST_F(LeaseClientTest, WhatBecameDoubtfulWhileItRegisteredIsGivenBackAndNotRenewed) {
  const auto client = Start(1);
  ASSERT_TRUE(Spend(client.get(), 6));
  store_.BeginEpoch(1000);
  while (client->registered()) Tick(client.get(), absl::Milliseconds(250));
  gate_.open = false;
  client->Tick();  // the statement names the lease, and is lost
  clock_.AdvanceWall(absl::Seconds(60));
  gate_.open = true;
  Tick(client.get(), absl::Seconds(4));
  EXPECT_TRUE(client->registered());
  EXPECT_EQ(client->StandingOf(key_).leases, 0u);
  EXPECT_EQ(View().settled, 6);
  EXPECT_EQ(View().outstanding, 0);
}

TEST_F(LeaseClientTest, RefundsMakeRoomOrGoBack) {
  const auto client = Start(1);
  ASSERT_TRUE(Spend(client.get(), 8));
  const int64_t left = client->StandingOf(key_).left;
  client->Refund(key_, 5);
  EXPECT_EQ(client->StandingOf(key_).left, left + 5);
  Tick(client.get(), absl::Seconds(25));
  EXPECT_EQ(View().settled, 3);
  client->Refund(key_, 2);  // no lease is left to take it
  EXPECT_EQ(client->StandingOf(key_).credit, 2);
  Tick(client.get(), absl::Seconds(10));
  EXPECT_EQ(View().settled, 1);
  EXPECT_EQ(client->StandingOf(key_).credit, 0);
}

TEST_F(LeaseClientTest, ClosingGivesBackWhatIsNotHeld) {
  const auto client = Start(1);
  ASSERT_TRUE(Spend(client.get(), 8));
  ASSERT_EQ(client->Hold(key_, 1), HoldResult::kHeld);
  client->Close();
  Tick(client.get(), absl::Seconds(3));
  EXPECT_FALSE(client->empty());
  client->Commit(key_, 1);
  Tick(client.get(), absl::Seconds(3));
  EXPECT_TRUE(client->empty());
  EXPECT_EQ(View().settled, 9);
  EXPECT_EQ(client->Hold(key_, 1), HoldResult::kRefused);
}

TEST_F(LeaseClientTest, AnswersAfterItsEndAreIgnored) {
  struct Late final : public LeaseStore {
    std::vector<LeaseDone> waiting;
    void Register(RegisterRequest, LeaseDone done) override { waiting.push_back(std::move(done)); }
    void Acquire(AcquireRequest, LeaseDone done) override { waiting.push_back(std::move(done)); }
    void Report(ReportRequest, LeaseDone done) override { waiting.push_back(std::move(done)); }
    void Renew(RenewRequest, LeaseDone done) override { waiting.push_back(std::move(done)); }
    void Release(ReleaseRequest, LeaseDone done) override { waiting.push_back(std::move(done)); }
    void Expire(ExpireRequest, LeaseDone done) override { waiting.push_back(std::move(done)); }
    void Reconcile(ReconcileRequest, LeaseDone done) override {
      waiting.push_back(std::move(done));
    }
    void CloseWindows(CloseWindowsRequest, LeaseDone done) override {
      waiting.push_back(std::move(done));
    }
  } late;
  {
    LeaseClient client({.replica = "a", .incarnation = 1}, &late, &clock_, {});
    client.Tick();
  }
  ASSERT_EQ(late.waiting.size(), 1u);
  std::move(late.waiting[0])(LeaseReply());
}

}  // namespace
}  // namespace fulcrum::leases
