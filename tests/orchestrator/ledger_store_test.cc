#include "orchestrator/ledger_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rocksdb/write_batch.h>

#include "store/store.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace fulcrum::orchestrator {
namespace {

using ::testing::ElementsAre;

class LedgerStoreTest : public ::testing::Test {
 protected:
  StoreImage Read() const {
    const auto store = LedgerStore::Open(base::PosixFileSystem(), path_);
    EXPECT_THAT(store, fulcrum::testing::IsOk());
    return store.ok() ? (*store)->ReadAll().value() : StoreImage();
  }

  fulcrum::testing::TemporaryDirectory directory_;
  const std::string path_ = directory_.path() + "/ledger";
};

TEST_F(LedgerStoreTest, ALeaseKeepsWhatItKnowsOfTheLog) {
  const LeaseEntry lease{"row", 7, 100, 3, 42};
  {
    const auto store = LedgerStore::Open(base::PosixFileSystem(), path_);
    ASSERT_THAT(store, fulcrum::testing::IsOk());
    StoreBatch batch;
    batch.leases = {lease};
    FULCRUM_ASSERT_OK((*store)->Write(batch, /*sync=*/true));
  }
  EXPECT_THAT(Read().leases, ElementsAre(lease));
}

TEST_F(LedgerStoreTest, LeasesOfTheFirstBuildsAreRead) {
  Read();  // makes the directory
  {
    store::StoreOptions options;
    options.directory = path_;
    options.files = base::PosixFileSystem();
    options.families = {"ledger"};
    const auto raw = store::Store::Open(options);
    ASSERT_THAT(raw, fulcrum::testing::IsOk());
    // Window 7 with its sign bit flipped, big-endian; then leased 100 and written off 3.
    const std::string key = std::string("l\x80\0\0\0\0\0\0\x07", 9) + "row";
    std::string value(16, '\0');
    value[0] = 100;
    value[8] = 3;
    rocksdb::WriteBatch batch;
    ASSERT_TRUE(batch.Put((*raw)->family(0), key, value).ok());
    FULCRUM_ASSERT_OK((*raw)->Write(&batch, store::Sync::kYes));
  }
  // As the first builds did, behind each synced write.
  const auto mark =
      store::SyncedMark::Create(base::PosixFileSystem(), path_ + "/fulcrum-synced", 1);
  ASSERT_THAT(mark, fulcrum::testing::IsOk());
  EXPECT_THAT(Read().leases, ElementsAre(LeaseEntry{"row", 7, 100, 3, 0}));
}

}  // namespace
}  // namespace fulcrum::orchestrator
