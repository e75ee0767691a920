// Users' salts and the references made from them (D22): user_ref = the first 16 bytes of
// HMAC-SHA-256(salt, user id). The salt is random, is born with the user's first stored row, and is
// the only thing that links the log to the user: to erase it is to cut that link. So a reference is
// never stored; a bounded cache in memory spares the hot path a second read and the hash, and an
// erasure has exactly two places to reach, the salts' family and this cache. A user who was merged
// into another has no salt, only an alias (user_aliases.h), and the other one's reference.
//
// Thread-safe.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "base/mutex.h"
#include "features/row_codec.h"
#include "features/user_aliases.h"
#include "fulcrum/decision_record.h"
#include "store/store.h"

namespace fulcrum::features {

// Fills the span with unpredictable bytes. Called from any thread.
using RandomBytes = std::function<absl::Status(absl::Span<uint8_t>)>;

// OpenSSL's generator.
absl::Status SystemRandomBytes(absl::Span<uint8_t> bytes);

UserRef UserRefFrom(const Salt& salt, std::string_view user_id);

// What stands for a user id.
struct KnownUser {
  UserRef ref{};
  std::string alias_of;  // the user that it was merged into; empty: none
};

class UserRefCache;  // user_refs.cc

class UserRefs {
 public:
  // `store` and `aliases` must outlive this; salts are in the store's family `family`.
  UserRefs(store::Store* store, const UserAliases* aliases, size_t family, RandomBytes random);
  ~UserRefs();

  // nullopt if the user has no salt. UNAVAILABLE as in store::Store::Get.
  absl::StatusOr<std::optional<KnownUser>> Find(std::string_view user_id, store::ReadTier tier);

  // As Find, but gives the user a salt on first contact, as durable as `sync` says. Concurrent
  // first contacts get the same reference.
  absl::StatusOr<UserRef> Ensure(std::string_view user_id, absl::Time now, store::Sync sync);

  // Writes, synced, what `stage` puts into the batch, while nobody of `roots`, who are no aliases,
  // gets a salt; from then on nothing is remembered of `ids`. One call at a time.
  absl::Status Change(absl::Span<const std::string> roots, absl::Span<const std::string> ids,
                      absl::FunctionRef<absl::Status(rocksdb::WriteBatch*)> stage);
  absl::Status StageErase(std::string_view user_id, rocksdb::WriteBatch* batch) const;

 private:
  absl::StatusOr<std::optional<UserRef>> Read(std::string_view user_id, store::ReadTier tier) const;
  absl::StatusOr<UserRef> Create(std::string_view user_id, absl::Time now, store::Sync sync);
  size_t StripeOf(std::string_view user_id) const;

  store::Store* const store_;
  const UserAliases* const aliases_;
  const size_t family_;
  const RandomBytes random_;
  const std::unique_ptr<UserRefCache> cache_;
  // First contacts of one user are in line; those of others rarely wait for its sync.
  std::array<base::Mutex, 64> first_contact_;
};

}  // namespace fulcrum::features
