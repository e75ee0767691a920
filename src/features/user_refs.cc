#include "features/user_refs.h"

#include <openssl/rand.h>
#include <rocksdb/slice.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "base/status_macros.h"
#include "base/strings.h"

namespace fulcrum::features {

absl::Status SystemRandomBytes(absl::Span<uint8_t> bytes) {
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) == 1) return absl::OkStatus();
  return absl::UnavailableError("the system gives no random bytes for a user's salt; try again");
}

UserRef UserRefFrom(const Salt& salt, std::string_view user_id) {
  const base::Sha256Digest digest = base::HmacSha256(
      std::string_view(reinterpret_cast<const char*>(salt.data()), salt.size()), user_id);
  UserRef ref;
  std::copy_n(digest.begin(), ref.size(), ref.begin());
  return ref;
}

// One slot per hash value: a newcomer replaces who is there. Exact, since ids are compared.
class UserRefCache {
 public:
  bool Find(std::string_view user_id, size_t hash, UserRef* ref) {
    Shard& shard = ShardOf(hash);
    base::MutexLock lock(&shard.mutex);
    const Entry& entry = shard.entries[SlotOf(hash)];
    if (entry.user_id != user_id) return false;
    *ref = entry.ref;
    return true;
  }
  void Insert(std::string_view user_id, size_t hash, const UserRef& ref) {
    Shard& shard = ShardOf(hash);
    base::MutexLock lock(&shard.mutex);
    Entry& entry = shard.entries[SlotOf(hash)];
    entry.user_id = user_id;
    entry.ref = ref;
  }

 private:
  static constexpr size_t kShards = 32;
  static constexpr size_t kSlots = 1024;  // per shard

  struct Entry {
    std::string user_id;  // empty: no one, since no user has an empty id
    UserRef ref{};
  };
  struct alignas(64) Shard {
    base::Mutex mutex;
    std::vector<Entry> entries ABSL_GUARDED_BY(mutex) = std::vector<Entry>(kSlots);
  };

  Shard& ShardOf(size_t hash) { return shards_[hash % kShards]; }
  static size_t SlotOf(size_t hash) { return hash / kShards % kSlots; }

  std::array<Shard, kShards> shards_;
};

UserRefs::UserRefs(store::Store* store, size_t family, RandomBytes random)
    : store_(store),
      family_(family),
      random_(std::move(random)),
      cache_(std::make_unique<UserRefCache>()) {}

UserRefs::~UserRefs() = default;

absl::StatusOr<std::optional<UserRef>> UserRefs::Find(std::string_view user_id,
                                                      store::ReadTier tier) {
  if (user_id.empty()) return std::nullopt;
  const size_t hash = base::StringHash()(user_id);
  UserRef ref;
  if (cache_->Find(user_id, hash, &ref)) return ref;
  rocksdb::PinnableSlice value;
  FULCRUM_ASSIGN_OR_RETURN(const bool found, store_->Get(family_, user_id, tier, &value));
  if (!found) return std::nullopt;
  absl::StatusOr<SaltRow> row = DecodeSalt({value.data(), value.size()});
  if (!row.ok()) {
    return absl::DataLossError(
        absl::StrCat(store_->directory(), ": ", std::string(row.status().message())));
  }
  ref = UserRefFrom(row->salt, user_id);
  cache_->Insert(user_id, hash, ref);
  return ref;
}

absl::StatusOr<UserRef> UserRefs::Ensure(std::string_view user_id, absl::Time now,
                                         store::Sync sync) {
  if (user_id.empty() || user_id.size() > kEntityIdBytesMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("a user id must have 1 to ", kEntityIdBytesMax, " bytes"));
  }
  FULCRUM_ASSIGN_OR_RETURN(std::optional<UserRef> ref, Find(user_id, store::ReadTier::kDisk));
  if (ref.has_value()) return *ref;
  base::MutexLock lock(&first_contact_[base::StringHash()(user_id) % first_contact_.size()]);
  FULCRUM_ASSIGN_OR_RETURN(ref, Find(user_id, store::ReadTier::kDisk));  // another was first
  if (ref.has_value()) return *ref;
  return Create(user_id, now, sync);
}

absl::StatusOr<UserRef> UserRefs::Create(std::string_view user_id, absl::Time now,
                                         store::Sync sync) {
  SaltRow row;
  row.created_us = absl::ToUnixMicros(now);
  FULCRUM_RETURN_IF_ERROR(random_(absl::MakeSpan(row.salt)));
  rocksdb::WriteBatch batch;
  FULCRUM_RETURN_IF_ERROR(
      store_->ToStatus(batch.Put(store_->family(family_),
                                 rocksdb::Slice(user_id.data(), user_id.size()), EncodeSalt(row)),
                       "write to"));
  FULCRUM_RETURN_IF_ERROR(store_->Write(&batch, sync));
  const UserRef ref = UserRefFrom(row.salt, user_id);
  cache_->Insert(user_id, base::StringHash()(user_id), ref);
  return ref;
}

}  // namespace fulcrum::features
