// The seam between the network and what operators do to a running service.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "domain/context.h"
#include "fulcrum/decision_record.h"
#include "fulcrum/switch.h"

namespace fulcrum::domain {

// Called once, from any thread: with the LSN of the record that tells of it, once what was asked is
// in force and will be after a restart; or with why it was refused.
using Operated = absl::AnyInvocable<void(absl::StatusOr<Lsn>)>;

// Thread-safe; never waits. `reason` is for people who read the log. INVALID_ARGUMENT for a reason
// that is none, NOT_FOUND with the nearest valid name for a target that the bundle does not have,
// and the errors of DecisionSink::Append. After INTERNAL it is in force, but a restart may forget
// it.
class Operations {
 public:
  virtual ~Operations() = default;
  // For `span`, which is positive and may be infinite. What is paused already gets this reason and
  // this end.
  virtual void Pause(const Principal& by, const SwitchTarget& target, const std::string& reason,
                     absl::Duration span, Operated done) = 0;
  // FAILED_PRECONDITION, naming what is paused, if `target` is not.
  virtual void Resume(const Principal& by, const SwitchTarget& target, const std::string& reason,
                      Operated done) = 0;
  // What is paused now, by target.
  virtual std::vector<Switch> Paused() const = 0;
  // The limit of a row for all that is decided from now on, in the row's unit. What is spent stays
  // spent: a row that has spent more gives nothing any more. INVALID_ARGUMENT below 0 and for a row
  // that only counts.
  virtual void SetBudget(const Principal& by, const std::string& row, int64_t limit,
                         const std::string& reason, Operated done) = 0;
};

}  // namespace fulcrum::domain
