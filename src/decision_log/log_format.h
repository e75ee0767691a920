// The bytes of the decision log's files: docs/decision_log_format.md tells the same in words.
//
//   segment file := segment header, record*, zeros?
//   record       := record header, payload, padding to a multiple of 8
//
// All numbers are little-endian. Plain functions over bytes, safe from any thread; anything may be
// handed to the decoders.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "fulcrum/decision_record.h"

namespace fulcrum::decision_log {

enum class Stream : uint8_t { kDecisions = 1, kFeatures = 2 };

inline constexpr char kSegmentMagic[8] = {'F', 'U', 'L', 'C', 'R', 'L', 'O', 'G'};
inline constexpr uint16_t kFormatVersion = 1;
inline constexpr char kSegmentSuffix[] = ".fulcrumlog";
inline constexpr size_t kSegmentNameDigits = 20;
inline constexpr size_t kSegmentHeaderBytes = 64;
inline constexpr size_t kRecordHeaderBytes = 40;
inline constexpr size_t kRecordAlignment = 8;
// Larger payloads are refused when written and taken for damage when read.
inline constexpr uint32_t kPayloadBytesMax = uint32_t{4} << 20;

static_assert(kSegmentHeaderBytes % kRecordAlignment == 0);
static_assert(kRecordHeaderBytes % kRecordAlignment == 0);

// Numbers are never reused. 5 to 8 belong to records that this version does not write.
enum class RecordType : uint8_t {
  kDecision = 1,
  kExposure = 2,
  kOutcome = 3,
  kSuperseded = 4,
  kPosteriorUpdate = 5,  // reserved
  kPriceUpdate = 6,      // reserved
  kLease = 7,            // reserved
  kAudit = 8,            // reserved
  kUnshown = 9,
  kFeatureSnapshot = 16,
  kMark = 32  // about the log itself; has the LSN of the record before it and no own
};

// Bits of a record's flags. Bits 0 and 1 are reserved for the compression of the payload.
inline constexpr uint8_t kFlagClosed = 1 << 2;   // mark: the writer stopped in order here
inline constexpr uint8_t kFlagUnclean = 1 << 3;  // mark: the writer before had not stopped in order
inline constexpr uint8_t kFlagsKnown = kFlagClosed | kFlagUnclean;

// A mark's payload is one number: the last LSN of the decisions stream when it was written.
inline constexpr size_t kMarkPayloadBytes = 8;

struct SegmentHeader {
  Stream stream = Stream::kDecisions;
  Lsn first_lsn = 1;          // of the first record, also the file's name
  int64_t created_us = 0;     // microseconds since 1970 UTC
  uint32_t previous_crc = 0;  // checksum of the last record of the segment before; 0 if none

  friend bool operator==(const SegmentHeader&, const SegmentHeader&) = default;
};

struct RecordHeader {
  uint32_t crc = 0;  // masked CRC-32C of all that follows it, padding included
  uint32_t payload_bytes = 0;
  RecordType type = RecordType::kMark;
  uint8_t flags = 0;
  uint32_t previous_crc = 0;  // `crc` of the record before in the stream; 0 for the first
  Lsn lsn = 0;
  int64_t time_us = 0;  // when it was appended
  Lsn durable_lsn = 0;  // everything up to here was synced when this was written

  friend bool operator==(const RecordHeader&, const RecordHeader&) = default;
};

// A CRC of data that holds CRCs is weak: what is stored is rotated and shifted by a constant.
uint32_t MaskCrc(uint32_t crc);

constexpr size_t PaddedBytes(size_t bytes) {
  return (bytes + kRecordAlignment - 1) / kRecordAlignment * kRecordAlignment;
}
constexpr size_t RecordBytes(size_t payload_bytes) {
  return PaddedBytes(kRecordHeaderBytes + payload_bytes);
}

// kSegmentHeaderBytes bytes.
std::string EncodeSegmentHeader(const SegmentHeader& header);
// DATA_LOSS with what is wrong; UNIMPLEMENTED for another format version.
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
