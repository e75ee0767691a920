// A replica that is alone: nobody settles in its place, so no clock matters, nothing is given back
// for idleness, and all of the limit can be had.
#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "leases/lease_client.h"
#include "leases/memory_lease_store.h"

namespace fulcrum::leases {
namespace {

// Clocks that go where they like, also back.
class WildClock final : public base::Clock {
 public:
  absl::Time Now() const override { return absl::UnixEpoch() + wall; }
  base::SteadyTime SteadyNow() const override {
    return base::SteadyTime(absl::ToChronoNanoseconds(steady));
  }

  absl::Duration wall = absl::Hours(1000);
  absl::Duration steady = absl::Hours(1000);
};

class OnlyReplicaTest : public ::testing::Test {
 protected:
  void Start(uint64_t incarnation, int64_t proven = 0) {
    ClientOptions options;
    options.replica = "a";
    options.incarnation = incarnation;
    options.local = OfTheOnlyReplica();
    client_ = std::make_unique<LeaseClient>(std::move(options), &store_, &clock_,
                                            std::vector<ProvenSpend>{{key_, proven}});
    client_->Configure(key_, {1000, 1}, 10);
    for (int i = 0; i < 4; ++i) Step();
    ASSERT_TRUE(client_->registered());
  }
  void Step() {
    clock_.wall += absl::Seconds(2);
    clock_.steady += absl::Seconds(2);
    client_->Tick();
  }
  bool Spend(int64_t amount) {
    client_->Want(key_, amount, [](const absl::Status& status) { EXPECT_TRUE(status.ok()); });
    if (client_->Hold(key_, amount) != HoldResult::kHeld) return false;
    client_->Commit(key_, amount);
    return true;
  }
  BudgetView View() const { return store_.View(key_).value_or(BudgetView()); }

  WildClock clock_;
  MemoryLeaseStore store_{BookOptions{.members = {"a"}, .ttl = absl::InfiniteDuration()}, &clock_};
  const BudgetKey key_{"row", 0};
  std::unique_ptr<LeaseClient> client_;
};

TEST_F(OnlyReplicaTest, ClocksDoNotMatter) {
  Start(1);
  ASSERT_TRUE(Spend(10));
  const int64_t left = client_->StandingOf(key_).left;
  ASSERT_GT(left, 0);
  for (const absl::Duration wall : {absl::Hours(-900), absl::Hours(5000), absl::ZeroDuration()}) {
    for (const absl::Duration steady : {absl::Hours(300), absl::Hours(-500)}) {
      clock_.wall += wall;
      clock_.steady += steady;
      client_->Tick();
      EXPECT_EQ(client_->StandingOf(key_).left, left) << wall << " " << steady;
      EXPECT_EQ(View().charged(), 10 + left);
    }
  }
  EXPECT_EQ(client_->Hold(key_, left), HoldResult::kHeld);
}

TEST_F(OnlyReplicaTest, NobodyIsEverSilent) {
  Start(1);
  ASSERT_TRUE(Spend(10));
  clock_.steady += absl::Hours(100'000);
  LeaseReply reply;
  store_.Expire({}, [&](absl::StatusOr<LeaseReply> answer) { reply = *std::move(answer); });
  EXPECT_TRUE(reply.lapsed.empty());
}

TEST_F(OnlyReplicaTest, NothingIsGivenBackForIdleness) {
  Start(1);
  ASSERT_TRUE(Spend(10));
  const int64_t outstanding = View().outstanding;
  for (int i = 0; i < 1000; ++i) Step();
  clock_.wall -= absl::Hours(2);
  client_->Tick();
  EXPECT_EQ(View().outstanding, outstanding);
}

TEST_F(OnlyReplicaTest, SpendsAllOfTheLimitWithoutAPause) {
  Start(1);
  int64_t spent = 0;
  while (Spend(7)) spent += 7;
  EXPECT_EQ(spent, 994);
  EXPECT_FALSE(Spend(10));
  EXPECT_TRUE(Spend(6));
  EXPECT_FALSE(Spend(1));
}

TEST_F(OnlyReplicaTest, WhoNeedsTooMuchDoesNotStandInTheWay) {
  Start(1, 990);
  EXPECT_FALSE(Spend(12));
  EXPECT_FALSE(Spend(20));
  EXPECT_TRUE(Spend(10));
}

TEST_F(OnlyReplicaTest, ARefundIsUsableAgainWithOneCall) {
  Start(1);
  while (Spend(10)) continue;
  EXPECT_FALSE(Spend(10));
  client_->Refund(key_, 30);
  EXPECT_TRUE(Spend(10));
  EXPECT_TRUE(Spend(10));
  EXPECT_TRUE(Spend(10));
  EXPECT_FALSE(Spend(1));
  EXPECT_EQ(View().charged(), 1000);
}

TEST_F(OnlyReplicaTest, ARaisedLimitIsUsableAtOnce) {
  Start(1);
  while (Spend(10)) continue;
  client_->Configure(key_, {1020, 2}, 10);
  EXPECT_TRUE(Spend(10));
  EXPECT_TRUE(Spend(10));
  EXPECT_FALSE(Spend(10));
}

}  // namespace
}  // namespace fulcrum::leases
