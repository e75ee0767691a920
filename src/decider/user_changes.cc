#include "decider/user_changes.h"

#include <future>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/status_macros.h"

namespace fulcrum::decider {

absl::Status UserChanges::Merge(std::string_view from_id, std::string_view into_id) {
  base::MutexLock lock(&mutex_);
  const absl::Time now = parts_.now();
  FULCRUM_ASSIGN_OR_RETURN(const UserRef from, parts_.users->EnsureUserRef(from_id, now));
  FULCRUM_ASSIGN_OR_RETURN(const UserRef into, parts_.users->EnsureUserRef(into_id, now));
  if (from == into) return absl::OkStatus();  // one user already
  // Before the record: what is drawn behind it in the log has been held under the sum of both, but
  // for decisions that began before it.
  parts_.join(from, into, now);
  IdentityRecord record;
  record.change = IdentityChange::kMerged;
  record.user_ref = from;
  record.into = into;
  record.occurred_us = absl::ToUnixMicros(parts_.now());
  FULCRUM_RETURN_IF_ERROR(Append(record));
  return parts_.users->Merge(from_id, into_id, now);
}

absl::Status UserChanges::Purge(std::string_view user_id) {
  base::MutexLock lock(&mutex_);
  FULCRUM_RETURN_IF_ERROR(parts_.users->Purge(user_id));
  return Tell();
}

absl::Status UserChanges::TellPurges() {
  base::MutexLock lock(&mutex_);
  return Tell();
}

absl::Status UserChanges::Tell() {
  FULCRUM_ASSIGN_OR_RETURN(const std::vector<UserRef> purged, parts_.users->PurgedRefs());
  for (const UserRef& ref : purged) {
    IdentityRecord record;
    record.change = IdentityChange::kPurged;
    record.user_ref = ref;
    record.occurred_us = absl::ToUnixMicros(parts_.now());
    FULCRUM_RETURN_IF_ERROR(Append(record));
    FULCRUM_RETURN_IF_ERROR(parts_.users->ForgetPurged(ref));
  }
  return absl::OkStatus();
}

absl::Status UserChanges::Append(const IdentityRecord& record) {
  auto logged = std::make_shared<std::promise<absl::Status>>();
  std::future<absl::Status> done = logged->get_future();
  FULCRUM_RETURN_IF_ERROR(parts_.log->Append(
      record, std::nullopt,
      [logged](const absl::StatusOr<Lsn>& lsn) { logged->set_value(lsn.status()); }));
  return done.get();
}

}  // namespace fulcrum::decider
