#include "decision_log/segment_scanner.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/strings.h"

namespace fulcrum::decision_log {
namespace {

constexpr size_t kWindowBytes = size_t{256} << 10;
// A writer finishes a record in far fewer looks; a file that never rests is taken as damaged.
constexpr int kLooksMax = 100;
// So many bytes of records in a row are no write that went astray.
constexpr uint64_t kRunTrustedBytes = uint64_t{64} << 10;
// How far is looked ahead if there is damage after damage.
constexpr size_t kRunsMax = 32;

bool AllZero(std::string_view bytes) {
  return bytes.find_first_not_of('\0') == std::string_view::npos;
}

}  // namespace

absl::StatusOr<std::unique_ptr<SegmentScanner>> SegmentScanner::Open(base::FileSystem* files,
                                                                     const std::string& path) {
  FULCRUM_ASSIGN_OR_RETURN(std::shared_ptr<base::ReadFile> file, files->OpenForRead(path));
  std::unique_ptr<SegmentScanner> scanner(new SegmentScanner(std::move(file)));
  FULCRUM_ASSIGN_OR_RETURN(const std::string_view bytes, scanner->Load(0, kSegmentHeaderBytes));
  scanner->header_ = DecodeSegmentHeader(bytes);
  // Of a header that cannot be read, the size is not known either: records may begin this early.
  scanner->offset_ = scanner->header_.ok() ? scanner->header_->bytes() : kSegmentHeaderBytesV1;
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
  *record = {header, bytes.substr(kRecordHeaderBytes, header.payload_bytes), offset_, bytes};
  const absl::Status unpacked = Unpack(record);
  if (absl::IsDataLoss(unpacked)) return Damaged(base::FromAbsl(unpacked.message()));
  FULCRUM_RETURN_IF_ERROR(unpacked);
  offset_ += whole;
  return Found::kRecord;
}

// DATA_LOSS if the payload is not legal; other errors are those of reading.
absl::Status SegmentScanner::Unpack(RecordView* record) {
  const uint8_t flags = record->header.flags;
  if (record->header.type == RecordType::kDictionary && decompressor_.dictionary_tag() == 0) {
    const absl::Status taken = decompressor_.SetDictionary(record->payload);
    if (!taken.ok()) return absl::DataLossError(taken.message());
  }
  if ((flags & kFlagCompressed) == 0) return absl::OkStatus();
  const uint16_t tag = record->header.dictionary;
  if (tag != 0 && decompressor_.dictionary_tag() != tag) {
    FULCRUM_RETURN_IF_ERROR(FindDictionary(tag));
    if (decompressor_.dictionary_tag() != tag) {
      return absl::DataLossError("the record's dictionary cannot be read");
    }
  }
  FULCRUM_ASSIGN_OR_RETURN(record->payload, decompressor_.Decompress(record->payload, flags));
  return absl::OkStatus();
}

// The segment repeats its dictionary, so that damage to one copy, or beginning to read in the
// middle, costs nothing but this search.
absl::Status SegmentScanner::FindDictionary(uint16_t tag) {
  if (dictionary_missing_ == tag) return absl::OkStatus();
  SegmentScanner other(file_);
  for (uint64_t from = 0;; from = other.offset()) {
    RecordView record;
    FULCRUM_ASSIGN_OR_RETURN(const Found found, other.Resync(from, 0, &record));
    if (found != Found::kRecord) break;
    if (record.header.type != RecordType::kDictionary) continue;
    if (DictionaryTag(record.payload) != tag) continue;
    if (decompressor_.SetDictionary(record.payload).ok()) return absl::OkStatus();
  }
  dictionary_missing_ = tag;
  return absl::OkStatus();
}

// `record` and those behind it that follow each other, up to kRunTrustedBytes.
absl::StatusOr<SegmentScanner::Run> SegmentScanner::RunFrom(const RecordView& record,
                                                            Stream stream) {
  const auto begins = [](const RecordHeader& header) {
    return HasLsn(header.type) ? header.lsn : header.lsn + 1;
  };
  Run run{.first_lsn = begins(record.header),
          .last_lsn = record.header.lsn,
          .end = record.offset + record.stored.size(),
          .bytes = record.stored.size(),
          .foreign = !MayHold(stream, record.header.type)};
  uint32_t crc = record.header.crc;
  while (run.bytes < kRunTrustedBytes) {
    RecordView next;
    FULCRUM_ASSIGN_OR_RETURN(const bool whole, TryRecordAt(run.end, run.last_lsn, &next));
    if (!whole || next.header.previous_crc != crc) break;
    crc = next.header.crc;
    run.foreign = run.foreign || !MayHold(stream, next.header.type);
    run.last_lsn = next.header.lsn;
    run.end += next.stored.size();
    run.bytes += next.stored.size();
  }
  return run;
}

// Looks at the runs of records from `record` on. Those that belong here have ascending LSNs; if
// more bytes of them are in order without the first run than with it, it is stray.
absl::StatusOr<bool> SegmentScanner::IsStray(const RecordView& record, Lsn lsn_min, Stream stream) {
  SegmentScanner other(file_);
  std::vector<Run> runs;
  RecordView next = record;
  for (bool more = true; more;) {
    FULCRUM_ASSIGN_OR_RETURN(const Run run, other.RunFrom(next, stream));
    if (run.foreign && runs.empty()) return true;
    if (!run.foreign) runs.push_back(run);
    if (run.bytes >= kRunTrustedBytes || runs.size() == kRunsMax) break;
    FULCRUM_ASSIGN_OR_RETURN(const Found found, other.Resync(run.end, lsn_min, &next));
    more = found == Found::kRecord;
  }
  uint64_t without = 0;
  for (size_t i = runs.size(); i-- > 0;) {
    uint64_t behind = 0;
    for (size_t j = i + 1; j < runs.size(); ++j) {
      if (runs[j].first_lsn > runs[i].last_lsn) behind = std::max(behind, runs[j].in_order);
    }
    runs[i].in_order = runs[i].bytes + behind;
    if (i > 0) without = std::max(without, runs[i].in_order);
  }
  return without > runs[0].in_order;
}

absl::StatusOr<bool> SegmentScanner::Decompress(RecordView* record) {
  const absl::Status unpacked = Unpack(record);
  if (absl::IsDataLoss(unpacked)) return false;
  FULCRUM_RETURN_IF_ERROR(unpacked);
  return true;
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
  *record = {header, bytes.substr(kRecordHeaderBytes, header.payload_bytes), offset, bytes};
  return true;
}

absl::StatusOr<Found> SegmentScanner::Resync(uint64_t from, Lsn lsn_min, RecordView* record) {
  FULCRUM_ASSIGN_OR_RETURN(const uint64_t size, file_->Size());
  for (uint64_t at = std::max<uint64_t>(from, kSegmentHeaderBytesV1);
       at + kRecordHeaderBytes <= size; at += kRecordAlignment) {
    FULCRUM_ASSIGN_OR_RETURN(const bool found, TryRecordAt(at, lsn_min, record));
    if (!found) continue;
    offset_ = at + RecordBytes(record->header.payload_bytes);
    return Found::kRecord;
  }
  return Found::kEnd;
}

}  // namespace fulcrum::decision_log
