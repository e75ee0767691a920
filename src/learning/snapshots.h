// The files of the fold's checkpoints: data/snapshots/posterior-<LSN>, twenty digits.
//
// A checkpoint saves reading the log again; it is never needed. Not thread-safe.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/file.h"
#include "learning/outcome_fold.h"

namespace fulcrum::learning {

// A checkpoint that was removed because it is ahead of the log.
struct RemovedSnapshot {
  std::string path;
  Lsn lsn = 0;  // of the last record that it held
};

// What was found at a start.
struct SnapshotReport {
  std::string used;                      // path; empty: the fold begins with the model's counts
  std::vector<std::string> skipped;      // path and why: damaged, or of another start
  std::vector<RemovedSnapshot> removed;  // newest first
};

// The fold of the newest usable checkpoint, else a fresh one. A checkpoint beyond `log_last`, the
// log's last LSN, is of a tail that went with the power: it is removed, durably, because the log
// will grow past that number with other records.
absl::StatusOr<OutcomeFold> LoadNewest(base::FileSystem* files, const std::string& directory,
                                       const FoldStart& start, Lsn log_last,
                                       SnapshotReport* report);

// Writes `bytes`, the state at `lsn`, so that a crash leaves the whole file or none, then removes
// all but the newest two.
absl::Status WriteSnapshot(base::FileSystem* files, const std::string& directory, Lsn lsn,
                           std::string_view bytes);

}  // namespace fulcrum::learning
