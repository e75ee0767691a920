// The bytes of the decision log's files: docs/decision_log_format.md tells the same in words.
//
//   segment file := segment header, record*, (index record+, footer record | zeros)?
//   record       := record header, payload, padding to a multiple of 8
//
// All numbers are little-endian. Plain functions over bytes, safe from any thread; anything may be
// handed to the decoders.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/hash.h"
#include "fulcrum/decision_record.h"
#include "fulcrum/version.h"

namespace fulcrum::decision_log {

enum class Stream : uint8_t { kDecisions = 1, kFeatures = 2 };

inline constexpr char kSegmentMagic[8] = {'F', 'U', 'L', 'C', 'R', 'L', 'O', 'G'};
inline constexpr uint16_t kFormatVersion = kLogFormatVersion;
inline constexpr uint16_t kFormatVersionOldest = 1;  // that is still read
inline constexpr char kSegmentSuffix[] = ".fulcrumlog";
inline constexpr size_t kSegmentNameDigits = 20;
inline constexpr size_t kSegmentHeaderBytes = 128;
inline constexpr size_t kSegmentHeaderBytesV1 = 64;
inline constexpr size_t kRecordHeaderBytes = 40;
inline constexpr size_t kRecordAlignment = 8;
// Larger payloads are refused when written and taken for damage when read; compressed ones also
// by what they hold.
inline constexpr uint32_t kPayloadBytesMax = uint32_t{4} << 20;
// A block record seals what was written since the last one once that is so much.
inline constexpr size_t kBlockBytes = size_t{64} << 10;

static_assert(kSegmentHeaderBytes % kRecordAlignment == 0);
static_assert(kRecordHeaderBytes % kRecordAlignment == 0);

// Numbers are never reused.
enum class RecordType : uint8_t {
  kDecision = 1,
  kExposure = 2,
  kOutcome = 3,
  kSuperseded = 4,
  kPosteriorUpdate = 5,
  kPriceUpdate = 6,
  kLease = 7,
  kAudit = 8,
  kUnshown = 9,
  kIdentity = 10,
  kSettlement = 11,
  kFeatureSnapshot = 16,
  // About the log itself: these have the LSN of the record before them and none of their own.
  kMark = 32,
  kBlock = 33,       // seals the bytes before it: block_chain.h; since version 2, as what follows
  kDictionary = 34,  // for the compression of payloads: compression.h
  kIndex = 35,       // where to find what in the segment: segment_index.h
  kFooter = 36       // the last record of a finished segment: segment_index.h
};
inline constexpr size_t kRecordTypes = 37;

// Whether records of this type have an LSN of their own.
constexpr bool HasLsn(RecordType type) {
  return type < RecordType::kMark;
}

// Whether records of this type stand in `stream`.
constexpr bool MayHold(Stream stream, RecordType type) {
  return !HasLsn(type) || (type == RecordType::kFeatureSnapshot) == (stream == Stream::kFeatures);
}

// Bits of a record's flags.
inline constexpr uint8_t kFlagCompressed = 1 << 0;  // the payload is one zstd frame
inline constexpr uint8_t kFlagDictionary = 1 << 1;  // that needs the segment's dictionary
inline constexpr uint8_t kFlagClosed = 1 << 2;      // mark: the writer stopped in order here
inline constexpr uint8_t kFlagUnclean = 1 << 3;  // mark: the writer before had not stopped in order
inline constexpr uint8_t kFlagsKnown =
    kFlagCompressed | kFlagDictionary | kFlagClosed | kFlagUnclean;

// A mark's payload is one number: the last LSN of the decisions stream when it was written.
inline constexpr size_t kMarkPayloadBytes = 8;

struct SegmentHeader {
  uint16_t version = kFormatVersion;
  Stream stream = Stream::kDecisions;
  Lsn first_lsn = 1;          // of the first record, also the file's name
  int64_t created_us = 0;     // microseconds since 1970 UTC
  uint32_t previous_crc = 0;  // checksum of the last record of the segment before; 0 if none
  // The chain over the segment before, its footer included; zeros if there is none.
  base::Sha256Digest chain{};

  size_t bytes() const { return version == 1 ? kSegmentHeaderBytesV1 : kSegmentHeaderBytes; }
  friend bool operator==(const SegmentHeader&, const SegmentHeader&) = default;
};

struct RecordHeader {
  uint32_t crc = 0;  // masked CRC-32C of all that follows it, padding included
  uint32_t payload_bytes = 0;
  RecordType type = RecordType::kMark;
  uint8_t flags = 0;
  uint16_t dictionary = 0;    // DictionaryTag() of what the payload needs; 0 = none
  uint32_t previous_crc = 0;  // `crc` of the record before in the stream; 0 for the first
  Lsn lsn = 0;
  int64_t time_us = 0;  // when it was appended
  Lsn durable_lsn = 0;  // everything up to here was synced when this was written

  friend bool operator==(const RecordHeader&, const RecordHeader&) = default;
};

// A CRC of data that holds CRCs is weak: what is stored is rotated and shifted by a constant.
uint32_t MaskCrc(uint32_t crc);

// Tells a segment's dictionary from those of others, which a write that went astray may have put
// beside it: decompression with a wrong one would give wrong bytes and no error. Never 0.
uint16_t DictionaryTag(std::string_view dictionary);

constexpr size_t PaddedBytes(size_t bytes) {
  return (bytes + kRecordAlignment - 1) / kRecordAlignment * kRecordAlignment;
}
constexpr size_t RecordBytes(size_t payload_bytes) {
  return PaddedBytes(kRecordHeaderBytes + payload_bytes);
}

// `header.bytes()` bytes.
std::string EncodeSegmentHeader(const SegmentHeader& header);
// Takes what may follow the header as well. DATA_LOSS with what is wrong; UNIMPLEMENTED for a
// format version that is unknown.
absl::StatusOr<SegmentHeader> DecodeSegmentHeader(std::string_view bytes);

// Appends a whole record to `buffer`; `header.crc` and `payload_bytes` are ignored. Returns the
// checksum that was stored.
uint32_t AppendRecord(const RecordHeader& header, std::string_view payload, std::string* buffer);

// The header's fields alone, unchecked. `bytes` holds at least kRecordHeaderBytes.
RecordHeader DecodeRecordHeader(std::string_view bytes);

// Whether the checksum and the fixed bytes of `record` (a whole record, padding included) are
// right. OK, or DATA_LOSS with what is wrong.
absl::Status CheckRecord(std::string_view record);

// "00000000000000000042.fulcrumlog", and back; nullopt if it is not such a name.
std::string SegmentName(Lsn first_lsn);
std::optional<Lsn> FirstLsnOfName(std::string_view name);

// "decisions" or "features": the stream's folder.
const char* StreamName(Stream stream);

std::string EncodeMark(Lsn decisions_lsn);
absl::StatusOr<Lsn> DecodeMark(std::string_view payload);

}  // namespace fulcrum::decision_log
