// Users' references in memory: for simulations and tests, which have no rows to keep.
//
// Thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "base/strings.h"
#include "domain/seams.h"
#include "fulcrum/decision_record.h"

namespace fulcrum::domain {

class MemoryUserData : public UserData {
 public:
  // `new_ref` makes the reference of a user's first contact; a purged one must not come again.
  using NewRef = absl::AnyInvocable<UserRef(std::string_view user_id)>;
  explicit MemoryUserData(NewRef new_ref) : new_ref_(std::move(new_ref)) {}

  // nullopt: no contact yet.
  std::optional<UserRef> FindUserRef(std::string_view user_id) const;

  absl::StatusOr<UserRef> EnsureUserRef(std::string_view user_id, absl::Time now) override;
  absl::Status Merge(std::string_view from_id, std::string_view into_id, absl::Time now) override;
  absl::Status Purge(std::string_view user_id) override;
  absl::StatusOr<std::vector<UserRef>> PurgedRefs() override;
  absl::Status ForgetPurged(const UserRef& user_ref) override;

 private:
  std::string RootOf(std::string_view user_id) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  UserRef Ensure(const std::string& root) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable base::Mutex mutex_;
  NewRef new_ref_ ABSL_GUARDED_BY(mutex_);
  base::StringMap<UserRef> refs_ ABSL_GUARDED_BY(mutex_);          // of users who are no aliases
  base::StringMap<std::string> alias_of_ ABSL_GUARDED_BY(mutex_);  // to one who is none
  std::vector<UserRef> purged_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace fulcrum::domain
