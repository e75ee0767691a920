// Merges and purges of users, from the caller to all who count per user. The steps are durable in
// an order in which a crash between any two gives no user more room and leaves no link to an erased
// one; whoever called hears of it and calls again:
//
//   merge   references of both -> the ledger counts them together -> the log says so
//           -> the earlier id has the other's reference
//   purge   salt, rows and aliases are gone, the reference is noted -> the log says so -> the note
//           is gone
//
// Thread-safe. One change at a time; waits for the disk and for the log. ADR 0017.
#pragma once

#include <functional>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "domain/seams.h"
#include "fulcrum/decision_record.h"

namespace fulcrum::decider {

struct UserChangesParts {
  domain::UserData* users = nullptr;
  domain::DecisionSink* log = nullptr;
  // Counts both references together from now on, before the log has been told (Ledger::Join).
  std::function<void(const UserRef& from, const UserRef& into, absl::Time now)> join;
  std::function<absl::Time()> now;
};

class UserChanges {
 public:
  explicit UserChanges(UserChangesParts parts) : parts_(std::move(parts)) {}

  // See domain::UserData. No-ops may be logged again.
  absl::Status Merge(std::string_view from_id, std::string_view into_id);
  absl::Status Purge(std::string_view user_id);

  // Tells the log of purges that a crash kept from it. At the start, and before the next purge.
  absl::Status TellPurges();

 private:
  absl::Status Append(const IdentityRecord& record) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status Tell() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const UserChangesParts parts_;
  base::Mutex mutex_;
};

}  // namespace fulcrum::decider
