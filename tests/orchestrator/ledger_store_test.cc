#include "orchestrator/ledger_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rocksdb/write_batch.h>

#include <limits>

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

// Format 1 kept the leases here.
class LedgerStoreWithLeases : public LedgerStoreTest {
 protected:
  // As that version left it.
  void Leave(bool clean, char written_off) {
    Read();  // makes the directory
    {
      store::StoreOptions options;
      options.directory = path_;
      options.files = base::PosixFileSystem();
      options.families = {"ledger"};
      const auto raw = store::Store::Open(options);
      ASSERT_THAT(raw, fulcrum::testing::IsOk());
      // Window 7 with its sign bit flipped, big-endian; then what is leased and what written off.
      const std::string key = std::string("l\x80\0\0\0\0\0\0\x07", 9) + "row";
      std::string value(24, '\0');
      value[0] = 100;
      value[8] = written_off;
      rocksdb::WriteBatch batch;
      ASSERT_TRUE(batch.Put((*raw)->family(0), key, value).ok());
      ASSERT_TRUE(batch.Put((*raw)->family(0), "mformat", "1").ok());
      ASSERT_TRUE(
          batch.Put((*raw)->family(0), "msession", std::string("\1") + (clean ? '\1' : '\0')).ok());
      FULCRUM_ASSERT_OK((*raw)->Write(&batch, store::Sync::kYes));
    }
    const auto mark =
        store::SyncedMark::Create(base::PosixFileSystem(), path_ + "/fulcrum-synced", 1);
    ASSERT_THAT(mark, fulcrum::testing::IsOk());
  }
  absl::StatusOr<StoreImage> TryRead() const {
    const auto store = LedgerStore::Open(base::PosixFileSystem(), path_);
    EXPECT_THAT(store, fulcrum::testing::IsOk());
    return (*store)->ReadAll();
  }
};

TEST_F(LedgerStoreWithLeases, AreReadAfterACleanEndAndLoseThem) {
  Leave(/*clean=*/true, 0);
  EXPECT_TRUE(Read().has_leases);
  {
    const auto store = LedgerStore::Open(base::PosixFileSystem(), path_);
    ASSERT_THAT(store, fulcrum::testing::IsOk());
    FULCRUM_ASSERT_OK((*store)->Write({.session = Session()}, /*sync=*/true));
  }
  EXPECT_FALSE(Read().has_leases);
}

TEST_F(LedgerStoreWithLeases, AreRefusedIfTheyStillMeanSomething) {
  using ::fulcrum::testing::StatusIs;
  Leave(/*clean=*/false, 0);
  EXPECT_THAT(TryRead(), StatusIs(absl::StatusCode::kFailedPrecondition,
                                  ::testing::HasSubstr("start it once and stop it")));
}

TEST_F(LedgerStoreWithLeases, AreRefusedWithAmountsWrittenOff) {
  using ::fulcrum::testing::StatusIs;
  Leave(/*clean=*/true, 3);
  EXPECT_THAT(TryRead(), StatusIs(absl::StatusCode::kFailedPrecondition,
                                  ::testing::HasSubstr("until their windows have ended")));
}

class LedgerStoreCaps : public LedgerStoreTest {
 protected:
  static constexpr int64_t kTotal = std::numeric_limits<int64_t>::min();
  static constexpr UserRef kA{1}, kB{0xff, 0xff};

  LedgerStoreCaps() : store_(Opened()) {}
  std::unique_ptr<LedgerStore> Opened() const {
    auto store = LedgerStore::Open(base::PosixFileSystem(), path_);
    EXPECT_THAT(store, fulcrum::testing::IsOk());
    return store.ok() ? *std::move(store) : nullptr;
  }
  void Write(const StoreBatch& batch) { FULCRUM_ASSERT_OK(store_->Write(batch, /*sync=*/false)); }
  int64_t Cap(int64_t window_start_us, const UserRef& ref) const {
    return store_->ReadCap("row", window_start_us, ref, store::ReadTier::kDisk).value();
  }

  const std::unique_ptr<LedgerStore> store_;
};

TEST_F(LedgerStoreCaps, NoMoreThanTheBoundAreRead) {
  Write({.caps = {{"row", kTotal, kA, 1},
                  {"row", kTotal, kB, 2},
                  {"row", 7, kA, 3},
                  {"row", 7, kB, 4},
                  {"row", 9, kA, 5}},
         .session = Session()});
  const std::vector<int64_t> left[] = {{9, 7, kTotal}, {7, kTotal}, {7, kTotal}, {kTotal},
                                       {kTotal},       {},          {}};
  for (size_t most = 0; most < std::size(left); ++most) {
    const auto image = store_->ReadAll(most);
    ASSERT_THAT(image, fulcrum::testing::IsOk());
    EXPECT_EQ(image->caps.size(), std::min<size_t>(most, 5));
    EXPECT_EQ(image->cap_windows_left, left[most]) << most;
    EXPECT_TRUE(image->session.has_value());
  }
  EXPECT_EQ(store_->ReadAll(1)->caps[0].window_start_us, 9) << "the latest first";
}

TEST_F(LedgerStoreCaps, AChangeIsAppliedToWhatIsThere) {
  CounterChange change;
  change.Refund(5);
  change.Spend(2);
  Write({.caps = {{"row", 7, kA, 9}}});
  Write({.cap_changes = {{"row", 7, kA, change}, {"row", 7, kB, change}}});
  EXPECT_EQ(Cap(7, kA), 6);
  EXPECT_EQ(Cap(7, kB), 2);
  CounterChange back;
  back.Refund(6);
  Write({.cap_changes = {{"row", 7, kA, back}}});
  EXPECT_EQ(Cap(7, kA), 0);
  EXPECT_EQ(store_->ReadAll()->caps.size(), 1u) << "0 is no entry";
}

TEST_F(LedgerStoreCaps, APurgeReachesEveryWindow) {
  constexpr int64_t kLast = std::numeric_limits<int64_t>::max();
  for (const int64_t window : {kTotal, int64_t{-1}, int64_t{7}, kLast}) {
    Write({.caps = {{"row", window, kA, 1}, {"row", window, kB, 2}, {"row", window, {2}, 3}}});
  }
  Write({.purged = {kA, kB}});
  const auto image = store_->ReadAll();
  ASSERT_THAT(image, fulcrum::testing::IsOk());
  ASSERT_EQ(image->caps.size(), 4u);
  for (const CapEntry& entry : image->caps) EXPECT_EQ(entry.user_ref, UserRef{2});
}

TEST_F(LedgerStoreCaps, MergesAreKeptUntilTheyAreTakenBack) {
  const domain::UserMerge merge{kA, kB, -5};
  Write({.merges = {merge, {kB, UserRef{3}, 6}}});
  EXPECT_EQ(store_->ReadAll()->merges.size(), 2u);
  Write({.unmerged = {kB}});
  EXPECT_THAT(store_->ReadAll()->merges, ElementsAre(merge));
}

}  // namespace
}  // namespace fulcrum::orchestrator
