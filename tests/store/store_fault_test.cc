// The store over the fault-injecting file system: lost power, failed syncs, full disks, broken
// reads.
#include <algorithm>
#include <filesystem>

#include "store/rocksdb_file_system.h"
#include "store/store.h"
#include "tests/support/faulty_file_system.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace fulcrum::store {
namespace {

using ::fulcrum::testing::FaultyFileSystem;
using ::fulcrum::testing::FileFault;
using ::fulcrum::testing::FileOperation;
using ::fulcrum::testing::IsOk;
using ::fulcrum::testing::PowerLoss;
using ::fulcrum::testing::StatusIs;
using ::testing::HasSubstr;

class StoreFaultTest : public ::testing::Test {
 protected:
  StoreOptions Options() {
    StoreOptions options;
    options.directory = directory_.path() + "/db";
    options.files = &files_;
    options.families = {"rows"};
    return options;
  }

  static std::unique_ptr<Store> OpenOrDie(const StoreOptions& options) {
    auto store = Store::Open(options);
    EXPECT_THAT(store, IsOk());
    return store.ok() ? std::move(*store) : nullptr;
  }

  // Batch `number`: one key of its own and one that every batch overwrites.
  static absl::Status WriteBatch(Store* store, int number, Sync sync) {
    rocksdb::WriteBatch batch;
    // Long enough to spread over several sectors, so that it can be torn.
    const std::string value = std::to_string(number) + std::string(1500, 'x');
    EXPECT_TRUE(batch.Put(store->family(0), Key(number), value).ok());
    EXPECT_TRUE(batch.Put(store->family(0), "last", std::to_string(number)).ok());
    return store->Write(&batch, sync);
  }

  static std::string Key(int number) { return "key-" + std::to_string(number); }

  static std::string GetOrEmpty(Store* store, const std::string& key) {
    rocksdb::PinnableSlice value;
    auto found = store->Get(0, key, ReadTier::kDisk, &value);
    EXPECT_THAT(found, IsOk());
    return found.ok() && *found ? value.ToString() : "";
  }

  // How many of the batches are there; fails if they are not the first ones, each whole.
  static int PrefixLength(Store* store, int batches) {
    const std::string last = GetOrEmpty(store, "last");
    const int length = last.empty() ? 0 : std::stoi(last) + 1;
    for (int number = 0; number < batches; ++number) {
      const bool there = !GetOrEmpty(store, Key(number)).empty();
      EXPECT_EQ(there, number < length) << "batch " << number << " of a prefix of " << length;
    }
    return length;
  }

  testing::TemporaryDirectory directory_;
  FaultyFileSystem files_;
};

struct Tally {
  int states = 0;
  int torn = 0;
  int refused = 0;
};

class PowerLossTest : public StoreFaultTest {
 protected:
  // Writes batches, loses power `states` times somewhere in between, recovers, and checks.
  Tally Run(Sync sync, int states) {
    constexpr int kBatches = 60;
    files_.Record(true);
    StoreOptions options = Options();
    std::vector<size_t> acknowledged;  // trace length when batch i returned
    size_t opened = 0;
    {
      auto store = OpenOrDie(options);
      opened = files_.operations();
      for (int number = 0; number < kBatches; ++number) {
        EXPECT_THAT(WriteBatch(store.get(), number, sync), IsOk());
        acknowledged.push_back(files_.operations());
        const absl::Status flushed = number == kBatches / 2 ? store->Flush() : absl::OkStatus();
        EXPECT_THAT(flushed, IsOk());
      }
    }
    Tally tally;
    const size_t span = acknowledged.back() - opened;
    for (int state = 0; state < states; ++state) {
      const size_t cut = opened + span * static_cast<size_t>(state) / static_cast<size_t>(states);
      Recover(sync, cut, static_cast<uint64_t>(state), acknowledged, &tally);
    }
    return tally;
  }

  void Recover(Sync sync, size_t cut, uint64_t seed, const std::vector<size_t>& acknowledged,
               Tally* tally) {
    StoreOptions options = Options();
    const std::string from = options.directory;
    options.directory = directory_.path() + "/after";
    options.files = base::PosixFileSystem();
    std::filesystem::remove_all(options.directory);
    std::filesystem::create_directories(options.directory);
    const PowerLoss loss = files_.LosePower(cut, seed, from, options.directory);
    ++tally->states;
    if (loss.torn) ++tally->torn;
    auto store = Store::Open(options);
    if (!store.ok()) {
      ++tally->refused;
      ADD_FAILURE() << store.status().message() << "; cut at " << cut << ", seed " << seed;
      return;
    }
    const int length = PrefixLength(store->get(), static_cast<int>(acknowledged.size()));
    if (sync == Sync::kNo) return;
    const auto promised = std::upper_bound(acknowledged.begin(), acknowledged.end(), cut);
    EXPECT_GE(length, promised - acknowledged.begin()) << "cut at " << cut << ", seed " << seed;
  }
};

// Nothing that was acknowledged is gone, what is there is a prefix, and the store always opens.
TEST_F(PowerLossTest, SyncedBatchesSurvive) {
  const Tally tally = Run(Sync::kYes, 120);
  EXPECT_EQ(tally.refused, 0);
  EXPECT_GE(tally.torn * 5, tally.states) << "too few states hold a torn record to prove anything";
}

// Un-synced batches may go, but never with a hole.
TEST_F(PowerLossTest, UnsyncedBatchesLeaveAPrefix) {
  const Tally tally = Run(Sync::kNo, 120);
  EXPECT_EQ(tally.refused, 0);
  EXPECT_GE(tally.torn * 5, tally.states) << "too few states hold a torn record to prove anything";
}

TEST_F(StoreFaultTest, AFailedSyncIsKeptUntilTheStoreIsOpenedAnew) {
  auto store = OpenOrDie(Options());
  FULCRUM_ASSERT_OK(WriteBatch(store.get(), 0, Sync::kYes));
  files_.AddFault({.operation = FileOperation::kSync, .path_contains = ".log"});
  EXPECT_THAT(WriteBatch(store.get(), 1, Sync::kYes),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr(Options().directory)));
  EXPECT_EQ(files_.faults_fired(), 1);
  EXPECT_THAT(store->health(), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("injected")));
  EXPECT_FALSE(WriteBatch(store.get(), 2, Sync::kYes).ok()) << "the disk is well again, we are not";
  store.reset();
  store = OpenOrDie(Options());
  FULCRUM_EXPECT_OK(store->health());
  EXPECT_FALSE(GetOrEmpty(store.get(), Key(0)).empty());
  FULCRUM_EXPECT_OK(WriteBatch(store.get(), 3, Sync::kYes));
}

TEST_F(StoreFaultTest, AFullDiskSaysSo) {
  auto store = OpenOrDie(Options());
  files_.AddFault({.operation = FileOperation::kAppend,
                   .path_contains = ".log",
                   .sticky = true,
                   .fault = FileFault::kNoSpace});
  EXPECT_THAT(WriteBatch(store.get(), 0, Sync::kNo),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("free space")));
  EXPECT_GE(files_.faults_fired(), 1);
}

TEST_F(StoreFaultTest, AReadErrorIsNotAMissingKey) {
  auto store = OpenOrDie(Options());
  FULCRUM_ASSERT_OK(WriteBatch(store.get(), 0, Sync::kNo));
  FULCRUM_ASSERT_OK(store->CompactAll());
  store.reset();
  store = OpenOrDie(Options());
  files_.AddFault({.operation = FileOperation::kRead, .path_contains = ".sst"});
  rocksdb::PinnableSlice value;
  EXPECT_THAT(store->Get(0, Key(0), ReadTier::kDisk, &value),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("injected I/O error")));
  EXPECT_EQ(files_.faults_fired(), 1);
  EXPECT_FALSE(GetOrEmpty(store.get(), Key(0)).empty()) << "the next read is well";
}

// What RocksDB relies on when it renames CURRENT before it syncs the directory: a manifest that was
// synced is there under its name.
TEST_F(StoreFaultTest, ASyncedFileKeepsItsNameWhenPowerIsLost) {
  files_.Record(true);
  const std::string from = directory_.path() + "/db";
  std::filesystem::create_directories(from);
  const auto adaptor = NewRocksDbFileSystem(&files_);
  std::unique_ptr<rocksdb::FSWritableFile> file;
  ASSERT_TRUE(adaptor->NewWritableFile(from + "/MANIFEST-1", {}, &file, nullptr).ok());
  ASSERT_TRUE(file->Append("edit", {}, nullptr).ok());
  ASSERT_TRUE(file->Sync({}, nullptr).ok());
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const std::string to = directory_.path() + "/after-" + std::to_string(seed);
    std::filesystem::create_directories(to);
    files_.LosePower(files_.operations(), seed, from, to);
    EXPECT_TRUE(std::filesystem::exists(to + "/MANIFEST-1")) << "seed " << seed;
  }
}

}  // namespace
}  // namespace fulcrum::store
