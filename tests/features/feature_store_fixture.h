// A feature store on disk with a user view `profile` and an item view `catalogue`.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/random.h"
#include "features/feature_store.h"
#include "features/row_codec.h"
#include "store/store.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace fulcrum::features {

// Seeded: the same salts in every run.
inline RandomBytes SeededBytes(uint64_t seed) {
  struct State {
    explicit State(uint64_t seed_value) : stream(seed_value) {}
    base::Mutex mutex;
    base::RandomStream stream ABSL_GUARDED_BY(mutex);
  };
  return [state = std::make_shared<State>(seed)](absl::Span<uint8_t> bytes) {
    base::MutexLock lock(&state->mutex);
    for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(state->stream.Next32());
    return absl::OkStatus();
  };
}

class FeatureStoreFixture : public ::testing::Test {
 protected:
  using Values = std::vector<std::pair<std::string, domain::FeatureValue>>;

  const absl::Time kNow = absl::FromUnixSeconds(1574553600);
  const absl::Duration kUserMaxAge = absl::Hours(24);

  FeatureStoreFixture() : path_(directory_.path() + "/features") {
    config::FeatureView users;
    users.name = "profile";
    users.entity = domain::EntityKind::kUser;
    users.max_age = kUserMaxAge;
    users.features = {{"age", true}, {"city", false}};
    config::FeatureView items;
    items.name = "catalogue";
    items.entity = domain::EntityKind::kItem;
    items.features = {{"price", true}};
    views_ = {users, items};
  }

  const config::FeatureView& user_view() const { return views_[0]; }
  const config::FeatureView& item_view() const { return views_[1]; }

  virtual FeatureStoreOptions Options() const {
    FeatureStoreOptions options;
    options.directory = path_;
    options.files = base::PosixFileSystem();
    options.views = views_;
    options.random = SeededBytes(seed_);
    return options;
  }

  std::unique_ptr<FeatureStore> OpenOrDie() const {
    auto store = FeatureStore::Open(Options());
    EXPECT_THAT(store, testing::IsOk());
    return store.ok() ? std::move(*store) : nullptr;
  }

  static EntityRow UserRow(const std::string& id, absl::Time event_time, const Values& values) {
    EntityRow entity;
    entity.entity_id = id;
    entity.row.schema_version = 1;
    entity.row.event_time_us = absl::ToUnixMicros(event_time);
    for (const auto& [name, value] : values) entity.row.values.insert_or_assign(name, value);
    return entity;
  }

  void WriteUser(FeatureStore* store, const std::string& id, absl::Time event_time,
                 const Values& values) const {
    EXPECT_THAT(store->Write(user_view(), {UserRow(id, event_time, values)}, kNow),
                testing::IsOk());
  }
  void WriteItem(FeatureStore* store, const std::string& id, absl::Time event_time,
                 const Values& values) const {
    EXPECT_THAT(store->Write(item_view(), {UserRow(id, event_time, values)}, kNow),
                testing::IsOk());
  }

  // The stored feature `age` of a user who has one.
  double Age(FeatureStore* store, const std::string& id) const {
    auto user = store->ReadUser(id, kNow, domain::Wait::kMayWait);
    EXPECT_THAT(user, testing::IsOk());
    if (!user.ok() || user->row.row == nullptr) return -1;
    return std::get<double>(user->row.row->values.find("age")->second);
  }

  // Writes raw bytes under a row's key, past the codec. The store must be closed.
  void OverwriteRow(const std::string& key, const std::string& bytes) const {
    store::StoreOptions options;
    options.directory = path_;
    options.files = base::PosixFileSystem();
    options.families = {"rows", "salts", "aliases"};
    auto store = store::Store::Open(options);
    ASSERT_THAT(store, testing::IsOk());
    rocksdb::WriteBatch batch;
    ASSERT_TRUE(batch.Put((*store)->family(0), key, bytes).ok());
    ASSERT_THAT((*store)->Write(&batch, store::Sync::kYes), testing::IsOk());
  }

  testing::TemporaryDirectory directory_;
  std::string path_;
  uint64_t seed_ = 1;
  std::vector<config::FeatureView> views_;
};

}  // namespace fulcrum::features
