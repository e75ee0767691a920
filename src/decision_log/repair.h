// Where a stream ends after a crash, and whether what follows is a torn tail (cut it off) or damage
// to what was durable (refuse to write).
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "base/file.h"
#include "decision_log/high_water.h"
#include "decision_log/stream_reader.h"

namespace fulcrum::decision_log {

struct StreamTail {
  Lsn last_lsn = 0;
  uint32_t last_crc = 0;
  Lsn segment = 0;                    // first LSN of the segment to go on in; 0 = there is none
  uint64_t end_offset = 0;            // of its last whole record
  uint16_t version = kFormatVersion;  // of that segment
  bool closed = false;                // the writer before had stopped in order
  // As StreamReader's, of the marks in that segment.
  Lsn decisions_synced = 0;
  bool synced_by_close = false;
  Lsn decisions_written = 0;
  bool quarantined = false;  // the stream ends with a segment that was taken out
  bool torn = false;         // something un-synced was cut off, or a segment that was just begun
  uint64_t torn_bytes = 0;   // of it, not counting reserved room behind it
  std::string what;          // where and why, if torn
  std::optional<StreamEnd> lost_end;  // where it had ended, if the log's high-water mark says so

  StreamEnd end() const { return {segment, end_offset, last_lsn}; }
};

// Finds the stream's end; removes a last segment that was only just begun. DATA_LOSS if damage lies
// before something that was synced later, or what is whole was changed: the message names log
// segment, offset, LSN and remedy. Looks at the last segment only; what is older is judged when it
// is read. `book` gets what the records of that segment add up to; null if there is none, or if it
// has version 1. A stream whose last segment is quarantined ends behind it, and goes on in a new
// one.
absl::StatusOr<StreamTail> FindTail(base::FileSystem* files, const std::string& directory,
                                    Stream stream, std::unique_ptr<SegmentBook>* book);

// What each stream's marks say of the other: DATA_LOSS if one lacks what was durable once, though
// it ends like one that was written no further. Before either is changed.
absl::Status CheckTogether(base::FileSystem* files, const std::string& directory,
                           const StreamTail& decisions, const StreamTail& features);

// Where a stream ended once, if it now ends before that, at `end`; `mark` may know. Not if that was
// in a segment that is quarantined: its manifest tells. Errors are those of reading that.
absl::StatusOr<std::optional<StreamEnd>> FindLostEnd(base::FileSystem* files,
                                                     const std::string& directory,
                                                     const HighWater& mark, Stream stream,
                                                     const StreamEnd& end);

// That something is missing where the stream ends.
Damage DamageAtEnd(Stream stream, const StreamEnd& end, std::string_view what);

// Whether the decisions stream still has LSN `after` + 1, if it ever had, or knows it to be
// quarantined. DATA_LOSS says what was deleted by retention and what to do.
absl::Status CheckBegins(base::FileSystem* files, const std::string& directory, Lsn after);

// The error for damage to durable data in `directory`.
absl::Status DurableDamage(const std::string& directory, const Damage& damage);

}  // namespace fulcrum::decision_log
