// Where a stream ends after a crash, and whether what follows is a torn tail (cut it off) or damage
// to what was durable (refuse to write).
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "base/file.h"
#include "decision_log/stream_reader.h"

namespace fulcrum::decision_log {

struct StreamTail {
  Lsn last_lsn = 0;
  uint32_t last_crc = 0;
  Lsn segment = 0;          // first LSN of the segment to go on in; 0 = there is none
  uint64_t end_offset = 0;  // of its last whole record
  bool closed = false;      // the writer before had stopped in order
  bool torn = false;        // something un-synced was cut off, or a segment that was just begun
  uint64_t torn_bytes = 0;  // of it, not counting reserved room behind it
  std::string what;         // where and why, if torn
};

// Finds the stream's end; removes a last segment that was only just begun. DATA_LOSS if damage lies
// before something that was synced later: the message names log segment, offset, LSN and remedy.
// Looks at the last segment only; what is older is judged when it is read.
absl::StatusOr<StreamTail> FindTail(base::FileSystem* files, const std::string& directory,
                                    Stream stream);

// The error for damage to durable data in `directory`.
absl::Status DurableDamage(const std::string& directory, const Damage& damage);

}  // namespace fulcrum::decision_log
