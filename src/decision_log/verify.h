// Checks a decision log by itself: every byte against its checksums, and what the records state
// against each other. Knows nothing of the bundle or the service.
//
//   ticks_sum        the ticks of every drawn position sum to 2^32
//   draw_matches     the logged action is the one that the seed draws from the logged ticks
//   masked_not_drawn a masked candidate has no ticks
//   hard_limits      debits less refunds of a row, window and user never pass the stated limit
//   gives_back       a settlement gives back no more than its position took and is not due
//   time_budget      recorded stage times are within the latency budget, or a degradation is named
//   lsn_consecutive  no LSN is missing or repeated
//   features_match   each snapshot belongs to a decision and has its size; a decision of a model
//                    that says it can be replayed fully has one. What a crash may have taken from
//                    one of the two streams, as the mark of the start after it says, and what
//                    retention deleted or quarantine took of one alone, is counted as lost instead.
//
// Behind a quarantined segment limits are counted anew: what it took and returned is not known.
//
// Memory grows with the number of (row, window, user) keys that debits name and of decisions that
// may still give something back, not with the records.
// One thread reads, and holds against each other what only the whole log shows; all of `threads`
// parse and check records. Findings are merged in the log's order: the report is the same for any
// number of threads.
//
// Not thread-safe; may run beside the log's writer.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/file.h"
#include "decision_log/stream_reader.h"

namespace fulcrum::decision_log {

struct CorruptPlace {
  Stream stream = Stream::kDecisions;
  Damage damage;
  bool torn_tail = false;  // had never been synced; starting the service cuts it off
  // The stream was written further, says the log's high-water mark; starting the service goes on
  // at its end and tells what is lost.
  bool lost_tail = false;

  bool at_end() const { return torn_tail || lost_tail; }  // writing can go on

  friend bool operator==(const CorruptPlace&, const CorruptPlace&) = default;
};

struct Invariant {
  std::string name;
  uint64_t checked = 0;
  uint64_t violated = 0;
  std::string first_violation;  // empty if none

  friend bool operator==(const Invariant&, const Invariant&) = default;
};

struct VerifyReport {
  uint64_t records = 0;               // events that could be read
  uint64_t snapshots = 0;             // feature snapshots that could be read
  uint64_t snapshots_lost = 0;        // missing or left over at a crash or by retention
  std::vector<CorruptPlace> corrupt;  // the first kCorruptMax places
  uint64_t corrupt_count = 0;
  std::vector<Quarantine> quarantined;  // gaps that are known
  std::vector<Invariant> invariants;

  bool clean() const;  // nothing violated, nothing corrupt, and nothing missing

  friend bool operator==(const VerifyReport&, const VerifyReport&) = default;
};

inline constexpr size_t kCorruptMax = 1000;

struct VerifyOptions {
  size_t threads = 1;
};

// NOT_FOUND if `directory` holds no log; other errors are those of reading.
absl::StatusOr<VerifyReport> VerifyLog(base::FileSystem* files, const std::string& directory,
                                       const VerifyOptions& options = {});

}  // namespace fulcrum::decision_log
