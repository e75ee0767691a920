// Walks the records of one log segment, at flat memory, and finds its way again after damage.
//
// Looks at each record by itself: the order of LSNs and the chain of checksums are StreamReader's.
// Not thread-safe. May read a segment that is being written: what looks damaged is read again until
// it no longer changes.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/file.h"
#include "decision_log/log_format.h"

namespace fulcrum::decision_log {

// A whole record with a right checksum. `payload` is valid until the scanner's next call.
struct RecordView {
  RecordHeader header;
  std::string_view payload;
  uint64_t offset = 0;  // in its segment
};

enum class Found : uint8_t { kRecord, kEnd, kDamaged };

class SegmentScanner {
 public:
  // Fails only if the file cannot be read; a damaged header is told by `header()`.
  static absl::StatusOr<std::unique_ptr<SegmentScanner>> Open(base::FileSystem* files,
                                                              const std::string& path);

  const absl::StatusOr<SegmentHeader>& header() const { return header_; }

  // The record at `offset()`, and goes past it; kEnd if only zeros or nothing follow; kDamaged with
  // `what()` otherwise, and stays. Errors are those of reading.
  absl::StatusOr<Found> Next(RecordView* record);

  // The first record at `from` or later whose checksum is right and whose LSN is at least
  // `lsn_min`, and goes past it; kEnd if there is none.
  absl::StatusOr<Found> Resync(uint64_t from, Lsn lsn_min, RecordView* record);

  uint64_t offset() const { return offset_; }
  const std::string& what() const { return what_; }

 private:
  explicit SegmentScanner(std::unique_ptr<base::ReadFile> file) : file_(std::move(file)) {}

  // Up to `bytes` bytes at `offset`; fewer at the end of the file. Valid until the next call.
  absl::StatusOr<std::string_view> Load(uint64_t offset, size_t bytes);
  absl::StatusOr<Found> Look(RecordView* record);
  absl::StatusOr<Found> LookAtZeros();
  absl::StatusOr<bool> TryRecordAt(uint64_t offset, Lsn lsn_min, RecordView* record);
  Found Damaged(std::string_view what);

  std::unique_ptr<base::ReadFile> file_;
  absl::StatusOr<SegmentHeader> header_;
  uint64_t offset_ = kSegmentHeaderBytes;
  std::string what_;
  std::string window_;  // bytes of the file from window_offset_
  uint64_t window_offset_ = 0;
};

}  // namespace fulcrum::decision_log
