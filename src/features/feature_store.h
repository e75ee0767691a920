// Feature rows and users' salts in RocksDB: what the request path reads (domain::FeatureSource),
// the references of users (domain::UserData), and bulk writes. Layout and rules:
// docs/feature_store.md.
//
// Thread-safe. Reads take no lock of ours that is held over a disk access. Errors: UNAVAILABLE when
// a read under kNoWait would need the disk; DATA_LOSS when the store is damaged or holds rows of a
// newer version; the messages never hold an entity's id.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "base/file.h"
#include "base/mutex.h"
#include "config/bundle.h"
#include "domain/feature_row.h"
#include "domain/seams.h"
#include "features/user_aliases.h"
#include "features/user_refs.h"
#include "store/store.h"

namespace fulcrum::features {

struct FeatureStoreOptions {
  std::string directory;  // RocksDB, data/features
  base::FileSystem* files = nullptr;
  config::Durability durability = config::Durability::kProcess;  // of new users' salts
  std::vector<config::FeatureView> views;                        // the bundle's
  RandomBytes random = SystemRandomBytes;
  size_t block_cache_bytes = 64 << 20;
  std::function<void(std::string_view)> on_warning;  // RocksDB's diagnostics, from any thread
};

// A row to store.
struct EntityRow {
  std::string entity_id;
  domain::FeatureRow row;
};

struct WriteCounts {
  uint64_t stored = 0;
  uint64_t older = 0;  // left out: the store has a row with a later event time
};

class FeatureStore final : public domain::FeatureSource, public domain::UserData {
 public:
  static absl::StatusOr<std::unique_ptr<FeatureStore>> Open(FeatureStoreOptions options);

  absl::StatusOr<domain::UserFeatures> ReadUser(std::string_view user_id, absl::Time now,
                                                domain::Wait wait) override;
  absl::StatusOr<std::vector<domain::ReadRow>> ReadItems(absl::Span<const std::string> item_ids,
                                                         absl::Time now,
                                                         domain::Wait wait) override;
  absl::StatusOr<UserRef> EnsureUserRef(std::string_view user_id, absl::Time now) override;
  absl::Status Merge(std::string_view from_id, std::string_view into_id, absl::Time now) override;
  // Also from the files: they are rewritten where the user was in them.
  absl::Status Purge(std::string_view user_id) override;
  absl::StatusOr<std::vector<UserRef>> PurgedRefs() override;
  absl::Status ForgetPurged(const UserRef& user_ref) override;

  // Stores rows of `view`, each replacing the entity's row unless that one has a later event time;
  // of equal times the one written last stays. Users without a salt get one. Not synced: call
  // FinishWriting() at the end. INVALID_ARGUMENT if a row is out of bounds: then none is stored.
  absl::StatusOr<WriteCounts> Write(const config::FeatureView& view,
                                    absl::Span<const EntityRow> rows, absl::Time now);

  // Makes all rows durable and sorts them so that a read looks into one file.
  absl::Status FinishWriting();

  const store::Store& store() const { return *store_; }

  // OK while the store can be written.
  absl::Status health() const { return store_->health(); }

 private:
  FeatureStore(FeatureStoreOptions options, std::unique_ptr<store::Store> store);

  const config::FeatureView* FindView(domain::EntityKind kind) const;
  absl::StatusOr<domain::ReadRow> ReadRow(const config::FeatureView& view,
                                          std::string_view entity_id, absl::Time now,
                                          store::ReadTier tier) const;
  struct PendingRow {
    int64_t event_time_us = 0;
    std::string bytes;
  };
  using PendingRows = absl::flat_hash_map<std::string, PendingRow>;  // by key, the newest of each
  absl::StatusOr<WriteCounts> Gather(const config::FeatureView& view,
                                     absl::Span<const EntityRow> rows, PendingRows* pending) const;
  absl::StatusOr<std::optional<int64_t>> StoredEventTime(const config::FeatureView& view,
                                                         std::string_view key) const;
  // Who `user_id` is: itself, or the user that it was merged into.
  absl::StatusOr<std::string> RootOf(std::string_view user_id) const;
  // All rows of `user_id` are erased; those of views that `heir`, if any, has no row of become its.
  absl::Status StageRows(std::string_view user_id, const std::string* heir,
                         rocksdb::WriteBatch* batch) const;
  absl::Status Undecodable(const config::FeatureView& view, const absl::Status& why) const;

  const FeatureStoreOptions options_;
  const std::unique_ptr<store::Store> store_;
  const config::FeatureView* const user_view_;  // in options_; null: none
  const config::FeatureView* const item_view_;
  const UserAliases aliases_;
  UserRefs user_refs_;
  base::Mutex write_mutex_;  // a write reads the stored event time first, a change who is who
};

}  // namespace fulcrum::features
