#include "decision_log/stream_reader.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "base/strings.h"

namespace fulcrum::decision_log {

std::string ToString(const Damage& damage) {
  if (damage.quarantined.has_value()) return ToString(*damage.quarantined);
  return absl::StrCat("log segment ", damage.segment, ", offset ", damage.offset, ", LSN ",
                      damage.lsn, ": ", damage.what);
}

absl::StatusOr<std::vector<Lsn>> ListSegments(base::FileSystem* files, const std::string& directory,
                                              Stream stream) {
  const std::string folder = absl::StrCat(directory, "/", StreamName(stream));
  std::vector<Lsn> segments;
  FULCRUM_ASSIGN_OR_RETURN(const bool exists, files->Exists(folder));
  if (!exists) return segments;
  FULCRUM_ASSIGN_OR_RETURN(const std::vector<std::string> names, files->List(folder));
  for (const std::string& name : names) {
    if (const std::optional<Lsn> lsn = FirstLsnOfName(name)) segments.push_back(*lsn);
  }
  std::sort(segments.begin(), segments.end());
  return segments;
}

absl::StatusOr<bool> IsTornTail(base::FileSystem* files, const std::string& directory,
                                Stream stream, const Damage& damage) {
  if (damage.sealed || damage.quarantined.has_value()) return false;
  FULCRUM_ASSIGN_OR_RETURN(const std::unique_ptr<StreamReader> ahead,
                           StreamReader::Open(files, directory, stream, damage.lsn - 1));
  RecordView record;
  Found found = Found::kRecord;
  while (found == Found::kRecord) {
    FULCRUM_ASSIGN_OR_RETURN(found, ahead->Next(&record));
  }
  if (found == Found::kEnd) return true;
  // An earlier place in the same segment (the reader begins at its start): certainly not the end.
  if (ahead->damage().offset != damage.offset || ahead->damage().segment != damage.segment) {
    return false;
  }
  return ahead->DamageIsTornTail();
}

absl::StatusOr<std::unique_ptr<StreamReader>> StreamReader::Open(base::FileSystem* files,
                                                                 const std::string& directory,
                                                                 Stream stream, Lsn after,
                                                                 Checks checks) {
  std::unique_ptr<StreamReader> reader(new StreamReader(files, directory, stream, after, checks));
  FULCRUM_RETURN_IF_ERROR(reader->ReadGaps());
  if (reader->segments_.empty()) {
    reader->expected_lsn_ = after == ~Lsn{0} ? after : after + 1;
    return reader;
  }
  const auto& segments = reader->segments_;
  const auto beyond =
      std::upper_bound(segments.begin(), segments.end(), after == ~Lsn{0} ? after : after + 1);
  const size_t first =
      beyond == segments.begin() ? 0 : static_cast<size_t>(beyond - segments.begin()) - 1;
  if (first == 0) reader->TellGapsBefore(segments.front());
  reader->expected_lsn_ = segments[first];
  FULCRUM_ASSIGN_OR_RETURN(const Found found, reader->EnterSegment(first));
  if (found == Found::kDamaged) reader->due_.push_back(reader->damage_);
  if (found == Found::kRecord && checks == Checks::kRecords) {
    FULCRUM_RETURN_IF_ERROR(reader->PassOver());
  }
  return reader;
}

// The segments before the manifests: one that is moved meanwhile is then missing or explained.
absl::Status StreamReader::ReadGaps() {
  FULCRUM_ASSIGN_OR_RETURN(segments_, ListSegments(files_, directory_, stream_));
  FULCRUM_ASSIGN_OR_RETURN(quarantines_, ReadQuarantines(files_, directory_, stream_));
  return absl::OkStatus();
}

// The stream begins with `segment`, but for what was quarantined right before it.
void StreamReader::TellGapsBefore(Lsn segment) {
  if (after_ >= segment) return;
  expected_lsn_ = std::max(after_ + 1, quarantines_.Begin(segment));
  while (expected_lsn_ < segment && TellGap(quarantines_.Of(expected_lsn_))) {
    due_.push_back(damage_);
  }
}

// False if there is none.
bool StreamReader::TellGap(const Quarantine* gap) {
  if (gap == nullptr) return false;
  damage_ = {.segment = absl::StrCat(kQuarantineFolder, "/", SegmentOf(*gap)),
             .lsn = std::max(expected_lsn_, gap->first),
             .what = gap->reason,
             .quarantined = *gap};
  expected_lsn_ = gap->last + 1;
  joined_ = false;
  return true;
}

// Goes to the block that holds `after_` + 1, if the segment has an index.
absl::Status StreamReader::PassOver() {
  FULCRUM_ASSIGN_OR_RETURN(
      const std::optional<SegmentSummary> summary,
      ReadSummary(files_, absl::StrCat(directory_, "/", SegmentPath(segment()))));
  if (!summary.has_value()) return absl::OkStatus();
  const IndexEntry* block = nullptr;
  for (const IndexEntry& entry : summary->index) {
    if (entry.next_lsn <= after_ + 1) block = &entry;
  }
  if (block == nullptr || block->offset < scanner_->offset()) return absl::OkStatus();
  scanner_->Seek(block->offset);
  expected_lsn_ = block->next_lsn;
  joined_ = false;
  return absl::OkStatus();
}

std::string StreamReader::SegmentPath(Lsn first_lsn) const {
  return absl::StrCat(StreamName(stream_), "/", SegmentName(first_lsn));
}

Found StreamReader::Damaged(uint64_t offset, std::string_view what) {
  damage_ = {SegmentPath(segment()), offset, expected_lsn_, std::string(what)};
  return Found::kDamaged;
}

Found StreamReader::Sealed(uint64_t offset, std::string_view what) {
  Damaged(offset, what);
  damage_.sealed = true;
  return Found::kDamaged;
}

absl::StatusOr<Found> StreamReader::EnterNextSegment() {
  const bool adjoins = joined_;
  chain_known_ = adjoins && book_ != nullptr && book_->finished() && book_->chain_is_known();
  if (chain_known_) chain_ = book_->chain();
  book_.reset();
  return EnterSegment(current_ + 1);
}

// kRecord stands for "entered in order".
absl::StatusOr<Found> StreamReader::EnterSegment(size_t index) {
  current_ = index;
  left_ = false;
  auto scanner =
      SegmentScanner::Open(files_, absl::StrCat(directory_, "/", SegmentPath(segments_[index])));
  if (absl::IsNotFound(scanner.status())) {
    scanner_.reset();
    return Damaged(0, "the segment was removed while the log was read");
  }
  FULCRUM_RETURN_IF_ERROR(scanner.status());
  scanner_ = *std::move(scanner);
  const absl::StatusOr<SegmentHeader>& header = scanner_->header();
  if (header.ok()) return CheckHeader(*header);
  if (absl::IsUnimplemented(header.status())) return header.status();
  return Damaged(0, base::FromAbsl(header.status().message()));
}

absl::StatusOr<Found> StreamReader::CheckHeader(const SegmentHeader& header) {
  const Lsn first = segments_[current_];
  if (header.stream != stream_) return Damaged(0, "the segment belongs to another stream");
  if (header.first_lsn != first) {
    return Damaged(0, absl::StrCat("the segment begins with LSN ", header.first_lsn,
                                   ", its name says ", first));
  }
  version_ = header.version;
  if (checks_ == Checks::kBooks && version_ > 1) book_ = std::make_unique<SegmentBook>(header);
  if (first != expected_lsn_) {
    const Lsn expected = expected_lsn_;
    return Damaged(0, first > expected
                          ? absl::StrCat("records ", expected, " to ", first - 1, " are missing")
                          : absl::StrCat("the segment begins again with LSN ", first));
  }
  if (joined_ && header.previous_crc != last_crc_) {
    return Damaged(0, "the segment does not follow the one before it");
  }
  if (chain_known_ && header.chain != chain_) {
    return Sealed(0, "the SHA-256 chain does not lead from the segment before to this one");
  }
  last_crc_ = header.previous_crc;
  joined_ = true;
  return Found::kRecord;
}

void StreamReader::Accept(const RecordView& record) {
  last_crc_ = record.header.crc;
  joined_ = true;
  const RecordType type = record.header.type;
  expected_lsn_ = std::max(expected_lsn_, record.header.lsn + 1);
  ends_closed_ = type == RecordType::kMark && (record.header.flags & kFlagClosed) != 0;
  if (type == RecordType::kMark) {
    decisions_written_ = DecodeMark(record.payload).value_or(0);
    if ((record.header.flags & (kFlagClosed | kFlagUnclean)) != 0) {
      decisions_synced_ = decisions_written_;
      synced_by_close_ = ends_closed_;
    }
  }
  if (book_ == nullptr) return;
  if (book_->end() != record.offset) book_->Lose(record.offset);
  book_->Take(record.header, record.stored, record.payload);
}

absl::StatusOr<Found> StreamReader::Step(RecordView* record) {
  for (;;) {
    if (scanner_ == nullptr) return Found::kEnd;
    Found found = Found::kEnd;
    if (!left_) {
      FULCRUM_ASSIGN_OR_RETURN(found, scanner_->Next(record));
    }
    if (found == Found::kDamaged) return Damaged(scanner_->offset(), scanner_->what());
    if (found == Found::kRecord) {
      const Lsn expected = HasLsn(record->header.type) ? expected_lsn_ : expected_lsn_ - 1;
      if (record->header.lsn != expected) {
        return Damaged(record->offset, absl::StrCat("the record has LSN ", record->header.lsn));
      }
      if (!MayHold(stream_, record->header.type)) {
        return Damaged(record->offset, "the record belongs to the other stream");
      }
      if (joined_ && record->header.previous_crc != last_crc_) {
        return Damaged(record->offset, "the record does not follow the one before it");
      }
      if (book_ != nullptr) {
        const absl::Status right = book_->Check(record->header, record->payload);
        if (!right.ok()) return Sealed(record->offset, base::FromAbsl(right.message()));
      }
      Accept(*record);
      return Found::kRecord;
    }
    FULCRUM_ASSIGN_OR_RETURN(const Found entered, LeaveSegment());
    if (entered != Found::kRecord) return entered;
  }
}

// At the end of a segment: kRecord if the next one was entered in order, kDamaged also before a gap
// that is known.
absl::StatusOr<Found> StreamReader::LeaveSegment() {
  const bool last = current_ + 1 >= segments_.size();
  if (last || expected_lsn_ < segments_[current_ + 1]) {
    if (TellGap(quarantines_.Of(expected_lsn_))) return Found::kDamaged;
    const Lsn given = quarantines_.Given(expected_lsn_);
    if (!last && given != expected_lsn_) {
      expected_lsn_ = given;
      joined_ = false;
    }
  }
  return last ? Found::kEnd : EnterNextSegment();
}

absl::StatusOr<Found> StreamReader::Next(RecordView* record, bool marks) {
  if (!due_.empty()) {
    damage_ = std::move(due_.front());
    due_.pop_front();
    return Found::kDamaged;
  }
  if (segments_.empty()) {
    // Of a stream of which nothing else is left.
    const Quarantine* const gap = quarantines_.Next(expected_lsn_, ~Lsn{0});
    return TellGap(gap) ? Found::kDamaged : Found::kEnd;
  }
  for (;;) {
    FULCRUM_ASSIGN_OR_RETURN(const Found found, Step(record));
    if (found != Found::kRecord) return found;
    const RecordType type = record->header.type;
    if (HasLsn(type) ? record->header.lsn > after_ : marks && type == RecordType::kMark) {
      return found;
    }
  }
}

// Whether a record that was found behind damage can be the stream's: not an old one once more, not
// one of the next segments, not one of the other stream.
bool StreamReader::MayFollow(const RecordHeader& header) const {
  const Lsn next = HasLsn(header.type) ? header.lsn : header.lsn + 1;
  if (next < expected_lsn_ || !MayHold(stream_, header.type)) return false;
  if (current_ + 1 >= segments_.size()) return true;
  return next < segments_[current_ + 1] + (HasLsn(header.type) ? 0 : 1);
}

absl::StatusOr<Found> StreamReader::Resync(RecordView* record) {
  if (damage_.quarantined.has_value()) return Next(record);
  for (uint64_t from = damage_.offset;; from = scanner_->offset()) {
    if (scanner_ == nullptr) break;
    FULCRUM_ASSIGN_OR_RETURN(const Found found, scanner_->Resync(from, expected_lsn_ - 1, record));
    if (found != Found::kRecord) break;
    const bool own = HasLsn(record->header.type);
    if (!MayFollow(record->header)) continue;
    FULCRUM_ASSIGN_OR_RETURN(const bool stray, scanner_->IsStray(*record, expected_lsn_, stream_));
    if (stray) continue;
    FULCRUM_ASSIGN_OR_RETURN(const bool readable, scanner_->Decompress(record));
    if (!readable) continue;
    Accept(*record);
    if (!own || record->header.lsn <= after_) return Next(record);
    return found;
  }
  // That what comes next does not join is part of the damage that has been told.
  const bool last = current_ + 1 >= segments_.size();
  const Lsn next = last ? ~Lsn{0} : segments_[current_ + 1];
  joined_ = false;
  if (TellGap(quarantines_.Next(expected_lsn_, next))) {
    left_ = true;
    return Found::kDamaged;
  }
  if (last) return Found::kEnd;
  expected_lsn_ = std::max(expected_lsn_, next);
  FULCRUM_ASSIGN_OR_RETURN(const Found entered, EnterNextSegment());
  if (entered == Found::kDamaged) return entered;
  return Next(record);
}

absl::Status StreamReader::Refresh() {
  // In this order: a segment that is followed by another one was complete before it was listed.
  const Lsn current = segment();
  FULCRUM_RETURN_IF_ERROR(ReadGaps());
  const auto at = std::lower_bound(segments_.begin(), segments_.end(), current);
  if (scanner_ != nullptr && (at == segments_.end() || *at != current)) {
    segments_.insert(at, current);
  }
  current_ = static_cast<size_t>(std::find(segments_.begin(), segments_.end(), current) -
                                 segments_.begin());
  if (scanner_ != nullptr && scanner_->header().ok()) {
    scanner_->Refresh();
    return absl::OkStatus();
  }
  if (segments_.empty()) return absl::OkStatus();
  // There was no segment, or its writer had not come to its header yet.
  if (scanner_ == nullptr) {
    current_ = 0;
    expected_lsn_ = segments_.front();
  }
  FULCRUM_ASSIGN_OR_RETURN(const Found found, EnterSegment(current_));
  if (found == Found::kDamaged) due_.push_back(damage_);
  return absl::OkStatus();
}

absl::StatusOr<Found> StreamReader::LookAgain(RecordView* record) {
  FULCRUM_RETURN_IF_ERROR(Refresh());
  if (scanner_ != nullptr && damage_.offset != 0) scanner_->Seek(damage_.offset);
  FULCRUM_ASSIGN_OR_RETURN(const Found found, Next(record));
  const bool damaged = found == Found::kDamaged && !damage_.quarantined.has_value();
  return damaged ? Resync(record) : found;
}

absl::StatusOr<bool> StreamReader::DamageIsTornTail() {
  if (damage_.sealed) return false;
  if (scanner_ == nullptr) return false;  // not torn but removed
  // A segment that does not join the one before, but is whole, is no accident of writing.
  bool header_lost = damage_.offset == 0;
  if (header_lost && scanner_->header().ok()) return false;
  uint64_t from = damage_.offset;
  for (;;) {
    RecordView record;
    FULCRUM_ASSIGN_OR_RETURN(const Found found, scanner_->Resync(from, 0, &record));
    if (found == Found::kRecord) {
      // A segment's header is synced before its first record is written.
      if (header_lost || record.header.durable_lsn >= damage_.lsn) return false;
      from = scanner_->offset();
      continue;
    }
    if (quarantines_.Next(damage_.lsn, ~Lsn{0}) != nullptr) return false;
    if (current_ + 1 >= segments_.size()) return true;
    // A segment is begun only after the one before it was synced to its end.
    current_ += 1;
    FULCRUM_ASSIGN_OR_RETURN(
        scanner_, SegmentScanner::Open(
                      files_, absl::StrCat(directory_, "/", SegmentPath(segments_[current_]))));
    if (scanner_->header().ok()) return false;
    header_lost = true;
    from = 0;
  }
}

}  // namespace fulcrum::decision_log
