#include "features/user_refs.h"

#include <openssl/rand.h>
#include <rocksdb/slice.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <set>
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
  bool Find(std::string_view user_id, size_t hash, KnownUser* user) {
    Shard& shard = ShardOf(hash);
    base::MutexLock lock(&shard.mutex);
    const Entry& entry = shard.entries[SlotOf(hash)];
    if (entry.user_id != user_id) return false;
    *user = entry.user;
    return true;
  }
  // What was read when the generation was `generation`: after a change it may be old.
  void Insert(std::string_view user_id, size_t hash, const KnownUser& user, uint64_t generation) {
    Shard& shard = ShardOf(hash);
    base::MutexLock lock(&shard.mutex);
    if (generation != this->generation()) return;
    Entry& entry = shard.entries[SlotOf(hash)];
    entry.user_id = user_id;
    entry.user = user;
  }
  uint64_t generation() const { return generation_.load(); }

  // After the change is in the store: whoever read before it inserts no more, and what is inserted
  // already is cleared.
  void Forget(absl::Span<const std::string> ids) {
    ++generation_;
    for (const std::string& id : ids) {
      const size_t hash = base::StringHash()(id);
      Shard& shard = ShardOf(hash);
      base::MutexLock lock(&shard.mutex);
      Entry& entry = shard.entries[SlotOf(hash)];
      if (entry.user_id == id) entry = Entry();
    }
  }

 private:
  static constexpr size_t kShards = 32;
  static constexpr size_t kSlots = 1024;  // per shard

  struct Entry {
    std::string user_id;  // empty: no one, since no user has an empty id
    KnownUser user;
  };
  struct alignas(64) Shard {
    base::Mutex mutex;
    std::vector<Entry> entries ABSL_GUARDED_BY(mutex) = std::vector<Entry>(kSlots);
  };

  Shard& ShardOf(size_t hash) { return shards_[hash % kShards]; }
  static size_t SlotOf(size_t hash) { return hash / kShards % kSlots; }

  std::array<Shard, kShards> shards_;
  std::atomic<uint64_t> generation_ = 0;
};

UserRefs::UserRefs(store::Store* store, const UserAliases* aliases, size_t family,
                   RandomBytes random)
    : store_(store),
      aliases_(aliases),
      family_(family),
      random_(std::move(random)),
      cache_(std::make_unique<UserRefCache>()) {}

UserRefs::~UserRefs() = default;

absl::StatusOr<std::optional<UserRef>> UserRefs::Read(std::string_view user_id,
                                                      store::ReadTier tier) const {
  rocksdb::PinnableSlice value;
  FULCRUM_ASSIGN_OR_RETURN(const bool found, store_->Get(family_, user_id, tier, &value));
  if (!found) return std::optional<UserRef>();
  const absl::StatusOr<SaltRow> row = DecodeSalt({value.data(), value.size()});
  if (!row.ok()) {
    return absl::DataLossError(
        absl::StrCat(store_->directory(), ": ", std::string(row.status().message())));
  }
  return std::optional<UserRef>(UserRefFrom(row->salt, user_id));
}

absl::StatusOr<std::optional<KnownUser>> UserRefs::Find(std::string_view user_id,
                                                        store::ReadTier tier) {
  if (user_id.empty()) return std::optional<KnownUser>();
  const size_t hash = base::StringHash()(user_id);
  KnownUser user;
  if (cache_->Find(user_id, hash, &user)) return std::optional<KnownUser>(std::move(user));
  const uint64_t generation = cache_->generation();
  FULCRUM_ASSIGN_OR_RETURN(std::optional<UserRef> ref, Read(user_id, tier));
  if (!ref.has_value()) {
    FULCRUM_ASSIGN_OR_RETURN(const std::optional<std::string> alias_of,
                             aliases_->Find(user_id, tier));
    if (!alias_of.has_value()) return std::optional<KnownUser>();
    user.alias_of = *alias_of;
    FULCRUM_ASSIGN_OR_RETURN(ref, Read(user.alias_of, tier));
    if (!ref.has_value()) return std::optional<KnownUser>();  // merged anew or purged meanwhile
  }
  user.ref = *ref;
  cache_->Insert(user_id, hash, user, generation);
  return std::optional<KnownUser>(std::move(user));
}

size_t UserRefs::StripeOf(std::string_view user_id) const {
  return base::StringHash()(user_id) % first_contact_.size();
}

absl::StatusOr<UserRef> UserRefs::Ensure(std::string_view user_id, absl::Time now,
                                         store::Sync sync) {
  if (user_id.empty() || user_id.size() > kEntityIdBytesMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("a user id must have 1 to ", kEntityIdBytesMax, " bytes"));
  }
  while (true) {
    FULCRUM_ASSIGN_OR_RETURN(std::optional<KnownUser> user, Find(user_id, store::ReadTier::kDisk));
    if (user.has_value()) return user->ref;
    base::MutexLock lock(&first_contact_[StripeOf(user_id)]);
    FULCRUM_ASSIGN_OR_RETURN(user, Find(user_id, store::ReadTier::kDisk));  // another was first
    if (user.has_value()) return user->ref;
    FULCRUM_ASSIGN_OR_RETURN(const auto alias_of, aliases_->Find(user_id, store::ReadTier::kDisk));
    // Whom an alias leads to has a salt, but for the moment between two reads.
    if (!alias_of.has_value()) return Create(user_id, now, sync);
  }
}

absl::Status UserRefs::Change(absl::Span<const std::string> roots,
                              absl::Span<const std::string> ids,
                              absl::FunctionRef<absl::Status(rocksdb::WriteBatch*)> stage) {
  std::set<size_t> stripes;
  for (const std::string& root : roots) stripes.insert(StripeOf(root));
  std::deque<base::MutexLock> locks;
  for (const size_t stripe : stripes) locks.emplace_back(&first_contact_[stripe]);
  rocksdb::WriteBatch batch;
  FULCRUM_RETURN_IF_ERROR(stage(&batch));
  FULCRUM_RETURN_IF_ERROR(store_->Write(&batch, store::Sync::kYes));
  cache_->Forget(ids);
  return absl::OkStatus();
}

absl::Status UserRefs::StageErase(std::string_view user_id, rocksdb::WriteBatch* batch) const {
  return store_->ToStatus(
      batch->Delete(store_->family(family_), rocksdb::Slice(user_id.data(), user_id.size())),
      "write to");
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
  return UserRefFrom(row.salt, user_id);
}

}  // namespace fulcrum::features
