// What operators have paused: a fold over the log's audit records.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "fulcrum/decision_record.h"
#include "fulcrum/switch.h"

namespace fulcrum::domain {

// The actions of those records. Their target is ToText() of what is paused.
inline constexpr std::string_view kPauseAction = "operator.pause";
inline constexpr std::string_view kResumeAction = "operator.resume";

// What the log says of a pause or its end.
AuditRecord PauseRecord(const Switch& what);
AuditRecord ResumeRecord(const SwitchTarget& target, const std::string& reason,
                         const std::string& by, absl::Time at);

// A value; not thread-safe while it changes.
class Switches {
 public:
  // Folds the record at `lsn`; later records come later. Pausing again replaces reason and end.
  // Whether it was about switches.
  bool Apply(Lsn lsn, const AuditRecord& record);

  // In force at `now`, by target.
  std::vector<Switch> At(absl::Time now) const;

  // Also those that have ended by themselves since the last record.
  const std::vector<Switch>& all() const { return switches_; }

 private:
  std::vector<Switch>::iterator Place(const SwitchTarget& target);

  std::vector<Switch> switches_;  // sorted by target
};

}  // namespace fulcrum::domain
