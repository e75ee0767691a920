// What the service tells the decision log of itself, beside the decisions: audit records, changed
// leases, snapshots of the posteriors (docs/decision_log_format.md says which and when).
//
// Never waits, and nothing depends on it: a record that the log does not take is warned of and
// missing, for what it tells stands elsewhere too. Thread-safe.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "base/clock.h"
#include "domain/seams.h"
#include "fulcrum/decision_record.h"

namespace fulcrum::apps {

class ServiceJournal {
 public:
  // Both outlive it.
  ServiceJournal(domain::DecisionSink* log, const base::Clock* clock) : log_(log), clock_(clock) {}

  void Tell(LogEvent event);

  // The log ends: what is told from here on is dropped without a word.
  void Close() { closed_.store(true); }

  // An audit record of what the service does by itself, now.
  void Audit(std::string action, std::string target, std::vector<AuditDetail> details);

 private:
  domain::DecisionSink* const log_;
  const base::Clock* const clock_;
  std::atomic<bool> closed_{false};
};

}  // namespace fulcrum::apps
