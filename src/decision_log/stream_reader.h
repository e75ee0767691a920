// Walks the records of one stream over all its log segments, and holds what joins them: consecutive
// LSNs and the chain of checksums.
//
// Not thread-safe; may run beside the stream's writer.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "decision_log/segment_scanner.h"

namespace fulcrum::decision_log {

// Where a stream cannot be read on, and why.
struct Damage {
  std::string segment;  // file, relative to the log's directory
  uint64_t offset = 0;
  Lsn lsn = 0;  // of the record that should be there
  std::string what;
};

// "log segment decisions/0..1.fulcrumlog, offset 64, LSN 7: <what>"
std::string ToString(const Damage& damage);

// First LSNs of the stream's segments, ascending; empty if the folder is missing.
absl::StatusOr<std::vector<Lsn>> ListSegments(base::FileSystem* files, const std::string& directory,
                                              Stream stream);

// Whether `damage` is the end of what was ever synced: DamageIsTornTail() of a reader of its own.
// True also if the place has become readable, because it was only being written.
absl::StatusOr<bool> IsTornTail(base::FileSystem* files, const std::string& directory,
                                Stream stream, const Damage& damage);

class StreamReader {
 public:
  // Reads from the segment that holds LSN `after` + 1, or from the first one if that is gone.
  static absl::StatusOr<std::unique_ptr<StreamReader>> Open(base::FileSystem* files,
                                                            const std::string& directory,
                                                            Stream stream, Lsn after);

  // The next record with an LSN above `after`; marks are skipped unless asked for by `marks`.
  // kEnd: no more. kDamaged: see damage(), and call Resync() to go on. Errors are those of reading.
  absl::StatusOr<Found> Next(RecordView* record, bool marks = false);

  // After kDamaged: the next record that can be read, or kEnd, or kDamaged again elsewhere.
  absl::StatusOr<Found> Resync(RecordView* record);

  // After kDamaged: whether nothing proves that the damaged record had ever been synced, so that
  // the stream simply ends here. Moves on: only Open() reads again.
  absl::StatusOr<bool> DamageIsTornTail();

  const Damage& damage() const { return damage_; }
  Lsn last_lsn() const { return expected_lsn_ - 1; }
  uint32_t last_crc() const { return last_crc_; }
  bool ends_closed() const { return ends_closed_; }  // the last record was a mark of an orderly end
  // First LSN of the segment being read, and how far it was read; 0 if there is no segment.
  Lsn segment() const { return current_ < segments_.size() ? segments_[current_] : 0; }
  uint64_t offset() const { return scanner_ == nullptr ? 0 : scanner_->offset(); }

 private:
  StreamReader(base::FileSystem* files, std::string directory, Stream stream, Lsn after)
      : files_(files), directory_(std::move(directory)), stream_(stream), after_(after) {}

  absl::StatusOr<Found> Step(RecordView* record);
  absl::StatusOr<Found> EnterSegment(size_t index);
  void Accept(const RecordView& record);
  Found Damaged(uint64_t offset, std::string_view what);
  std::string SegmentPath(Lsn first_lsn) const;  // relative

  base::FileSystem* files_;
  std::string directory_;
  Stream stream_;
  Lsn after_;
  std::vector<Lsn> segments_;
  size_t current_ = 0;
  std::unique_ptr<SegmentScanner> scanner_;
  bool joined_ = false;   // expected_lsn_ and last_crc_ are known from what was read
  bool pending_ = false;  // damage at the entry of a segment is still to be told
  Lsn expected_lsn_ = 1;
  uint32_t last_crc_ = 0;
  bool ends_closed_ = false;
  Damage damage_;
};

}  // namespace fulcrum::decision_log
