// How far each stream of a log was written, kept beside it: a log that lost its end, or had zeros
// written over it, looks like one that was written no further, and its own bytes cannot tell.
//
//   <log>/HIGH_WATER := entry*; each of kHighWaterEntryBytes, the furthest whole one counts
//
// The mark is a witness, not a part of the log: it is never synced after the start, and one that is
// missing, old or damaged proves nothing.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/file.h"
#include "base/mutex.h"
#include "decision_log/ballast.h"
#include "decision_log/log_format.h"

namespace fulcrum::decision_log {

inline constexpr char kHighWaterName[] = "HIGH_WATER";
inline constexpr char kKnownByHighWater[] = "the log's high-water mark";  // in audit records
inline constexpr size_t kHighWaterEntryBytes = 64;
inline constexpr uint64_t kHighWaterFileBytesMax = uint64_t{64} << 10;  // then it begins anew

// A stream's end: in which segment, where in it, and the last LSN before. Ordered by place.
struct StreamEnd {
  Lsn segment = 0;
  uint64_t offset = 0;
  Lsn lsn = 0;

  friend auto operator<=>(const StreamEnd&, const StreamEnd&) = default;
};

struct HighWater {
  StreamEnd decisions;
  StreamEnd features;

  const StreamEnd& of(Stream stream) const {
    return stream == Stream::kDecisions ? decisions : features;
  }
  friend bool operator==(const HighWater&, const HighWater&) = default;
};

std::string EncodeHighWater(const HighWater& mark);
// The furthest end of each stream in a file's bytes, which may be any; zeros if no entry is whole.
HighWater DecodeHighWater(std::string_view bytes);

// The mark of the log in `directory`; zeros if it has none. Beside a writer: what it had written
// before the call. Errors are those of reading.
absl::StatusOr<HighWater> ReadHighWater(base::FileSystem* files, const std::string& directory);

// Keeps the mark for the log's writer. Thread-safe.
class HighWaterMark {
 public:
  // `ballast` is given up when the disk is full.
  HighWaterMark(base::FileSystem* files, const std::string& directory, Ballast* ballast);

  // Before Begin() it is only noted; after, it is in the file when this returns. An end before the
  // one that is known changes nothing.
  absl::Status Raise(Stream stream, const StreamEnd& end);

  // Replaces what is in the file by what was noted, and syncs: an older mark must not come back,
  // with the power, for a log whose end was lost and then written over.
  absl::Status Begin();

 private:
  absl::Status Write() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  base::FileSystem* const files_;
  const std::string path_;
  Ballast* const ballast_;
  base::Mutex mutex_;
  HighWater mark_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<base::AppendFile> file_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace fulcrum::decision_log
