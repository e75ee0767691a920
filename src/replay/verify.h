// Replays every decision of a log, on two levels.
//
//   selection  from the record alone (selection.h)
//   full       from the feature snapshot, the archived bundle and model, and the posteriors folded
//              from the log up to the LSN that the record names (scores.h); then the selection
//
// The log is read twice: once to learn which posteriors will be asked for, once to fold and
// compare. Memory grows with the number of different posterior versions (some 50 bytes each) and
// with what the fold itself holds; of the folded posteriors, copies are kept only until their last
// decision.
//
// One thread reads and folds, `threads` compare, and what they find is merged in the log's order:
// the report is the same for any number of threads.
//
// Not thread-safe; may run beside the log's writer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "base/file.h"
#include "replay/report.h"

namespace fulcrum::replay {

enum class Level : uint8_t {
  kSelection,  // from the records alone: the log is read once, its features not at all
  kFull
};

struct ReplayOptions {
  size_t threads = 1;
  Level level = Level::kFull;
};

// NOT_FOUND if `directory` holds no log; other errors are those of reading.
absl::StatusOr<ReplayReport> VerifyReplay(base::FileSystem* files, const std::string& directory,
                                          const ReplayOptions& options = {});

}  // namespace fulcrum::replay
