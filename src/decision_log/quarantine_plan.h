// Finds the log segments that are damaged in the middle and takes them out of their streams, so
// that the log can be written again: `fulcrum log quarantine`.
//
// A torn tail is left to the next start, and a segment that is missing stays damage: neither is
// mended by taking something out.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/file.h"
#include "decision_log/quarantine.h"
#include "decision_log/verify.h"

namespace fulcrum::decision_log {

struct QuarantineOptions {
  base::FileSystem* files = base::PosixFileSystem();
  const base::Clock* clock = nullptr;  // stamps manifests and audit records
  std::string directory;               // the log's
  std::string actor;                   // who does it
  size_t threads = 1;                  // that look for damage
};

struct QuarantinePlan {
  std::vector<Quarantine> segments;   // to be taken out; decisions first, in LSN order
  std::vector<Quarantine> known;      // taken out before, and retention has not passed them
  std::vector<Quarantine> unaudited;  // those of them that the log does not tell of yet
  std::vector<CorruptPlace> left;     // damage that stays: missing segments, torn tails
};

// What would be done. May run beside the log's writer. NOT_FOUND if there is no log; other errors
// are those of reading. Damage may hide behind damage: what ApplyQuarantine() does can be more.
absl::StatusOr<QuarantinePlan> PlanQuarantine(const QuarantineOptions& options);

// Takes out all that PlanQuarantine() names, until it names nothing more, then opens the log as its
// writer does and appends an audit record for each segment. Returns what was done, with `left` as
// it is then. FAILED_PRECONDITION if the log is being written. After an error or a crash at any
// step it may be called again, and finishes the work.
absl::StatusOr<QuarantinePlan> ApplyQuarantine(const QuarantineOptions& options);

}  // namespace fulcrum::decision_log
