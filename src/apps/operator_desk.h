// Where operators' changes come in: checked, appended to the log, folded from it as it is told,
// kept beside it, answered. The log orders them: what holds is a fold over its audit records.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "apps/operator_checkpoint.h"
#include "base/file.h"
#include "base/mutex.h"
#include "config/bundle.h"
#include "decider/pauses.h"
#include "decider/waiting_room.h"
#include "domain/operations.h"
#include "domain/seams.h"
#include "domain/switches.h"

namespace fulcrum::apps {

struct OperatorDeskParts {
  base::FileSystem* files = nullptr;
  std::string path;  // of the checkpoint
  std::shared_ptr<const config::Bundle> bundle;
  domain::DecisionSink* log = nullptr;  // outlives the desk
  std::function<absl::Time()> now;      // thread-safe
  // Told of every limit that comes into force, the bundle's own included. Must not wait.
  std::function<void(const std::string& row, int64_t limit)> set_limit;
};

// Thread-safe. The log stops before the desk goes.
class OperatorDesk final : public domain::Operations, public domain::LogObserver {
 public:
  // As the checkpoint has it; the log's records after lsn() are then to be told. DATA_LOSS if it is
  // damaged.
  static absl::StatusOr<std::unique_ptr<OperatorDesk>> Open(OperatorDeskParts parts);

  // The log is folded up to here; nothing without a checkpoint.
  std::optional<Lsn> lsn() const;
  // The log goes on behind `lsn`, which is before lsn() if its tail was lost. What is paused stays
  // so.
  void BeginAt(Lsn lsn);
  // Where a fold begins whatever happens.
  Lsn checkpoint_lsn() const;

  void Pause(const domain::Principal& by, const SwitchTarget& target, const std::string& reason,
             absl::Duration span, domain::Operated done) override;
  void Resume(const domain::Principal& by, const SwitchTarget& target, const std::string& reason,
              domain::Operated done) override;
  std::vector<Switch> Paused() const override;
  void SetBudget(const domain::Principal& by, const std::string& row, int64_t limit,
                 const std::string& reason, domain::Operated done) override;

  // Takes effect here, before the record's `Logged` runs and so before any answer.
  void OnLogged(Lsn lsn, const LogEvent& event) override;

  // What the next request is to see; null if nothing is paused.
  std::shared_ptr<const decider::Pauses> pauses() const;

  // Writes what has changed, or how far the fold has come. Waits for a disk.
  absl::Status Checkpoint();

 private:
  explicit OperatorDesk(OperatorDeskParts parts) : parts_(std::move(parts)) {}
  void Append(AuditRecord record, domain::Operated done);
  void Keep(Lsn lsn, domain::Operated done);
  void Fold(Lsn lsn, const AuditRecord& record) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Publish() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const OperatorDeskParts parts_;
  mutable base::Mutex mutex_;
  std::optional<Lsn> folded_ ABSL_GUARDED_BY(mutex_);
  domain::Switches switches_ ABSL_GUARDED_BY(mutex_);
  // By row: what says that its limit is not the bundle's.
  std::map<std::string, OperatorRecord> budgets_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<const decider::Pauses> pauses_ ABSL_GUARDED_BY(mutex_);
  base::Mutex write_mutex_;  // one checkpoint at a time; never taken under the other
  std::optional<Lsn> kept_ ABSL_GUARDED_BY(mutex_);
  decider::WaitingRoom room_{1, 1024};  // last: its thread uses the rest
};

}  // namespace fulcrum::apps
