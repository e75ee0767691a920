// The seams between the pipeline and the world. Each has two real implementations: the live one
// and one fed from the log or held in memory.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "domain/context.h"
#include "domain/feature_row.h"
#include "fulcrum/decision_record.h"

namespace fulcrum::domain {

// Whether a call may wait for a disk. A call with kNoWait that would have to returns UNAVAILABLE
// and has changed nothing; the pipeline then goes on from a thread that may wait.
enum class Wait : uint8_t { kNoWait, kMayWait };

enum class RowState : uint8_t { kFresh, kMissing, kStale };

// A row as read. `row` is null unless kFresh.
struct ReadRow {
  RowState state = RowState::kMissing;
  std::shared_ptr<const FeatureRow> row;
};

struct UserFeatures {
  ReadRow row;
  std::optional<UserRef> user_ref;  // absent: the user has no stored row, hence no salt
};

// Feature rows for the request path. Thread-safe. A row past its view's freshness bound at `now` is
// kStale. Errors other than UNAVAILABLE under kNoWait mean that the store is broken.
class FeatureSource {
 public:
  virtual ~FeatureSource() = default;
  virtual absl::StatusOr<UserFeatures> ReadUser(std::string_view user_id, absl::Time now,
                                                Wait wait) = 0;
  // One entry per id, in order.
  virtual absl::StatusOr<std::vector<ReadRow>> ReadItems(absl::Span<const std::string> item_ids,
                                                         absl::Time now, Wait wait) = 0;
};

// Facts about users that outlive requests. Thread-safe; may wait for a disk. An error of a change
// leaves it done or not done; it can be repeated. INVALID_ARGUMENT for ids that no user has.
class UserData {
 public:
  virtual ~UserData() = default;
  // The user's reference; stores a row with a new salt on first contact, durably before it
  // returns (as the log is: written for `process`, synced for `power`). Concurrent first contacts
  // get the same reference.
  virtual absl::StatusOr<UserRef> EnsureUserRef(std::string_view user_id, absl::Time now) = 0;

  // From here on `from_id`, and whoever was merged into it, is the user `into_id`, durably before
  // it returns: they have the reference of `into_id`, which gets one if it has none. Of the rows of
  // both, those of `into_id` stay; where it has none, that of `from_id` becomes its. No-op if they
  // are one user already. What the ledger knows of the earlier reference is told by the log
  // (IdentityRecord), before this is called.
  virtual absl::Status Merge(std::string_view from_id, std::string_view into_id,
                             absl::Time now) = 0;

  // Erases the user, and all who were merged into it: salt, rows and aliases, durably before it
  // returns. Nothing leads from an id to its reference any more; a later contact is a new user. The
  // reference that was erased, if there was one, is in PurgedRefs() until the log has been told.
  virtual absl::Status Purge(std::string_view user_id) = 0;
  virtual absl::StatusOr<std::vector<UserRef>> PurgedRefs() = 0;
  virtual absl::Status ForgetPurged(const UserRef& user_ref) = 0;
};

// Called once, from the log's writer thread: with the LSN when the event is as durable as the log
// is configured to be, or with the error after which it must be taken as not logged.
using Logged = absl::AnyInvocable<void(absl::StatusOr<Lsn>)>;

// How full the log's queue is when surfaces begin to act on it.
inline constexpr double kLogPressure = 0.5;

// The decision log as the pipeline sees it. Thread-safe; waits where it says so only.
class DecisionSink {
 public:
  virtual ~DecisionSink() = default;
  // Queues `event`, and `snapshot` to the features stream before it. `done` is not called from
  // within. RESOURCE_EXHAUSTED if the queue is full, FAILED_PRECONDITION after a disk error: then
  // nothing was queued and `done` is dropped uncalled.
  virtual absl::Status Append(LogEvent event, std::optional<FeatureSnapshot> snapshot,
                              Logged done) = 0;
  // Share of the queue that is taken, from 0 to 1.
  virtual double Fill() const { return 0; }
  // Waits until the queue is filled less than kLogPressure, the log cannot take anything any more,
  // or `until`.
  virtual void WaitForRoom(base::SteadyTime /*until*/) {}
};

// Exposures and outcomes on their way into the log. Thread-safe; never waits. `done` and the errors
// are those of DecisionSink::Append.
class EventIngest {
 public:
  virtual ~EventIngest() = default;
  virtual absl::Status Report(LogEvent event, Logged done) = 0;
};

// Told of every event in LSN order, once it is durable and before its `Logged` runs, by the
// log's writer thread, and by recovery for what the log already holds. What the log proves
// (spend, posteriors) is a fold over these calls.
class LogObserver {
 public:
  virtual ~LogObserver() = default;
  virtual void OnLogged(Lsn lsn, const LogEvent& event) = 0;
};

}  // namespace fulcrum::domain
