#include "decision_log/segment_scanner.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/strings.h"

namespace fulcrum::decision_log {
namespace {

constexpr size_t kWindowBytes = size_t{256} << 10;
// A writer finishes a record in far fewer looks; a file that never rests is taken as damaged.
constexpr int kLooksMax = 100;

bool AllZero(std::string_view bytes) {
  return bytes.find_first_not_of('\0') == std::string_view::npos;
}

}  // namespace

absl::StatusOr<std::unique_ptr<SegmentScanner>> SegmentScanner::Open(base::FileSystem* files,
                                                                     const std::string& path) {
  FULCRUM_ASSIGN_OR_RETURN(std::unique_ptr<base::ReadFile> file, files->OpenForRead(path));
  std::unique_ptr<SegmentScanner> scanner(new SegmentScanner(std::move(file)));
  FULCRUM_ASSIGN_OR_RETURN(const std::string_view bytes, scanner->Load(0, kSegmentHeaderBytes));
  scanner->header_ = DecodeSegmentHeader(bytes);
  return scanner;
}

absl::StatusOr<std::string_view> SegmentScanner::Load(uint64_t offset, size_t bytes) {
  const bool held = offset >= window_offset_ && offset + bytes <= window_offset_ + window_.size();
  if (!held) {
    // The file's size bounds the memory, whatever a damaged length says.
    FULCRUM_ASSIGN_OR_RETURN(const uint64_t size, file_->Size());
    const uint64_t left = offset < size ? size - offset : 0;
    window_.resize(std::min<uint64_t>(std::max(bytes, kWindowBytes), left));
    window_offset_ = offset;
    FULCRUM_ASSIGN_OR_RETURN(const size_t got, file_->Read(offset, window_.size(), window_.data()));
    window_.resize(got);
  }
  return std::string_view(window_).substr(offset - window_offset_, bytes);
}

Found SegmentScanner::Damaged(std::string_view what) {
  what_ = what;
  return Found::kDamaged;
}

absl::StatusOr<Found> SegmentScanner::Next(RecordView* record) {
  FULCRUM_ASSIGN_OR_RETURN(Found found, Look(record));
  for (int looks = 1; found == Found::kDamaged && looks < kLooksMax; ++looks) {
    const std::string before = window_;
    const uint64_t before_offset = window_offset_;
    window_.clear();
    FULCRUM_ASSIGN_OR_RETURN(found, Look(record));
    if (before_offset == window_offset_ && before == window_) break;
  }
  return found;
}

absl::StatusOr<Found> SegmentScanner::Look(RecordView* record) {
  FULCRUM_ASSIGN_OR_RETURN(std::string_view bytes, Load(offset_, kRecordHeaderBytes));
  if (AllZero(bytes)) return LookAtZeros();
  if (bytes.size() < kRecordHeaderBytes) return Damaged("the record header is cut short");
  const RecordHeader header = DecodeRecordHeader(bytes);
  if (header.payload_bytes > kPayloadBytesMax) {
    return Damaged("the record's length is impossible");
  }
  const size_t whole = RecordBytes(header.payload_bytes);
  FULCRUM_ASSIGN_OR_RETURN(bytes, Load(offset_, whole));
  if (bytes.size() < whole) return Damaged("the record is cut short");
  const absl::Status check = CheckRecord(bytes);
  if (!check.ok()) return Damaged(base::FromAbsl(check.message()));
  *record = {header, bytes.substr(kRecordHeaderBytes, header.payload_bytes), offset_};
  offset_ += whole;
  return Found::kRecord;
}

// Zeros to the end are room that was reserved; zeros before something are a hole.
absl::StatusOr<Found> SegmentScanner::LookAtZeros() {
  for (uint64_t at = offset_;;) {
    FULCRUM_ASSIGN_OR_RETURN(const std::string_view bytes, Load(at, kWindowBytes));
    if (bytes.empty()) return Found::kEnd;
    if (!AllZero(bytes)) return Damaged("there are zeros where a record should be");
    at += bytes.size();
  }
}

absl::StatusOr<bool> SegmentScanner::TryRecordAt(uint64_t offset, Lsn lsn_min, RecordView* record) {
  FULCRUM_ASSIGN_OR_RETURN(std::string_view bytes, Load(offset, kRecordHeaderBytes));
  if (bytes.size() < kRecordHeaderBytes) return false;
  const RecordHeader header = DecodeRecordHeader(bytes);
  const bool plausible = header.crc != 0 && header.payload_bytes <= kPayloadBytesMax &&
                         header.lsn >= lsn_min && header.flags <= kFlagsKnown;
  if (!plausible) return false;
  const size_t whole = RecordBytes(header.payload_bytes);
  FULCRUM_ASSIGN_OR_RETURN(bytes, Load(offset, whole));
  if (bytes.size() < whole || !CheckRecord(bytes).ok()) return false;
  *record = {header, bytes.substr(kRecordHeaderBytes, header.payload_bytes), offset};
  return true;
}

absl::StatusOr<Found> SegmentScanner::Resync(uint64_t from, Lsn lsn_min, RecordView* record) {
  FULCRUM_ASSIGN_OR_RETURN(const uint64_t size, file_->Size());
  for (uint64_t at = std::max<uint64_t>(from, kSegmentHeaderBytes); at + kRecordHeaderBytes <= size;
       at += kRecordAlignment) {
    FULCRUM_ASSIGN_OR_RETURN(const bool found, TryRecordAt(at, lsn_min, record));
    if (!found) continue;
    offset_ = at + RecordBytes(record->header.payload_bytes);
    return Found::kRecord;
  }
  return Found::kEnd;
}

}  // namespace fulcrum::decision_log
