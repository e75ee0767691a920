#include "decision_log/stream_reader.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "base/strings.h"

namespace fulcrum::decision_log {

std::string ToString(const Damage& damage) {
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
                                                                 Stream stream, Lsn after) {
  std::unique_ptr<StreamReader> reader(new StreamReader(files, directory, stream, after));
  FULCRUM_ASSIGN_OR_RETURN(reader->segments_, ListSegments(files, directory, stream));
  if (reader->segments_.empty()) return reader;
  const auto& segments = reader->segments_;
  const auto beyond =
      std::upper_bound(segments.begin(), segments.end(), after == ~Lsn{0} ? after : after + 1);
  const size_t first =
      beyond == segments.begin() ? 0 : static_cast<size_t>(beyond - segments.begin()) - 1;
  reader->expected_lsn_ = segments[first];
  FULCRUM_ASSIGN_OR_RETURN(const Found found, reader->EnterSegment(first));
  reader->pending_ = found == Found::kDamaged;
  return reader;
}

std::string StreamReader::SegmentPath(Lsn first_lsn) const {
  return absl::StrCat(StreamName(stream_), "/", SegmentName(first_lsn));
}

Found StreamReader::Damaged(uint64_t offset, std::string_view what) {
  damage_ = {SegmentPath(segment()), offset, expected_lsn_, std::string(what)};
  return Found::kDamaged;
}

// kRecord stands for "entered in order".
absl::StatusOr<Found> StreamReader::EnterSegment(size_t index) {
  current_ = index;
  const Lsn first = segments_[index];
  FULCRUM_ASSIGN_OR_RETURN(
      scanner_, SegmentScanner::Open(files_, absl::StrCat(directory_, "/", SegmentPath(first))));
  const absl::StatusOr<SegmentHeader>& header = scanner_->header();
  if (!header.ok()) {
    if (absl::IsUnimplemented(header.status())) return header.status();
    return Damaged(0, base::FromAbsl(header.status().message()));
  }
  if (header->stream != stream_) return Damaged(0, "the segment belongs to another stream");
  if (header->first_lsn != first) {
    return Damaged(0, absl::StrCat("the segment begins with LSN ", header->first_lsn,
                                   ", its name says ", first));
  }
  if (first != expected_lsn_) {
    const Lsn expected = expected_lsn_;
    return Damaged(0, first > expected
                          ? absl::StrCat("records ", expected, " to ", first - 1, " are missing")
                          : absl::StrCat("the segment begins again with LSN ", first));
  }
  if (joined_ && header->previous_crc != last_crc_) {
    return Damaged(0, "the segment does not follow the one before it");
  }
  last_crc_ = header->previous_crc;
  joined_ = true;
  return Found::kRecord;
}

void StreamReader::Accept(const RecordView& record) {
  last_crc_ = record.header.crc;
  joined_ = true;
  const bool mark = record.header.type == RecordType::kMark;
  expected_lsn_ = std::max(expected_lsn_, record.header.lsn + 1);
  ends_closed_ = mark && (record.header.flags & kFlagClosed) != 0;
}

absl::StatusOr<Found> StreamReader::Step(RecordView* record) {
  for (;;) {
    FULCRUM_ASSIGN_OR_RETURN(const Found found, scanner_->Next(record));
    if (found == Found::kDamaged) return Damaged(scanner_->offset(), scanner_->what());
    if (found == Found::kRecord) {
      const bool mark = record->header.type == RecordType::kMark;
      const Lsn expected = mark ? expected_lsn_ - 1 : expected_lsn_;
      if (record->header.lsn != expected) {
        return Damaged(record->offset, absl::StrCat("the record has LSN ", record->header.lsn));
      }
      if (record->header.previous_crc != last_crc_) {
        return Damaged(record->offset, "the record does not follow the one before it");
      }
      Accept(*record);
      return Found::kRecord;
    }
    if (current_ + 1 >= segments_.size()) return Found::kEnd;
    FULCRUM_ASSIGN_OR_RETURN(const Found entered, EnterSegment(current_ + 1));
    if (entered == Found::kDamaged) return Found::kDamaged;
  }
}

absl::StatusOr<Found> StreamReader::Next(RecordView* record, bool marks) {
  if (segments_.empty()) return Found::kEnd;
  if (pending_) {
    pending_ = false;
    return Found::kDamaged;
  }
  for (;;) {
    FULCRUM_ASSIGN_OR_RETURN(const Found found, Step(record));
    if (found != Found::kRecord) return found;
    const bool mark = record->header.type == RecordType::kMark;
    if (mark ? marks : record->header.lsn > after_) return found;
  }
}

absl::StatusOr<Found> StreamReader::Resync(RecordView* record) {
  for (uint64_t from = damage_.offset;; from = scanner_->offset()) {
    FULCRUM_ASSIGN_OR_RETURN(const Found found, scanner_->Resync(from, expected_lsn_ - 1, record));
    if (found != Found::kRecord) break;
    const bool mark = record->header.type == RecordType::kMark;
    if (!mark && record->header.lsn < expected_lsn_) continue;  // an old one, once more
    Accept(*record);
    if (mark || record->header.lsn <= after_) return Next(record);
    return found;
  }
  if (current_ + 1 >= segments_.size()) return Found::kEnd;
  // That the next segment does not join is part of the damage that has been told.
  joined_ = false;
  expected_lsn_ = std::max(expected_lsn_, segments_[current_ + 1]);
  FULCRUM_ASSIGN_OR_RETURN(const Found entered, EnterSegment(current_ + 1));
  if (entered == Found::kDamaged) return entered;
  return Next(record);
}

absl::StatusOr<bool> StreamReader::DamageIsTornTail() {
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
