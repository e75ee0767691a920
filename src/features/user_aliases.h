// Users that were merged into others, and purges that the log has not been told of yet: one family
// of the feature store (keys: docs/feature_store.md). Changes are staged into a batch, so that they
// take effect together with those of rows and salts.
//
// Thread-safe. Errors are the store's; DATA_LOSS if an entry is malformed.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "fulcrum/decision_record.h"
#include "store/store.h"

namespace fulcrum::features {

class UserAliases {
 public:
  // `store` must outlive this; the entries are in its family `family`.
  UserAliases(const store::Store* store, size_t family) : store_(store), family_(family) {}

  // The user that `user_id` was merged into; nullopt if it was not. UNAVAILABLE as in
  // store::Store::Get.
  absl::StatusOr<std::optional<std::string>> Find(std::string_view user_id,
                                                  store::ReadTier tier) const;
  // Who was merged into `user_id`.
  absl::StatusOr<std::vector<std::string>> MembersOf(std::string_view user_id) const;
  absl::StatusOr<std::vector<UserRef>> PurgedRefs() const;

  // `from` and its `members` become aliases of `into`.
  absl::Status StageMerge(std::string_view from, const std::vector<std::string>& members,
                          std::string_view into, rocksdb::WriteBatch* batch) const;
  // No trace of `user_id` and its `members` is left, and `ref`, if any, is to be told of.
  absl::Status StagePurge(std::string_view user_id, const std::vector<std::string>& members,
                          const std::optional<UserRef>& ref, rocksdb::WriteBatch* batch) const;
  absl::Status StageForget(const UserRef& ref, rocksdb::WriteBatch* batch) const;

 private:
  absl::Status Put(const std::string& key, std::string_view value,
                   rocksdb::WriteBatch* batch) const;
  absl::Status Delete(const std::string& key, rocksdb::WriteBatch* batch) const;
  absl::StatusOr<std::vector<std::string>> RestsOf(const std::string& prefix) const;

  const store::Store* const store_;
  const size_t family_;
};

}  // namespace fulcrum::features
