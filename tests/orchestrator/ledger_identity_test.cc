// Caps of users who are merged or erased.
#include "orchestrator/ledger_store.h"
#include "tests/orchestrator/ledger_fixture.h"

namespace fulcrum::orchestrator::testing {
namespace {

using config::Window;
using domain::Wait;
using ::testing::IsEmpty;
using ::testing::SizeIs;

IdentityRecord Merged(const UserRef& from, const UserRef& into, absl::Time now) {
  return {.change = IdentityChange::kMerged,
          .user_ref = from,
          .into = into,
          .occurred_us = absl::ToUnixMicros(now)};
}

IdentityRecord Purged(const UserRef& user_ref) {
  return {.change = IdentityChange::kPurged, .user_ref = user_ref};
}

// With all counters in memory, and with one.
class LedgerIdentity : public ::testing::TestWithParam<size_t> {
 protected:
  LedgerIdentity() {
    home_.options().user_counters_max = GetParam();
    Start(Window::kTotal);
  }
  void Start(Window window) {
    ledger_.reset();
    BundleBuilder builder;
    builder.Campaign("c").Cap("c.user", window, 3).Action("a", 0);
    bundle_ = builder.Build();
    ledger_ = home_.Start(bundle_);
  }
  void Restart() {
    ledger_.reset();
    ledger_ = home_.Start(bundle_);
  }
  bool Spend(const UserRef& user_ref) { return home_.SpendOne(ledger_.get(), 0, user_ref); }
  void Log(LogEvent event) { home_.Log(ledger_.get(), std::move(event)); }
  void Merge(const UserRef& from, const UserRef& into) { Log(Merged(from, into, home_.now())); }
  void Checkpoint() { FULCRUM_ASSERT_OK(ledger_->Checkpoint()); }
  Ledger::RowStatus StatusOf(const UserRef& user_ref) {
    return ledger_->UserStatus(user_ref, home_.now())[0];
  }
  StoreImage Stored() {
    ledger_.reset();
    const auto store = LedgerStore::Open(home_.options().files, home_.options().directory);
    EXPECT_THAT(store, ::fulcrum::testing::IsOk());
    return store.ok() ? (*store)->ReadAll().value() : StoreImage();
  }

  const UserRef kA = User(1), kB = User(2), kC = User(3);
  LedgerHome home_;
  std::shared_ptr<config::Bundle> bundle_;
  std::unique_ptr<Ledger> ledger_;
};

TEST_P(LedgerIdentity, AMergeGivesNoMoreRoomThanTheTwoHadLeft) {
  EXPECT_TRUE(Spend(kA));
  EXPECT_TRUE(Spend(kB));
  Checkpoint();
  Merge(kA, kB);
  for (const UserRef& ref : {kA, kB}) EXPECT_EQ(StatusOf(ref).spent, 2);
  EXPECT_TRUE(Spend(kB));
  EXPECT_FALSE(Spend(kB));
  EXPECT_FALSE(Spend(kA)) << "under either reference";
  EXPECT_TRUE(Spend(kC));
}

TEST_P(LedgerIdentity, WhatTheySpentTogetherMayBeMoreThanTheLimit) {
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(Spend(kA));
    EXPECT_TRUE(Spend(kB));
  }
  Merge(kA, kB);
  EXPECT_EQ(StatusOf(kB).spent, 6);
  EXPECT_FALSE(Spend(kB));
  // Refunds of either make room only below the limit.
  const std::vector<Debit> debits = AllDebits(std::get<DecisionRecord>(home_.log()[0]));
  for (int i = 0; i < 3; ++i) Log(SupersededRecord{.refunds = debits, .user_ref = kA});
  EXPECT_EQ(StatusOf(kB).spent, 3);
  EXPECT_FALSE(Spend(kB));
  Log(SupersededRecord{.refunds = debits, .user_ref = kB});
  EXPECT_TRUE(Spend(kB));
}

TEST_P(LedgerIdentity, AHoldInFlightIsTheUsersAndFindsItsCounter) {
  const size_t drawn[] = {0};
  std::vector<Hold> holds;
  std::vector<DecisionRecord> records;
  for (const UserRef& ref : {kA, kA, kB}) {
    auto hold = ledger_->Acquire({0}, 1, ref, home_.now(), Wait::kMayWait);
    FULCRUM_ASSERT_OK(hold);
    records.push_back(RecordOf(hold->Keep(drawn), ref, home_.now()));
    holds.push_back(*std::move(hold));
  }
  Merge(kA, kB);
  EXPECT_EQ(StatusOf(kB).held, 3);
  EXPECT_FALSE(Spend(kB));
  holds[0].Detach();
  Log(records[0]);
  holds[1].Detach();
  ledger_->Return(AllDebits(records[1]), kA);
  EXPECT_EQ(StatusOf(kB).held, 1);
  EXPECT_EQ(StatusOf(kB).spent, 1);
  holds.pop_back();
  EXPECT_EQ(StatusOf(kB).held, 0);
  EXPECT_EQ(ledger_->unheld(), 0);
}

TEST_P(LedgerIdentity, AMergeOutlivesCrashesWithAndWithoutACheckpoint) {
  EXPECT_TRUE(Spend(kA));
  EXPECT_TRUE(Spend(kB));
  Merge(kA, kB);
  Merge(kB, kC);
  for (int round = 0; round < 3; ++round) {
    Restart();
    for (const UserRef& ref : {kA, kB, kC}) EXPECT_EQ(StatusOf(ref).spent, 2) << round;
    if (round == 1) Checkpoint();
  }
  Merge(kA, kC);  // says what is known
  Checkpoint();
  EXPECT_EQ(StatusOf(kA).spent, 2);
  EXPECT_THAT(Stored().merges, SizeIs(2));
}

TEST_P(LedgerIdentity, WhatIsJoinedCountsTogetherBeforeTheRecordComes) {
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(Spend(kA));
  EXPECT_TRUE(Spend(kB));
  ledger_->Join(kA, kB, home_.now());
  EXPECT_FALSE(Spend(kB));
  Checkpoint();
  Restart();  // the record was never written
  EXPECT_TRUE(Spend(kB));
  ledger_->Join(kA, kB, home_.now());
  Merge(kA, kB);
  Checkpoint();
  Restart();
  EXPECT_EQ(StatusOf(kA).spent, 4);
}

TEST_P(LedgerIdentity, AMergeIsForgottenWithTheWindowsBeforeIt) {
  Start(Window::kDay);
  EXPECT_TRUE(Spend(kA));
  Merge(kA, kB);
  Checkpoint();
  home_.clock().Advance(absl::Hours(50));
  EXPECT_TRUE(Spend(kB));
  Checkpoint();
  EXPECT_THAT(Stored().merges, SizeIs(1));
  Restart();
  home_.clock().Advance(absl::Hours(50));
  EXPECT_TRUE(Spend(kB));
  Checkpoint();
  EXPECT_THAT(Stored().merges, IsEmpty());
}

TEST_P(LedgerIdentity, APurgeRemovesWhatTheUserHadUsed) {
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(Spend(kA));
  EXPECT_TRUE(Spend(kB));
  EXPECT_TRUE(Spend(kC));
  Merge(kA, kB);
  Checkpoint();
  Log(Purged(kB));
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(StatusOf(kA).spent, 0) << round;
    EXPECT_EQ(StatusOf(kB).spent, 0) << round;
    EXPECT_EQ(StatusOf(kC).spent, 1) << round;
    if (round == 1) Restart();
    Checkpoint();
  }
  const StoreImage image = Stored();
  ASSERT_THAT(image.caps, SizeIs(1));
  EXPECT_EQ(image.caps[0].user_ref, kC);
  EXPECT_THAT(image.merges, IsEmpty());
}

// The record of a decision that was in flight comes behind the purge.
TEST_P(LedgerIdentity, AHoldOfAnErasedUserIsSettled) {
  EXPECT_TRUE(Spend(kA));
  const size_t drawn[] = {0};
  auto hold = ledger_->Acquire({0}, 1, kA, home_.now(), Wait::kMayWait);
  FULCRUM_ASSERT_OK(hold);
  DecisionRecord record = RecordOf(hold->Keep(drawn), kA, home_.now());
  hold->Detach();
  Log(Purged(kA));
  Checkpoint();
  Log(std::move(record));
  EXPECT_EQ(ledger_->unheld(), 0);
  Checkpoint();
  FULCRUM_EXPECT_OK(ledger_->Close());
}

INSTANTIATE_TEST_SUITE_P(Bounds, LedgerIdentity, ::testing::Values(1000, 1));

}  // namespace
}  // namespace fulcrum::orchestrator::testing
