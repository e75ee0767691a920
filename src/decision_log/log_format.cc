#include "decision_log/log_format.h"

#include <bit>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/check.h"
#include "base/hash.h"

namespace fulcrum::decision_log {
namespace {

static_assert(std::endian::native == std::endian::little, "numbers are copied as they are");

// Places of the segment header's fields. The checksum ends it; before it are zeros.
constexpr size_t kAtMagic = 0;
constexpr size_t kAtVersion = 8;
constexpr size_t kAtStream = 10;
constexpr size_t kAtZeroByte = 11;
constexpr size_t kAtHeaderBytes = 12;
constexpr size_t kAtFirstLsn = 16;
constexpr size_t kAtCreated = 24;
constexpr size_t kAtSegmentPrevious = 32;
constexpr size_t kAtZeros = 36;
constexpr size_t kAtChain = 64;  // not in version 1
constexpr size_t kAtZerosBehindChain = kAtChain + sizeof(base::Sha256Digest);
constexpr size_t kSegmentCrcBytes = sizeof(uint32_t);

// Places of the record header's fields.
constexpr size_t kAtCrc = 0;
constexpr size_t kAtPayloadBytes = 4;
constexpr size_t kAtType = 8;
constexpr size_t kAtFlags = 9;
constexpr size_t kAtDictionary = 10;
constexpr size_t kAtPrevious = 12;
constexpr size_t kAtLsn = 16;
constexpr size_t kAtTime = 24;
constexpr size_t kAtDurable = 32;
static_assert(kAtDurable + sizeof(uint64_t) == kRecordHeaderBytes);

template <typename T>
void Put(T value, char* bytes) {
  std::memcpy(bytes, &value, sizeof(value));
}

template <typename T>
T Get(std::string_view bytes, size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof(value));
  return value;
}

bool IsKnownType(uint8_t type) {
  switch (static_cast<RecordType>(type)) {
    case RecordType::kDecision:
    case RecordType::kExposure:
    case RecordType::kOutcome:
    case RecordType::kSuperseded:
    case RecordType::kUnshown:
    case RecordType::kSettlement:
    case RecordType::kPosteriorUpdate:
    case RecordType::kPriceUpdate:
    case RecordType::kLease:
    case RecordType::kAudit:
    case RecordType::kIdentity:
    case RecordType::kFeatureSnapshot:
    case RecordType::kMark:
    case RecordType::kBlock:
    case RecordType::kDictionary:
    case RecordType::kIndex:
    case RecordType::kFooter:
      return true;
  }
  return false;
}

bool AllZero(std::string_view bytes) {
  return bytes.find_first_not_of('\0') == std::string_view::npos;
}

}  // namespace

uint32_t MaskCrc(uint32_t crc) {
  return std::rotr(crc, 15) + 0xa282ead8u;
}

uint16_t DictionaryTag(std::string_view dictionary) {
  const auto tag = static_cast<uint16_t>(base::Crc32c(dictionary));
  return tag == 0 ? uint16_t{1} : tag;
}

std::string EncodeSegmentHeader(const SegmentHeader& header) {
  std::string bytes(header.bytes(), '\0');
  std::memcpy(&bytes[kAtMagic], kSegmentMagic, sizeof(kSegmentMagic));
  Put(header.version, &bytes[kAtVersion]);
  Put(static_cast<uint8_t>(header.stream), &bytes[kAtStream]);
  Put(static_cast<uint32_t>(bytes.size()), &bytes[kAtHeaderBytes]);
  Put(header.first_lsn, &bytes[kAtFirstLsn]);
  Put(header.created_us, &bytes[kAtCreated]);
  Put(header.previous_crc, &bytes[kAtSegmentPrevious]);
  if (header.version > 1) std::memcpy(&bytes[kAtChain], header.chain.data(), header.chain.size());
  const size_t at_crc = bytes.size() - kSegmentCrcBytes;
  Put(MaskCrc(base::Crc32c(std::string_view(bytes).substr(0, at_crc))), &bytes[at_crc]);
  return bytes;
}

absl::StatusOr<SegmentHeader> DecodeSegmentHeader(std::string_view bytes) {
  if (bytes.size() < kSegmentHeaderBytesV1) {
    return absl::DataLossError("the segment header is cut short");
  }
  if (bytes.substr(kAtMagic, sizeof(kSegmentMagic)) !=
      std::string_view(kSegmentMagic, sizeof(kSegmentMagic))) {
    return absl::DataLossError("the segment header does not begin with the magic bytes");
  }
  // Where the checksum is follows from the size: a version that is not known yet has it too.
  const auto size = Get<uint32_t>(bytes, kAtHeaderBytes);
  if (size < kSegmentHeaderBytesV1 || size > bytes.size()) {
    return absl::DataLossError("the segment header is cut short");
  }
  bytes = bytes.substr(0, size);
  const size_t at_crc = size - kSegmentCrcBytes;
  if (Get<uint32_t>(bytes, at_crc) != MaskCrc(base::Crc32c(bytes.substr(0, at_crc)))) {
    return absl::DataLossError("the segment header's checksum is wrong");
  }
  SegmentHeader header;
  header.version = Get<uint16_t>(bytes, kAtVersion);
  if (header.version < kFormatVersionOldest || header.version > kFormatVersion) {
    return absl::UnimplementedError(absl::StrCat(
        "the segment has format version ", header.version, "; this build reads versions ",
        kFormatVersionOldest, " to ", kFormatVersion, ": use the build that wrote it"));
  }
  header.stream = static_cast<Stream>(Get<uint8_t>(bytes, kAtStream));
  header.first_lsn = Get<uint64_t>(bytes, kAtFirstLsn);
  header.created_us = Get<int64_t>(bytes, kAtCreated);
  header.previous_crc = Get<uint32_t>(bytes, kAtSegmentPrevious);
  bool zeros = bytes[kAtZeroByte] == 0;
  if (header.version == 1) {
    zeros = zeros && AllZero(bytes.substr(kAtZeros, at_crc - kAtZeros));
  } else {
    zeros = zeros && AllZero(bytes.substr(kAtZeros, kAtChain - kAtZeros)) &&
            AllZero(bytes.substr(kAtZerosBehindChain, at_crc - kAtZerosBehindChain));
    std::memcpy(header.chain.data(), &bytes[kAtChain], header.chain.size());
  }
  const bool known = header.stream == Stream::kDecisions || header.stream == Stream::kFeatures;
  if (!known || !zeros || header.first_lsn == 0 || size != header.bytes()) {
    return absl::DataLossError("the segment header holds impossible values");
  }
  return header;
}

uint32_t AppendRecord(const RecordHeader& header, std::string_view payload, std::string* buffer) {
  FULCRUM_CHECK(payload.size() <= kPayloadBytesMax);
  const size_t start = buffer->size();
  buffer->resize(start + RecordBytes(payload.size()), '\0');
  char* const bytes = buffer->data() + start;
  Put(static_cast<uint32_t>(payload.size()), bytes + kAtPayloadBytes);
  Put(static_cast<uint8_t>(header.type), bytes + kAtType);
  Put(header.flags, bytes + kAtFlags);
  Put(header.dictionary, bytes + kAtDictionary);
  Put(header.previous_crc, bytes + kAtPrevious);
  Put(header.lsn, bytes + kAtLsn);
  Put(header.time_us, bytes + kAtTime);
  Put(header.durable_lsn, bytes + kAtDurable);
  if (!payload.empty()) std::memcpy(bytes + kRecordHeaderBytes, payload.data(), payload.size());
  const std::string_view record(bytes, buffer->size() - start);
  const uint32_t crc = MaskCrc(base::Crc32c(record.substr(kAtPayloadBytes)));
  Put(crc, bytes + kAtCrc);
  return crc;
}

RecordHeader DecodeRecordHeader(std::string_view bytes) {
  RecordHeader header;
  header.crc = Get<uint32_t>(bytes, kAtCrc);
  header.payload_bytes = Get<uint32_t>(bytes, kAtPayloadBytes);
  header.type = static_cast<RecordType>(Get<uint8_t>(bytes, kAtType));
  header.flags = Get<uint8_t>(bytes, kAtFlags);
  header.dictionary = Get<uint16_t>(bytes, kAtDictionary);
  header.previous_crc = Get<uint32_t>(bytes, kAtPrevious);
  header.lsn = Get<uint64_t>(bytes, kAtLsn);
  header.time_us = Get<int64_t>(bytes, kAtTime);
  header.durable_lsn = Get<uint64_t>(bytes, kAtDurable);
  return header;
}

absl::Status CheckRecord(std::string_view record) {
  if (Get<uint32_t>(record, kAtCrc) != MaskCrc(base::Crc32c(record.substr(kAtPayloadBytes)))) {
    return absl::DataLossError("the record's checksum is wrong");
  }
  const auto type = Get<uint8_t>(record, kAtType);
  if (!IsKnownType(type)) {
    return absl::DataLossError(absl::StrCat("the record has the unknown type ", type));
  }
  const uint8_t flags = Get<uint8_t>(record, kAtFlags);
  if ((flags & ~uint32_t{kFlagsKnown}) != 0) {
    return absl::DataLossError("the record has unknown flags");
  }
  const bool needs_dictionary = (flags & kFlagDictionary) != 0;
  if (needs_dictionary != (Get<uint16_t>(record, kAtDictionary) != 0)) {
    return absl::DataLossError("the record's flags and its dictionary do not go together");
  }
  const size_t payload_end = kRecordHeaderBytes + Get<uint32_t>(record, kAtPayloadBytes);
  if (!AllZero(record.substr(payload_end))) {
    return absl::DataLossError("the record's padding is not zero");
  }
  return absl::OkStatus();
}

std::string SegmentName(Lsn first_lsn) {
  return absl::StrFormat("%0*d%s", static_cast<int>(kSegmentNameDigits), first_lsn, kSegmentSuffix);
}

std::optional<Lsn> FirstLsnOfName(std::string_view name) {
  if (name.size() != kSegmentNameDigits + sizeof(kSegmentSuffix) - 1) return std::nullopt;
  if (name.substr(kSegmentNameDigits) != kSegmentSuffix) return std::nullopt;
  Lsn lsn = 0;
  for (const char c : name.substr(0, kSegmentNameDigits)) {
    if (c < '0' || c > '9') return std::nullopt;
    const Lsn digit = static_cast<Lsn>(c - '0');
    if (lsn > (~Lsn{0} - digit) / 10) return std::nullopt;
    lsn = lsn * 10 + digit;
  }
  if (lsn == 0) return std::nullopt;
  return lsn;
}

const char* StreamName(Stream stream) {
  return stream == Stream::kDecisions ? "decisions" : "features";
}

std::string EncodeMark(Lsn decisions_lsn) {
  std::string bytes(kMarkPayloadBytes, '\0');
  Put(decisions_lsn, bytes.data());
  return bytes;
}

absl::StatusOr<Lsn> DecodeMark(std::string_view payload) {
  if (payload.size() != kMarkPayloadBytes) {
    return absl::DataLossError("a mark has a payload of 8 bytes");
  }
  return Get<Lsn>(payload, 0);
}

}  // namespace fulcrum::decision_log
