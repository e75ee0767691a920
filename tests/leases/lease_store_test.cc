#include <gtest/gtest.h>
#include <rocksdb/write_batch.h>

#include <memory>

#include "absl/strings/str_cat.h"
#include "leases/lease_codec.h"
#include "leases/memory_lease_store.h"
#include "leases/rocksdb_lease_store.h"
#include "store/store.h"
#include "store/synced_mark.h"
#include "tests/leases/lease_store_suite.h"
#include "tests/support/faulty_file_system.h"
#include "tests/support/temporary_directory.h"

namespace fulcrum::leases::testing {
namespace {

using ::fulcrum::testing::FaultRule;
using ::fulcrum::testing::FaultyFileSystem;
using ::fulcrum::testing::FileOperation;
using ::fulcrum::testing::IsOk;
using ::fulcrum::testing::SimulatedClock;
using ::fulcrum::testing::StatusIs;
using ::testing::HasSubstr;

BookOptions TwoMembers() {
  BookOptions options;
  options.members = {"a", "b"};
  return options;
}

class MemoryHarness {
 public:
  LeaseStore* store() { return &store_; }
  SimulatedClock* clock() { return &clock_; }
  void Reopen() { store_.Restart(); }
  void FailOver() { store_.BeginEpoch(++epoch_); }
  std::optional<BudgetView> View(const BudgetKey& key) const { return store_.View(key); }

 private:
  SimulatedClock clock_;
  uint64_t epoch_ = 100;
  MemoryLeaseStore store_{TwoMembers(), &clock_};
};

class RocksDbHarness {
 public:
  RocksDbHarness() {
    options_.directory = directory_.path() + "/leases";
    options_.files = &files_;
    options_.clock = &clock_;
    options_.book = TwoMembers();
    Open();
  }
  RocksDbLeaseStore* store() { return store_.get(); }
  SimulatedClock* clock() { return &clock_; }
  FaultyFileSystem* files() { return &files_; }
  void Reopen() {
    store_.reset();
    Open();
  }
  void FailOver() {
    clock_.Advance(absl::Milliseconds(1));
    options_.may_have_forgotten = true;
    Reopen();
    options_.may_have_forgotten = false;
  }
  std::optional<BudgetView> View(const BudgetKey& key) const { return store_->View(key); }
  const std::string& path() const { return options_.directory; }
  void Close() { store_.reset(); }
  absl::Status TryOpen() {
    auto store = RocksDbLeaseStore::Open(options_);
    if (!store.ok()) return store.status();
    store_ = *std::move(store);
    return absl::OkStatus();
  }

 private:
  void Open() { EXPECT_THAT(TryOpen(), IsOk()); }

  fulcrum::testing::TemporaryDirectory directory_;
  FaultyFileSystem files_;
  SimulatedClock clock_;
  RocksDbLeaseStoreOptions options_;
  std::unique_ptr<RocksDbLeaseStore> store_;
};

using Harnesses = ::testing::Types<MemoryHarness, RocksDbHarness>;
INSTANTIATE_TYPED_TEST_SUITE_P(Stores, LeaseStoreSuite, Harnesses);

using RocksDbLeaseStoreTest = LeaseStoreSuite<RocksDbHarness>;

TEST_F(RocksDbLeaseStoreTest, AfterAFailedWriteEverythingIsRefusedUntilItIsOpenedAgain) {
  JoinBoth();
  FaultRule rule;
  rule.operation = FileOperation::kSync;
  harness_.files()->AddFault(rule);
  Answer failed;
  harness_.store()->Acquire(a_.Acquiring(key_, 2, kLimit), failed.Taker());
  EXPECT_FALSE(failed.Wait().ok());
  harness_.files()->ClearFaults();
  Answer refused;
  harness_.store()->Acquire(a_.Acquiring(key_, 3, kLimit), refused.Taker());
  EXPECT_FALSE(refused.Wait().ok());
  harness_.Reopen();
  // Whether the first took effect nobody knows; the same call again settles it.
  EXPECT_EQ(Ask(a_.Acquiring(key_, 2, kLimit)).granted, 1000);
  ExpectView(0, 1000);
}

TEST_F(RocksDbLeaseStoreTest, WhatWasSyncedAndIsMissingIsRefusedOrBeginsAnEpoch) {
  JoinBoth();
  harness_.Close();
  // As if the directory had lost all of its end: the mark is ahead of it.
  {
    const auto mark =
        store::SyncedMark::Create(harness_.files(), harness_.path() + "/fulcrum-synced", 1'000'000);
    ASSERT_THAT(mark, IsOk());
  }
  EXPECT_THAT(harness_.TryOpen(), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("was synced")));
  harness_.FailOver();
  EXPECT_EQ(Ask(a_.Acquiring(key_, 2, kLimit)).outcome, Outcome::kOtherEpoch);
  harness_.Reopen();
  EXPECT_EQ(Ask(a_.Acquiring(key_, 2, kLimit)).outcome, Outcome::kOtherEpoch);
}

TEST_F(RocksDbLeaseStoreTest, ClosedWindowsAreForgottenForGood) {
  JoinBoth();
  Ask(a_.Acquiring(key_, 2, kLimit));
  EXPECT_EQ(Ask(CloseWindowsRequest{key_.window_start_us + 1}).outcome, Outcome::kDone);
  harness_.Reopen();
  EXPECT_FALSE(harness_.View(key_).has_value());
  EXPECT_EQ(Ask(a_.Acquiring(key_, 3, kLimit)).outcome, Outcome::kWindowClosed);
  EXPECT_EQ(Ask(a_.Of<ReleaseRequest>(key_, 2, 5)).outcome, Outcome::kDone);
}

// As the directory of an older version, or of a newer one.
void WriteHeader(FaultyFileSystem* files, const std::string& directory, uint64_t format) {
  std::string header = EncodeHeader({5, 6});
  header[0] = static_cast<char>(format);
  const auto store =
      store::Store::Open({.directory = directory, .files = files, .families = {"leases"}});
  ASSERT_THAT(store, IsOk());
  rocksdb::WriteBatch batch;
  batch.Put((*store)->family(0), "h", header);
  ASSERT_THAT((*store)->Write(&batch, store::Sync::kYes), IsOk());
}

TEST_F(RocksDbLeaseStoreTest, AnotherFormatIsRefusedAndNamed) {
  for (const uint64_t format : {1u, 3u}) {
    harness_.Close();
    WriteHeader(harness_.files(), harness_.path(), format);
    const absl::Status refused = harness_.TryOpen();
    EXPECT_THAT(refused, StatusIs(absl::StatusCode::kFailedPrecondition,
                                  HasSubstr(absl::StrCat("in format ", format, ", and"))));
    EXPECT_THAT(refused, StatusIs(absl::StatusCode::kFailedPrecondition,
                                  HasSubstr("use the version that wrote it, or remove")));
    EXPECT_THAT(RocksDbLeaseStore::ReadCharges(harness_.files(), harness_.path(), "a"),
                StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr(harness_.path())));
  }
}

TEST_F(RocksDbLeaseStoreTest, ChargesAreReadFromADirectoryThatIsInUse) {
  CrashWithALease();
  Ask(a_.Registering(1, Spent(450), Proof::kPart, 12));
  Ask(a_.Acquiring(key_, 2, kLimit));
  const auto charges = RocksDbLeaseStore::ReadCharges(harness_.files(), harness_.path(), "a");
  ASSERT_THAT(charges, IsOk());
  EXPECT_EQ(charges->log_end, 12u);
  ASSERT_EQ(charges->charges.size(), 1u);
  EXPECT_EQ(charges->charges[0].amount, 1450);
  EXPECT_EQ(charges->charges[0].written_off, 850);
  EXPECT_THAT(RocksDbLeaseStore::ReadCharges(harness_.files(), harness_.path() + "-none", "a"),
              StatusIs(absl::StatusCode::kNotFound, ::testing::_));
}

TEST_F(RocksDbLeaseStoreTest, AnswersEverythingBeforeItEnds) {
  JoinBoth();
  std::vector<Answer> answers(50);
  for (size_t i = 0; i < answers.size(); ++i) {
    harness_.store()->Acquire(a_.Acquiring(key_, 2 + i, kLimit, 10), answers[i].Taker());
  }
  harness_.Close();
  for (Answer& answer : answers) EXPECT_THAT(answer.Wait(), IsOk());
}

}  // namespace
}  // namespace fulcrum::leases::testing
