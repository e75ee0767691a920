// Deletes the oldest log segments of a stream.
//
// Whole segments only, oldest first, each removal synced before the next one: whatever a crash
// leaves, the stream has no hole. The last segment, which may be written, always stays.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/file.h"
#include "decision_log/log_format.h"

namespace fulcrum::decision_log {

struct Retired {
  uint64_t segments = 0;
  Lsn last_lsn = 0;  // of the last one removed; 0 = none was
};

// Removes the segments whose last record was appended before `before` and whose LSNs are all below
// `keep_from`, up to the first one that stays. By the process that writes the log; may run beside
// its writer and beside readers. After an error what was removed so far is gone.
absl::StatusOr<Retired> RetireSegments(base::FileSystem* files, const std::string& directory,
                                       Stream stream, absl::Time before, Lsn keep_from);

}  // namespace fulcrum::decision_log
