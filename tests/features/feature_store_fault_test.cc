// Reads that fail or hang, and lost power, through the fault-injecting file system.
#include <filesystem>
#include <future>

#include "tests/features/feature_store_fixture.h"
#include "tests/support/faulty_file_system.h"

namespace fulcrum::features {
namespace {

using domain::RowState;
using domain::Wait;
using ::fulcrum::testing::FaultyFileSystem;
using ::fulcrum::testing::FileOperation;
using ::fulcrum::testing::IsOk;
using ::fulcrum::testing::StatusIs;
using ::testing::HasSubstr;

class FeatureStoreFaultTest : public FeatureStoreFixture {
 protected:
  FeatureStoreOptions Options() const override {
    FeatureStoreOptions options = FeatureStoreFixture::Options();
    options.files = &files_;
    return options;
  }

  // A store with one user and one item in tables, and nothing of them in memory.
  std::unique_ptr<FeatureStore> ColdStore() const {
    auto store = OpenOrDie();
    WriteUser(store.get(), "u1", kNow, {{"age", 41.0}});
    WriteItem(store.get(), "i1", kNow, {{"price", 1.0}});
    EXPECT_THAT(store->FinishWriting(), IsOk());
    store.reset();
    return OpenOrDie();
  }

  mutable FaultyFileSystem files_;
};

TEST_F(FeatureStoreFaultTest, AReadErrorIsNotAMissingRow) {
  auto store = ColdStore();
  files_.AddFault({.operation = FileOperation::kRead, .path_contains = ".sst", .sticky = true});
  EXPECT_THAT(store->ReadUser("u1", kNow, Wait::kMayWait),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("injected I/O error")));
  EXPECT_THAT(store->ReadItems({"i1"}, kNow, Wait::kMayWait),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("injected I/O error")));
  EXPECT_GE(files_.faults_fired(), 2);
  files_.ClearFaults();
  EXPECT_EQ(Age(store.get(), "u1"), 41.0);
}

TEST_F(FeatureStoreFaultTest, AStalledDiskHoldsOnlyThoseWhoMayWait) {
  auto store = ColdStore();
  files_.StallReads(".sst");
  std::future<absl::StatusOr<domain::UserFeatures>> waiting =
      std::async(std::launch::async, [&] { return store->ReadUser("u1", kNow, Wait::kMayWait); });
  while (files_.reads_stalled() == 0) std::this_thread::yield();
  // Beside the stalled read: no call returns late, or this test would never end.
  for (int i = 0; i < 100; ++i) {
    EXPECT_THAT(store->ReadUser("u1", kNow, Wait::kNoWait),
                StatusIs(absl::StatusCode::kUnavailable, HasSubstr("")));
    EXPECT_THAT(store->ReadItems({"i1"}, kNow, Wait::kNoWait),
                StatusIs(absl::StatusCode::kUnavailable, HasSubstr("")));
    auto unknown = store->ReadUser("unknown" + std::to_string(i), kNow, Wait::kNoWait);
    // The filter answers for nearly all; a false positive would need the disk.
    if (unknown.ok()) {
      EXPECT_EQ(unknown->row.state, RowState::kMissing);
    }
  }
  files_.ReleaseReads();
  auto user = waiting.get();
  FULCRUM_ASSERT_OK(user);
  EXPECT_EQ(user->row.state, RowState::kFresh);
}

TEST_F(FeatureStoreFaultTest, AReferenceGivenUnderPowerSurvivesIt) {
  constexpr int kUsers = 30;
  files_.Record(true);
  FeatureStoreOptions options = Options();
  options.durability = config::Durability::kPower;
  std::vector<std::pair<size_t, UserRef>> given;  // trace length when it was given, and what
  {
    auto store = FeatureStore::Open(options);
    FULCRUM_ASSERT_OK(store);
    for (int user = 0; user < kUsers; ++user) {
      auto ref = (*store)->EnsureUserRef("u" + std::to_string(user), kNow);
      FULCRUM_ASSERT_OK(ref);
      given.emplace_back(files_.operations(), *ref);
    }
  }
  int torn = 0;
  constexpr int kStates = 60;
  for (int state = 0; state < kStates; ++state) {
    const size_t cut = given[0].first +
                       (given.back().first - given[0].first) * static_cast<size_t>(state) / kStates;
    options.directory = directory_.path() + "/after";
    options.files = base::PosixFileSystem();
    std::filesystem::remove_all(options.directory);
    std::filesystem::create_directories(options.directory);
    const auto loss = files_.LosePower(cut, static_cast<uint64_t>(state), path_, options.directory);
    if (loss.sectors_lost > 0) ++torn;
    auto store = FeatureStore::Open(options);
    FULCRUM_ASSERT_OK(store);
    for (int user = 0; user < kUsers && given[static_cast<size_t>(user)].first <= cut; ++user) {
      auto read = (*store)->ReadUser("u" + std::to_string(user), kNow, Wait::kMayWait);
      FULCRUM_ASSERT_OK(read);
      EXPECT_EQ(read->user_ref, given[static_cast<size_t>(user)].second) << "cut at " << cut;
    }
  }
  EXPECT_GE(torn, kStates / 5) << "too few states lost anything";
}

}  // namespace
}  // namespace fulcrum::features
