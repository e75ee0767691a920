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
#include "decision_log/compression.h"
#include "decision_log/log_format.h"

namespace fulcrum::decision_log {

// A whole record with a right checksum. The views are valid until the scanner's next call.
struct RecordView {
  RecordHeader header;
  std::string_view payload;  // decompressed
  uint64_t offset = 0;       // in its segment
  std::string_view stored;   // the record's bytes, padding included
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
  // `lsn_min`, and goes past it; kEnd if there is none. Its payload is as stored: Decompress().
  absl::StatusOr<Found> Resync(uint64_t from, Lsn lsn_min, RecordView* record);

  // Whether a record that Resync() found, with an LSN from `lsn_min`, is what a write that went
  // astray has left: more of what comes behind it should come before it. Such a record may be
  // whole, but to follow it would be to pass over all that is between.
  absl::StatusOr<bool> IsStray(const RecordView& record, Lsn lsn_min, Stream stream);

  // Makes the payload of a record that Resync() found what was compressed. False if it cannot be.
  absl::StatusOr<bool> Decompress(RecordView* record);

  // Goes on at `offset`, where a record begins.
  void Seek(uint64_t offset) { offset_ = offset; }
  // Looks at the file anew, which may have grown.
  void Refresh() { window_.clear(); }

  uint64_t offset() const { return offset_; }
  const std::string& what() const { return what_; }

 private:
  explicit SegmentScanner(std::shared_ptr<base::ReadFile> file) : file_(std::move(file)) {}

  // Records that follow each other.
  struct Run {
    Lsn first_lsn = 0;  // of the first that has one of its own
    Lsn last_lsn = 0;
    uint64_t end = 0;
    uint64_t bytes = 0;
    bool foreign = false;   // some are the other stream's
    uint64_t in_order = 0;  // these and the most bytes of runs behind them that are in order
  };

  absl::StatusOr<Run> RunFrom(const RecordView& record, Stream stream);
  // Up to `bytes` bytes at `offset`; fewer at the end of the file. Valid until the next call.
  absl::StatusOr<std::string_view> Load(uint64_t offset, size_t bytes);
  absl::StatusOr<Found> Look(RecordView* record);
  absl::StatusOr<Found> LookAtZeros();
  absl::StatusOr<bool> TryRecordAt(uint64_t offset, Lsn lsn_min, RecordView* record);
  absl::Status Unpack(RecordView* record);
  absl::Status FindDictionary(uint16_t tag);
  Found Damaged(std::string_view what);

  std::shared_ptr<base::ReadFile> file_;
  PayloadDecompressor decompressor_;
  uint16_t dictionary_missing_ = 0;  // the tag that was looked for in vain; 0 = none
  absl::StatusOr<SegmentHeader> header_;
  uint64_t offset_ = kSegmentHeaderBytes;  // behind the header, at first
  std::string what_;
  std::string window_;  // bytes of the file from window_offset_
  uint64_t window_offset_ = 0;
};

}  // namespace fulcrum::decision_log
