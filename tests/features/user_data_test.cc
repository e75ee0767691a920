// Merges and purges in the feature store: what every domain::UserData does, what becomes of rows,
// and that an erased salt is nowhere.
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/features/feature_store_fixture.h"
#include "tests/support/user_data_suite.h"

namespace fulcrum::features {
namespace {

using domain::RowState;
using domain::Wait;

class StoreHarness {
 public:
  StoreHarness() {
    options_.directory = directory_.path() + "/features";
    options_.files = base::PosixFileSystem();
    options_.random = SeededBytes(1);  // goes on after Reopen()
    Reopen();
  }
  domain::UserData* users() { return store_.get(); }
  std::optional<UserRef> RefOf(std::string_view user_id) {
    const auto user = store_->ReadUser(user_id, absl::UnixEpoch(), Wait::kMayWait);
    EXPECT_THAT(user, testing::IsOk());
    return user.ok() ? user->user_ref : std::nullopt;
  }
  void Reopen() {
    store_.reset();
    auto store = FeatureStore::Open(options_);
    EXPECT_THAT(store, testing::IsOk());
    if (store.ok()) store_ = *std::move(store);
  }

 private:
  testing::TemporaryDirectory directory_;
  FeatureStoreOptions options_;
  std::unique_ptr<FeatureStore> store_;
};

}  // namespace
}  // namespace fulcrum::features

namespace fulcrum::testing {
INSTANTIATE_TYPED_TEST_SUITE_P(Store, UserDataSuite, features::StoreHarness);
}  // namespace fulcrum::testing

namespace fulcrum::features {
namespace {

class UserDataTest : public FeatureStoreFixture {
 protected:
  RowState StateOf(FeatureStore* store, const std::string& id) const {
    const auto user = store->ReadUser(id, kNow, Wait::kMayWait);
    EXPECT_THAT(user, testing::IsOk());
    return user.ok() ? user->row.state : RowState::kMissing;
  }
  // What all files of the store hold, one after the other.
  std::string Files() const {
    std::stringstream all;
    for (const auto& entry : std::filesystem::directory_iterator(path_)) {
      if (entry.is_regular_file() && entry.file_size() > 0) {
        all << std::ifstream(entry.path(), std::ios::binary).rdbuf();
      }
    }
    return all.str();
  }
};

TEST_F(UserDataTest, TheRowOfTheOneMergedIntoStays) {
  const auto store = OpenOrDie();
  WriteUser(store.get(), "a", kNow, {{"age", 20.0}});
  WriteUser(store.get(), "b", kNow - absl::Hours(1), {{"age", 30.0}});
  FULCRUM_ASSERT_OK(store->Merge("a", "b", kNow));
  EXPECT_EQ(Age(store.get(), "a"), 30.0);
  EXPECT_EQ(Age(store.get(), "b"), 30.0);
}

TEST_F(UserDataTest, ARowComesAlongWhereThereWasNone) {
  const auto store = OpenOrDie();
  WriteUser(store.get(), "a", kNow, {{"age", 20.0}});
  FULCRUM_ASSERT_OK(store->Merge("a", "b", kNow));
  EXPECT_EQ(Age(store.get(), "a"), 20.0);
  EXPECT_EQ(Age(store.get(), "b"), 20.0);
}

TEST_F(UserDataTest, ALoadedRowOfEitherIsTheUsers) {
  const auto store = OpenOrDie();
  WriteUser(store.get(), "b", kNow, {{"age", 30.0}});
  FULCRUM_ASSERT_OK(store->Merge("a", "b", kNow));
  WriteUser(store.get(), "a", kNow + absl::Seconds(1), {{"age", 21.0}});
  EXPECT_EQ(Age(store.get(), "b"), 21.0);
  WriteUser(store.get(), "a", kNow - absl::Seconds(1),
            {{"age", 19.0}});  // older than what is there
  EXPECT_EQ(Age(store.get(), "b"), 21.0);
}

TEST_F(UserDataTest, APurgeErasesTheRowsAndNoOthers) {
  const auto store = OpenOrDie();
  for (const char* id : {"a", "ab", "b"}) WriteUser(store.get(), id, kNow, {{"age", 20.0}});
  WriteItem(store.get(), "a", kNow, {{"price", 1.0}});
  FULCRUM_ASSERT_OK(store->Purge("a"));
  EXPECT_EQ(StateOf(store.get(), "a"), RowState::kMissing);
  EXPECT_EQ(StateOf(store.get(), "ab"), RowState::kFresh);
  EXPECT_EQ(StateOf(store.get(), "b"), RowState::kFresh);
  const auto items = store->ReadItems({"a"}, kNow, Wait::kMayWait);
  FULCRUM_ASSERT_OK(items);
  EXPECT_EQ((*items)[0].state, RowState::kFresh);
}

// Neither in a table, nor in a write-ahead log.
TEST_F(UserDataTest, AnErasedSaltIsInNoFile) {
  std::string salt(16, '\0');
  seed_ = 77;
  FULCRUM_ASSERT_OK(
      SeededBytes(seed_)(absl::MakeSpan(reinterpret_cast<uint8_t*>(salt.data()), salt.size())));
  for (const bool in_table : {false, true}) {
    std::filesystem::remove_all(path_);
    auto store = OpenOrDie();
    WriteUser(store.get(), "somebody.remarkable", kNow, {{"city", std::string("Nowhere")}});
    FULCRUM_ASSERT_OK(store->EnsureUserRef("other", kNow));
    if (in_table) {
      FULCRUM_ASSERT_OK(store->FinishWriting());
    }
    EXPECT_NE(Files().find(salt), std::string::npos);
    FULCRUM_ASSERT_OK(store->Merge("alias.remarkable", "somebody.remarkable", kNow));
    FULCRUM_ASSERT_OK(store->Purge("alias.remarkable"));
    store.reset();
    OpenOrDie();  // files that nothing needs any more are gone at the latest by the next start
    const std::string files = Files();
    for (const std::string& trace : {salt, std::string("remarkable"), std::string("Nowhere")}) {
      EXPECT_EQ(files.find(trace), std::string::npos) << trace << ", in a table: " << in_table;
    }
    EXPECT_NE(files.find("other"), std::string::npos);
  }
}

}  // namespace
}  // namespace fulcrum::features
