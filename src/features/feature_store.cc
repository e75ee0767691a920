#include "features/feature_store.h"

#include <rocksdb/iterator.h>
#include <rocksdb/slice.h>
#include <rocksdb/write_batch.h>

#include <memory>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "features/row_codec.h"

namespace fulcrum::features {
namespace {

using domain::EntityKind;
using domain::RowState;
using store::ReadTier;

enum Family : size_t { kRows, kSalts, kAliases };

ReadTier TierFor(domain::Wait wait) {
  return wait == domain::Wait::kNoWait ? ReadTier::kMemory : ReadTier::kDisk;
}

bool IsStale(const config::FeatureView& view, int64_t event_time_us, absl::Time now) {
  return absl::FromUnixMicros(event_time_us) + view.max_age < now;
}

absl::Status CheckEntityId(std::string_view id) {
  if (!id.empty() && id.size() <= kEntityIdBytesMax) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("an entity id must have 1 to ", kEntityIdBytesMax, " bytes"));
}

}  // namespace

FeatureStore::FeatureStore(FeatureStoreOptions options, std::unique_ptr<store::Store> store)
    : options_(std::move(options)),
      store_(std::move(store)),
      user_view_(FindView(EntityKind::kUser)),
      item_view_(FindView(EntityKind::kItem)),
      aliases_(store_.get(), kAliases),
      user_refs_(store_.get(), &aliases_, kSalts, options_.random) {}

absl::StatusOr<std::unique_ptr<FeatureStore>> FeatureStore::Open(FeatureStoreOptions options) {
  store::StoreOptions store_options;
  store_options.directory = options.directory;
  store_options.files = options.files;
  store_options.families = {"rows", "salts", "aliases"};
  store_options.block_cache_bytes = options.block_cache_bytes;
  store_options.damage_remedy =
      "restore the directory from a backup, or remove it and load the rows again "
      "(users then get new references)";
  store_options.on_warning = options.on_warning;
  FULCRUM_ASSIGN_OR_RETURN(std::unique_ptr<store::Store> store, store::Store::Open(store_options));
  return std::unique_ptr<FeatureStore>(new FeatureStore(std::move(options), std::move(store)));
}

const config::FeatureView* FeatureStore::FindView(EntityKind kind) const {
  for (const config::FeatureView& view : options_.views) {
    if (view.entity == kind) return &view;
  }
  return nullptr;
}

absl::StatusOr<domain::UserFeatures> FeatureStore::ReadUser(std::string_view user_id,
                                                            absl::Time now, domain::Wait wait) {
  domain::UserFeatures features;
  FULCRUM_ASSIGN_OR_RETURN(const auto user, user_refs_.Find(user_id, TierFor(wait)));
  // A user's row never comes without a salt, so a user without one needs no second look.
  if (!user.has_value()) return features;
  features.user_ref = user->ref;
  if (user_view_ == nullptr) return features;
  if (!user->alias_of.empty()) user_id = user->alias_of;
  FULCRUM_ASSIGN_OR_RETURN(features.row, ReadRow(*user_view_, user_id, now, TierFor(wait)));
  return features;
}

absl::StatusOr<std::vector<domain::ReadRow>> FeatureStore::ReadItems(
    absl::Span<const std::string> item_ids, absl::Time now, domain::Wait wait) {
  std::vector<domain::ReadRow> rows(item_ids.size());
  if (item_view_ == nullptr) return rows;
  for (size_t i = 0; i < item_ids.size(); ++i) {
    FULCRUM_ASSIGN_OR_RETURN(rows[i], ReadRow(*item_view_, item_ids[i], now, TierFor(wait)));
  }
  return rows;
}

absl::StatusOr<UserRef> FeatureStore::EnsureUserRef(std::string_view user_id, absl::Time now) {
  const bool power = options_.durability == config::Durability::kPower;
  return user_refs_.Ensure(user_id, now, power ? store::Sync::kYes : store::Sync::kNo);
}

absl::StatusOr<std::string> FeatureStore::RootOf(std::string_view user_id) const {
  FULCRUM_ASSIGN_OR_RETURN(auto alias_of, aliases_.Find(user_id, ReadTier::kDisk));
  return alias_of.has_value() ? *std::move(alias_of) : std::string(user_id);
}

absl::Status FeatureStore::StageRows(std::string_view user_id, const std::string* heir,
                                     rocksdb::WriteBatch* batch) const {
  const std::string prefix = RowKey(EntityKind::kUser, user_id, "");
  const std::unique_ptr<rocksdb::Iterator> it(
      store_->db()->NewIterator(rocksdb::ReadOptions(), store_->family(kRows)));
  for (it->Seek(prefix); it->Valid() && it->key().starts_with(prefix); it->Next()) {
    FULCRUM_RETURN_IF_ERROR(
        store_->ToStatus(batch->Delete(store_->family(kRows), it->key()), "write to"));
    if (heir == nullptr) continue;
    const std::string view = it->key().ToString().substr(prefix.size());
    const std::string key = RowKey(EntityKind::kUser, *heir, view);
    rocksdb::PinnableSlice own;
    FULCRUM_ASSIGN_OR_RETURN(const bool has, store_->Get(kRows, key, ReadTier::kDisk, &own));
    if (has) continue;
    FULCRUM_RETURN_IF_ERROR(
        store_->ToStatus(batch->Put(store_->family(kRows), key, it->value()), "write to"));
  }
  return store_->ToStatus(it->status(), "read from");
}

absl::Status FeatureStore::Merge(std::string_view from_id, std::string_view into_id,
                                 absl::Time now) {
  FULCRUM_RETURN_IF_ERROR(CheckEntityId(from_id));
  FULCRUM_RETURN_IF_ERROR(CheckEntityId(into_id));
  base::MutexLock lock(&write_mutex_);
  FULCRUM_ASSIGN_OR_RETURN(const std::string from, RootOf(from_id));
  FULCRUM_ASSIGN_OR_RETURN(const std::string into, RootOf(into_id));
  if (from == into) return absl::OkStatus();
  FULCRUM_RETURN_IF_ERROR(user_refs_.Ensure(into, now, store::Sync::kYes).status());
  FULCRUM_ASSIGN_OR_RETURN(std::vector<std::string> members, aliases_.MembersOf(from));
  std::vector<std::string> changed = members;
  changed.push_back(from);
  return user_refs_.Change({from, into}, changed, [&](rocksdb::WriteBatch* batch) -> absl::Status {
    FULCRUM_RETURN_IF_ERROR(StageRows(from, &into, batch));
    FULCRUM_RETURN_IF_ERROR(user_refs_.StageErase(from, batch));
    return aliases_.StageMerge(from, members, into, batch);
  });
}

absl::Status FeatureStore::Purge(std::string_view user_id) {
  FULCRUM_RETURN_IF_ERROR(CheckEntityId(user_id));
  base::MutexLock lock(&write_mutex_);
  FULCRUM_ASSIGN_OR_RETURN(const std::string root, RootOf(user_id));
  FULCRUM_ASSIGN_OR_RETURN(const std::vector<std::string> members, aliases_.MembersOf(root));
  std::vector<std::string> changed = members;
  changed.push_back(root);
  const auto stage = [&](rocksdb::WriteBatch* batch) -> absl::Status {
    FULCRUM_ASSIGN_OR_RETURN(const auto user, user_refs_.Find(root, ReadTier::kDisk));
    std::optional<UserRef> ref;
    if (user.has_value()) ref = user->ref;
    FULCRUM_RETURN_IF_ERROR(StageRows(root, nullptr, batch));
    FULCRUM_RETURN_IF_ERROR(user_refs_.StageErase(root, batch));
    return aliases_.StagePurge(root, members, ref, batch);
  };
  FULCRUM_RETURN_IF_ERROR(user_refs_.Change({root}, changed, stage));
  // What is deleted is still in the files that it was written to.
  const std::string rows = RowKey(EntityKind::kUser, root, "");
  FULCRUM_RETURN_IF_ERROR(store_->Compact(kRows, rows, rows + '\xff'));
  FULCRUM_RETURN_IF_ERROR(store_->Compact(kSalts, root, root));
  return store_->Compact(kAliases, "", std::string(1, '\xff'));
}

absl::StatusOr<std::vector<UserRef>> FeatureStore::PurgedRefs() {
  return aliases_.PurgedRefs();
}

absl::Status FeatureStore::ForgetPurged(const UserRef& user_ref) {
  rocksdb::WriteBatch batch;
  FULCRUM_RETURN_IF_ERROR(aliases_.StageForget(user_ref, &batch));
  return store_->Write(&batch, store::Sync::kYes);
}

absl::StatusOr<domain::ReadRow> FeatureStore::ReadRow(const config::FeatureView& view,
                                                      std::string_view entity_id, absl::Time now,
                                                      ReadTier tier) const {
  domain::ReadRow read;
  rocksdb::PinnableSlice value;
  FULCRUM_ASSIGN_OR_RETURN(
      const bool found,
      store_->Get(kRows, RowKey(view.entity, entity_id, view.name), tier, &value));
  if (!found) return read;
  const std::string_view bytes(value.data(), value.size());
  absl::StatusOr<RowHeader> header = DecodeRowHeader(bytes);
  if (!header.ok()) return Undecodable(view, header.status());
  if (IsStale(view, header->event_time_us, now)) {
    read.state = RowState::kStale;
    return read;
  }
  absl::StatusOr<domain::FeatureRow> row = DecodeRow(bytes);
  if (!row.ok()) return Undecodable(view, row.status());
  read.state = RowState::kFresh;
  read.row = std::make_shared<const domain::FeatureRow>(*std::move(row));
  return read;
}

absl::Status FeatureStore::Undecodable(const config::FeatureView& view,
                                       const absl::Status& why) const {
  return absl::DataLossError(absl::StrCat(
      store_->directory(), ": view '", view.name, "': ", std::string(why.message()),
      "; use the version that wrote it, or load the view again into an empty directory"));
}

absl::StatusOr<std::optional<int64_t>> FeatureStore::StoredEventTime(
    const config::FeatureView& view, std::string_view key) const {
  rocksdb::PinnableSlice value;
  FULCRUM_ASSIGN_OR_RETURN(const bool found, store_->Get(kRows, key, ReadTier::kDisk, &value));
  if (!found) return std::nullopt;
  absl::StatusOr<RowHeader> header = DecodeRowHeader({value.data(), value.size()});
  if (!header.ok()) return Undecodable(view, header.status());
  return header->event_time_us;
}

absl::StatusOr<WriteCounts> FeatureStore::Gather(const config::FeatureView& view,
                                                 absl::Span<const EntityRow> rows,
                                                 PendingRows* pending) const {
  WriteCounts counts;
  for (const EntityRow& entity : rows) {
    FULCRUM_RETURN_IF_ERROR(CheckEntityId(entity.entity_id));
    FULCRUM_ASSIGN_OR_RETURN(std::string bytes, EncodeRow(entity.row));
    std::string key = RowKey(view.entity, entity.entity_id, view.name);
    if (view.entity == EntityKind::kUser) {
      FULCRUM_ASSIGN_OR_RETURN(const std::string root, RootOf(entity.entity_id));
      key = RowKey(view.entity, root, view.name);
    }
    std::optional<int64_t> stored;
    if (const auto known = pending->find(key); known != pending->end()) {
      stored = known->second.event_time_us;
    } else {
      FULCRUM_ASSIGN_OR_RETURN(stored, StoredEventTime(view, key));
    }
    if (stored.has_value() && *stored > entity.row.event_time_us) {
      ++counts.older;
      continue;
    }
    ++counts.stored;
    pending->insert_or_assign(std::move(key),
                              PendingRow{entity.row.event_time_us, std::move(bytes)});
  }
  return counts;
}

absl::StatusOr<WriteCounts> FeatureStore::Write(const config::FeatureView& view,
                                                absl::Span<const EntityRow> rows, absl::Time now) {
  base::MutexLock lock(&write_mutex_);
  PendingRows pending;
  FULCRUM_ASSIGN_OR_RETURN(const WriteCounts counts, Gather(view, rows, &pending));
  if (view.entity == EntityKind::kUser) {
    // Before the rows: ReadUser takes a user without a salt for one without a row.
    for (const EntityRow& entity : rows) {
      FULCRUM_RETURN_IF_ERROR(user_refs_.Ensure(entity.entity_id, now, store::Sync::kNo).status());
    }
  }
  rocksdb::WriteBatch batch;
  for (const auto& [key, row] : pending) {
    FULCRUM_RETURN_IF_ERROR(
        store_->ToStatus(batch.Put(store_->family(kRows), key, row.bytes), "write to"));
  }
  FULCRUM_RETURN_IF_ERROR(store_->Write(&batch, store::Sync::kNo));
  return counts;
}

absl::Status FeatureStore::FinishWriting() {
  return store_->CompactAll();
}

}  // namespace fulcrum::features
