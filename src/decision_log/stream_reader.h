// Walks the records of one stream over all its log segments, and holds what joins them: consecutive
// LSNs and the chain of checksums.
//
// Not thread-safe; may run beside the stream's writer.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "decision_log/quarantine.h"
#include "decision_log/segment_book.h"
#include "decision_log/segment_scanner.h"

namespace fulcrum::decision_log {

// Where a stream cannot be read on, and why.
struct Damage {
  std::string segment;  // file, relative to the log's directory
  uint64_t offset = 0;
  Lsn lsn = 0;  // of the record that should be there
  std::string what;
  bool sealed = false;  // whole records say that it was written: never a torn tail
  // No damage that is still there, but a gap that is known: the LSNs from `lsn` to its `last`.
  std::optional<Quarantine> quarantined{};

  friend bool operator==(const Damage&, const Damage&) = default;
};

// "log segment decisions/0..1.fulcrumlog, offset 64, LSN 7: <what>", or as of a Quarantine.
std::string ToString(const Damage& damage);

// First LSNs of the stream's segments, ascending; empty if the folder is missing.
absl::StatusOr<std::vector<Lsn>> ListSegments(base::FileSystem* files, const std::string& directory,
                                              Stream stream);

// Whether `damage` is the end of what was ever synced: DamageIsTornTail() of a reader of its own.
// True also if the place has become readable, because it was only being written.
absl::StatusOr<bool> IsTornTail(base::FileSystem* files, const std::string& directory,
                                Stream stream, const Damage& damage);

// How much a reader looks at.
enum class Checks : uint8_t {
  kRecords,  // each record, and that it follows the one before
  kBooks     // also the SHA-256 chain, the indexes and the footers
};

class StreamReader {
 public:
  // Reads from the segment that holds LSN `after` + 1, or from the first one if that is gone. With
  // kRecords, what comes before in a finished segment may be passed over by its index.
  static absl::StatusOr<std::unique_ptr<StreamReader>> Open(base::FileSystem* files,
                                                            const std::string& directory,
                                                            Stream stream, Lsn after,
                                                            Checks checks = Checks::kRecords);

  // The next record with an LSN above `after`; marks are skipped unless asked for by `marks`, the
  // other records about the log itself always. kEnd: no more, until Refresh(). kDamaged: see
  // damage(), which may be a quarantine, and call Resync() to go on. Errors are those of reading.
  absl::StatusOr<Found> Next(RecordView* record, bool marks = false);

  // After kDamaged: the next record that can be read, or kEnd, or kDamaged again elsewhere.
  absl::StatusOr<Found> Resync(RecordView* record);

  // For who reads all that can be read: Resync() if what was found before is damage, else Next().
  absl::StatusOr<Found> GoOn(bool damaged, RecordView* record, bool marks = false) {
    return damaged ? Resync(record) : Next(record, marks);
  }

  // After damage that is a torn tail: the record there if it has been written since, else what
  // Resync() finds.
  absl::StatusOr<Found> LookAgain(RecordView* record);

  // After kEnd: lets Next() look for what has been appended since.
  absl::Status Refresh();

  // After kDamaged: whether nothing proves that the damaged record had ever been synced, so that
  // the stream simply ends here. Moves on: only Open() reads again.
  absl::StatusOr<bool> DamageIsTornTail();

  const Damage& damage() const { return damage_; }
  Lsn last_lsn() const { return expected_lsn_ - 1; }
  uint32_t last_crc() const { return last_crc_; }
  bool ends_closed() const { return ends_closed_; }  // the last record was a mark of an orderly end
  // What marks of an orderly end, or of the start after a crash, said of decisions last: its last
  // LSN, and that it had been synced. 0: there was no such mark.
  Lsn decisions_synced() const { return decisions_synced_; }
  // The last one was of an orderly end. The features stream's is synced before that of decisions.
  bool synced_by_close() const { return synced_by_close_; }
  // What the last mark of any kind said of decisions: its last LSN then, which may have been
  // written and not synced.
  Lsn decisions_written() const { return decisions_written_; }
  // First LSN of the segment being read, and how far it was read; 0 if there is no segment.
  Lsn segment() const { return current_ < segments_.size() ? segments_[current_] : 0; }
  uint64_t offset() const { return scanner_ == nullptr ? 0 : scanner_->offset(); }
  // Of that segment: its header's version, and with kBooks what its records add up to (null for
  // version 1, which has no such records).
  uint16_t version() const { return version_; }
  std::unique_ptr<SegmentBook> TakeBook() { return std::move(book_); }

 private:
  StreamReader(base::FileSystem* files, std::string directory, Stream stream, Lsn after,
               Checks checks)
      : files_(files),
        directory_(std::move(directory)),
        stream_(stream),
        after_(after),
        checks_(checks) {}

  absl::StatusOr<Found> Step(RecordView* record);
  absl::StatusOr<Found> LeaveSegment();
  absl::Status ReadGaps();
  void TellGapsBefore(Lsn segment);
  bool TellGap(const Quarantine* gap);
  absl::StatusOr<Found> EnterSegment(size_t index);
  absl::StatusOr<Found> EnterNextSegment();
  absl::StatusOr<Found> CheckHeader(const SegmentHeader& header);
  absl::Status PassOver();
  bool MayFollow(const RecordHeader& header) const;
  Found Sealed(uint64_t offset, std::string_view what);
  void Accept(const RecordView& record);
  Found Damaged(uint64_t offset, std::string_view what);
  std::string SegmentPath(Lsn first_lsn) const;  // relative

  base::FileSystem* files_;
  std::string directory_;
  Stream stream_;
  Lsn after_;
  Checks checks_;
  std::vector<Lsn> segments_;
  size_t current_ = 0;
  std::unique_ptr<SegmentScanner> scanner_;
  bool joined_ = false;  // expected_lsn_ and last_crc_ are known from what was read
  bool left_ = false;    // the segment is done with, though its end could not be read
  Quarantines quarantines_;
  std::deque<Damage> due_;  // still to be told, before anything else
  Lsn expected_lsn_ = 1;
  uint32_t last_crc_ = 0;
  bool ends_closed_ = false;
  Lsn decisions_synced_ = 0;
  bool synced_by_close_ = false;
  Lsn decisions_written_ = 0;
  uint16_t version_ = kFormatVersion;
  std::unique_ptr<SegmentBook> book_;
  bool chain_known_ = false;  // chain_ is what the next segment's header must say
  base::Sha256Digest chain_{};
  Damage damage_;
};

}  // namespace fulcrum::decision_log
