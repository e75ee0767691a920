#include "store/store.h"

#include <filesystem>
#include <fstream>

#include "base/file.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace fulcrum::store {
namespace {

using ::fulcrum::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;

class StoreTest : public ::testing::Test {
 protected:
  StoreOptions Options() const {
    StoreOptions options;
    options.directory = directory_.path() + "/db";
    options.files = base::PosixFileSystem();
    options.families = {"rows", "salts"};
    return options;
  }

  static std::unique_ptr<Store> OpenOrDie(const StoreOptions& options) {
    auto store = Store::Open(options);
    EXPECT_THAT(store, ::fulcrum::testing::IsOk());
    return store.ok() ? std::move(*store) : nullptr;
  }

  static absl::Status Put(Store* store, std::string_view key, std::string_view value, Sync sync) {
    rocksdb::WriteBatch batch;
    EXPECT_TRUE(batch
                    .Put(store->family(0), rocksdb::Slice(key.data(), key.size()),
                         rocksdb::Slice(value.data(), value.size()))
                    .ok());
    return store->Write(&batch, sync);
  }

  static std::string GetOrEmpty(Store* store, size_t family, std::string_view key) {
    rocksdb::PinnableSlice value;
    auto found = store->Get(family, key, ReadTier::kDisk, &value);
    EXPECT_THAT(found, ::fulcrum::testing::IsOk());
    return found.ok() && *found ? value.ToString() : "";
  }

  // The one file of the database that ends in `suffix`.
  std::string FileEndingIn(std::string_view suffix) const {
    for (const auto& entry : std::filesystem::directory_iterator(Options().directory)) {
      std::string name = entry.path().string();
      if (name.ends_with(suffix)) return name;
    }
    ADD_FAILURE() << "no file ending in " << suffix;
    return "";
  }

  static void FlipByte(const std::string& path, int64_t offset) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(offset);
    const char byte = static_cast<char>(file.get() ^ 0x40);
    file.seekp(offset);
    file.put(byte);
    ASSERT_TRUE(file.good());
  }

  testing::TemporaryDirectory directory_;
};

TEST_F(StoreTest, KeepsWhatWasWrittenAcrossReopening) {
  auto store = OpenOrDie(Options());
  FULCRUM_ASSERT_OK(Put(store.get(), "a", "1", Sync::kNo));
  FULCRUM_ASSERT_OK(store->Flush());
  FULCRUM_ASSERT_OK(Put(store.get(), "b", "2", Sync::kYes));
  store.reset();
  store = OpenOrDie(Options());
  EXPECT_EQ(GetOrEmpty(store.get(), 0, "a"), "1");
  EXPECT_EQ(GetOrEmpty(store.get(), 0, "b"), "2");
  EXPECT_EQ(GetOrEmpty(store.get(), 1, "a"), "") << "families must not share keys";
  FULCRUM_EXPECT_OK(store->health());
}

TEST_F(StoreTest, MemoryTierNeverReadsTheDisk) {
  auto store = OpenOrDie(Options());
  FULCRUM_ASSERT_OK(Put(store.get(), "a", "1", Sync::kNo));
  FULCRUM_ASSERT_OK(store->CompactAll());
  store.reset();
  store = OpenOrDie(Options());
  rocksdb::PinnableSlice value;
  EXPECT_THAT(store->Get(0, "a", ReadTier::kMemory, &value),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("not in memory")));
  // The filter is in memory, so an absent key needs no block.
  auto absent = store->Get(0, "zz", ReadTier::kMemory, &value);
  FULCRUM_ASSERT_OK(absent);
  EXPECT_FALSE(*absent);
  EXPECT_EQ(GetOrEmpty(store.get(), 0, "a"), "1");
  value.Reset();
  auto warm = store->Get(0, "a", ReadTier::kMemory, &value);
  FULCRUM_ASSERT_OK(warm);
  EXPECT_TRUE(*warm);
}

TEST_F(StoreTest, ASecondOwnerIsToldWhatToDo) {
  auto store = OpenOrDie(Options());
  EXPECT_THAT(Store::Open(Options()),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       AllOf(HasSubstr(Options().directory), HasSubstr("stop the other process"))));
}

TEST_F(StoreTest, AnUnknownFamilyMeansANewerVersion) {
  OpenOrDie(Options()).reset();
  StoreOptions older = Options();
  older.families = {"rows"};
  EXPECT_THAT(Store::Open(older),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("version that wrote it")));
}

TEST_F(StoreTest, DamageInATableIsDataLossWithTheRemedy) {
  auto store = OpenOrDie(Options());
  FULCRUM_ASSERT_OK(Put(store.get(), "a", std::string(1000, 'x'), Sync::kNo));
  FULCRUM_ASSERT_OK(store->CompactAll());
  store.reset();
  FlipByte(FileEndingIn(".sst"), 500);
  StoreOptions options = Options();
  options.damage_remedy = "load the rows again";
  store = OpenOrDie(options);
  rocksdb::PinnableSlice value;
  EXPECT_THAT(store->Get(0, "a", ReadTier::kDisk, &value),
              StatusIs(absl::StatusCode::kDataLoss,
                       AllOf(HasSubstr(options.directory), HasSubstr("load the rows again"))));
}

TEST_F(StoreTest, DamageInTheMiddleOfTheWalCutsItThere) {
  auto store = OpenOrDie(Options());
  for (const char* key : {"a", "b", "c"}) {
    FULCRUM_ASSERT_OK(Put(store.get(), key, std::string(1000, 'x'), Sync::kYes));
  }
  // A copy made now is what a crash leaves: a write-ahead log and no tables.
  const std::string crashed = directory_.path() + "/crashed";
  std::filesystem::copy(Options().directory, crashed);
  store.reset();
  std::string wal;
  for (const auto& entry : std::filesystem::directory_iterator(crashed)) {
    if (entry.path().extension() == ".log" && entry.file_size() > 0) wal = entry.path().string();
  }
  ASSERT_FALSE(wal.empty());
  FlipByte(wal, 1500);  // inside the second of three records
  StoreOptions options = Options();
  options.directory = crashed;
  store = OpenOrDie(options);
  EXPECT_EQ(GetOrEmpty(store.get(), 0, "a").size(), 1000u);
  EXPECT_EQ(GetOrEmpty(store.get(), 0, "b"), "");
  EXPECT_EQ(GetOrEmpty(store.get(), 0, "c"), "") << "a hole: c without b";
}

}  // namespace
}  // namespace fulcrum::store
