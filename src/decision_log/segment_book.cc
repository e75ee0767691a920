#include "decision_log/segment_book.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace fulcrum::decision_log {
namespace {

// A block record's payload: where its block begins, and the chain to its end.
constexpr size_t kBlockPayloadBytes = sizeof(uint64_t) + sizeof(base::Sha256Digest);

std::string_view ViewOf(const base::Sha256Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

base::Sha256Digest ChainOfBlock(std::string_view payload) {
  base::Sha256Digest chain;
  std::memcpy(chain.data(), payload.data() + sizeof(uint64_t), chain.size());
  return chain;
}

void Widen(int64_t time_us, bool first, int64_t* min, int64_t* max) {
  *min = first ? time_us : std::min(*min, time_us);
  *max = first ? time_us : std::max(*max, time_us);
}

}  // namespace

std::optional<DecisionId> DecisionOfPayload(RecordType type, std::string_view payload) {
  switch (type) {
    case RecordType::kDecision:
    case RecordType::kExposure:
    case RecordType::kOutcome:
    case RecordType::kSuperseded:
    case RecordType::kUnshown:
    case RecordType::kSettlement:
    case RecordType::kFeatureSnapshot:
      break;
    default:
      return std::nullopt;
  }
  // Each of them has it as field 1, 16 bytes, which Protobuf writes first.
  constexpr size_t kIdBytes = 16;
  if (payload.size() < 2 + kIdBytes || payload[0] != 0x0a || payload[1] != kIdBytes) {
    return std::nullopt;
  }
  const auto id = DecisionId::FromBytes(payload.substr(2, kIdBytes));
  if (!id.ok()) return std::nullopt;
  return *id;
}

SegmentBook::SegmentBook(const SegmentHeader& header)
    : end_(header.bytes()), next_lsn_(header.first_lsn) {
  BeginBlock(header.chain);
  block_.offset = 0;
  sha_.Update(EncodeSegmentHeader(header));
}

void SegmentBook::BeginBlock(const base::Sha256Digest& chain) {
  sha_.Restart();
  sha_.Update(ViewOf(chain));
  block_ = IndexEntry{.offset = end_, .next_lsn = next_lsn_};
  block_empty_ = true;
  ids_.clear();
}

IndexEntry SegmentBook::OpenEntry() const {
  IndexEntry entry = block_;
  entry.ids = IdFilter::Of(ids_);
  return entry;
}

std::string SegmentBook::Block() const {
  std::string payload(sizeof(uint64_t), '\0');
  std::memcpy(payload.data(), &block_.offset, sizeof(uint64_t));
  payload += ViewOf(sha_.Digest());
  return payload;
}

std::vector<IndexEntry> SegmentBook::Index() const {
  std::vector<IndexEntry> entries = entries_;
  entries.push_back(OpenEntry());
  return entries;
}

SegmentFooter SegmentBook::Footer(uint64_t index_offset) const {
  return {.index_offset = index_offset,
          .last_lsn = next_lsn_ - 1,
          .dictionary_offset = dictionary_offset_,
          .stats = stats_,
          .chain = sha_.Digest()};
}

uint64_t SegmentBook::finish_bytes() const {
  constexpr uint64_t kPerBlock = 48;
  constexpr uint64_t kPerRecord = 2;
  const uint64_t copy =
      dictionary_copies_ == 1 ? RecordBytes(dictionary_.size()) : 0;  // its second one
  return kFooterRecordBytes + kRecordHeaderBytes + copy + (entries_.size() + 1) * kPerBlock +
         stats_.records * kPerRecord;
}

absl::Status SegmentBook::Check(const RecordHeader& header, std::string_view payload) const {
  if (header.type == RecordType::kBlock) {
    if (payload.size() != kBlockPayloadBytes) {
      return absl::DataLossError(
          absl::StrCat("a block record has a payload of ", kBlockPayloadBytes, " bytes"));
    }
    if (!chain_known_ || payload == Block()) return absl::OkStatus();
    return absl::DataLossError(absl::StrCat("the SHA-256 chain says that the block from offset ",
                                            block_.offset, " to here was changed"));
  }
  if (header.type == RecordType::kIndex) {
    std::vector<IndexEntry> entries;
    return DecodeIndex(payload, &entries);
  }
  if (header.type != RecordType::kFooter) return absl::OkStatus();
  FULCRUM_ASSIGN_OR_RETURN(const SegmentFooter footer, DecodeFooter(payload));
  if (!whole_) return absl::OkStatus();
  if (footer.chain != chain()) {
    return absl::DataLossError(absl::StrCat("the SHA-256 chain says that something from offset ",
                                            block_.offset, " to the footer was changed"));
  }
  if (!(footer == Footer(footer.index_offset))) {
    return absl::DataLossError("the segment's footer is not what its records add up to");
  }
  if (read_ != Index()) {
    return absl::DataLossError("the segment's index is not what its records add up to");
  }
  return absl::OkStatus();
}

void SegmentBook::Take(const RecordHeader& header, std::string_view stored,
                       std::string_view payload) {
  if (header.type == RecordType::kBlock && payload.size() == kBlockPayloadBytes) {
    entries_.push_back(OpenEntry());
    BeginBlock(ChainOfBlock(payload));
    chain_known_ = true;
  }
  sha_.Update(stored);
  if (header.type == RecordType::kIndex) {
    if (!DecodeIndex(payload, &read_).ok()) read_.clear();
  } else if (header.type != RecordType::kFooter) {
    read_.clear();
  }
  if (header.type == RecordType::kDictionary) {
    if (dictionary_copies_++ == 0) {
      dictionary_ = payload;
      dictionary_offset_ = end_;
    }
    last_dictionary_offset_ = end_;
  }
  if (HasLsn(header.type)) TakeOwnLsn(header, payload);
  finished_ = header.type == RecordType::kFooter;
  end_ += stored.size();
}

void SegmentBook::TakeOwnLsn(const RecordHeader& header, std::string_view payload) {
  Widen(header.time_us, block_empty_, &block_.min_time_us, &block_.max_time_us);
  block_empty_ = false;
  Widen(header.time_us, stats_.records == 0, &stats_.min_time_us, &stats_.max_time_us);
  const auto type = static_cast<size_t>(header.type);
  if (type < stats_.by_type.size()) ++stats_.by_type[type];
  ++stats_.records;
  stats_.payload_bytes += payload.size();
  stats_.stored_bytes += header.payload_bytes;
  if (const auto id = DecisionOfPayload(header.type, payload)) ids_.push_back(*id);
  next_lsn_ = header.lsn + 1;
}

void SegmentBook::Lose(uint64_t offset) {
  whole_ = false;
  chain_known_ = false;
  end_ = offset;
}

namespace {

// The record at the front of `bytes`, which is taken off; nothing if it is not a whole one of
// `type`.
std::optional<std::string_view> TakePayload(RecordType type, std::string_view* bytes) {
  if (bytes->size() < kRecordHeaderBytes) return std::nullopt;
  const RecordHeader header = DecodeRecordHeader(*bytes);
  if (header.type != type || header.payload_bytes > kPayloadBytesMax) return std::nullopt;
  const size_t whole = RecordBytes(header.payload_bytes);
  if (bytes->size() < whole || !CheckRecord(bytes->substr(0, whole)).ok()) return std::nullopt;
  const std::string_view payload = bytes->substr(kRecordHeaderBytes, header.payload_bytes);
  bytes->remove_prefix(whole);
  return payload;
}

// `length` bytes; fewer if the file ends before.
absl::StatusOr<std::string> ReadAt(const base::ReadFile& file, uint64_t offset, uint64_t length) {
  std::string bytes(length, '\0');
  FULCRUM_ASSIGN_OR_RETURN(const size_t got, file.Read(offset, bytes.size(), bytes.data()));
  bytes.resize(got);
  return bytes;
}

}  // namespace

absl::StatusOr<std::optional<SegmentSummary>> ReadSummary(base::FileSystem* files,
                                                          const std::string& path) {
  constexpr auto kNone = std::nullopt;
  FULCRUM_ASSIGN_OR_RETURN(const std::unique_ptr<base::ReadFile> file, files->OpenForRead(path));
  FULCRUM_ASSIGN_OR_RETURN(const uint64_t size, file->Size());
  if (size < kSegmentHeaderBytes + kFooterRecordBytes) return kNone;
  FULCRUM_ASSIGN_OR_RETURN(const std::string begin, ReadAt(*file, 0, kSegmentHeaderBytes));
  const auto header = DecodeSegmentHeader(begin);
  if (!header.ok()) return kNone;
  const uint64_t footer_at = size - kFooterRecordBytes;
  FULCRUM_ASSIGN_OR_RETURN(const std::string end, ReadAt(*file, footer_at, kFooterRecordBytes));
  std::string_view rest = end;
  const auto payload = TakePayload(RecordType::kFooter, &rest);
  if (!payload.has_value()) return kNone;
  const auto footer = DecodeFooter(*payload);
  if (!footer.ok() || footer->index_offset < kSegmentHeaderBytes ||
      footer->index_offset > footer_at) {
    return kNone;
  }
  SegmentSummary summary{.header = *header, .footer = *footer};
  FULCRUM_ASSIGN_OR_RETURN(const std::string index,
                           ReadAt(*file, footer->index_offset, footer_at - footer->index_offset));
  for (rest = index; !rest.empty();) {
    const auto part = TakePayload(RecordType::kIndex, &rest);
    if (!part.has_value() || !DecodeIndex(*part, &summary.index).ok()) return kNone;
  }
  return summary;
}

}  // namespace fulcrum::decision_log
