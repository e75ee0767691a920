// What a finished log segment says of itself at its end: an index over its blocks and a footer.
//
// A block is what one block record seals, some 64 KiB. The index has for each when its records were
// appended and which decisions they are about, the latter as a Bloom filter: a look-up by time or
// by decision reads the index and the blocks that it names, not the segment.
//
// Plain values and functions, safe from any thread; anything may be handed to the decoders.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "decision_log/log_format.h"

namespace fulcrum::decision_log {

// A set of decision ids that may hold a few more than were put into it: B. H. Bloom, "Space/time
// trade-offs in hash coding with allowable errors", CACM 13(7), 1970. At 10 bits an id and 6 probes
// about 1 % of the questions are answered wrongly with yes; none with no.
class IdFilter {
 public:
  IdFilter() = default;  // empty
  explicit IdFilter(std::vector<uint64_t> words) : words_(std::move(words)) {}
  static IdFilter Of(const std::vector<DecisionId>& ids);

  bool MayHold(const DecisionId& id) const;
  const std::vector<uint64_t>& words() const { return words_; }

  friend bool operator==(const IdFilter&, const IdFilter&) = default;

 private:
  std::vector<uint64_t> words_;
};

struct IndexEntry {
  uint64_t offset = 0;      // where the block begins: a record, or the segment's header
  Lsn next_lsn = 0;         // of the first record in it or behind it that has one of its own
  int64_t min_time_us = 0;  // of appending, microseconds since 1970 UTC; 0 and 0 if it has none
  int64_t max_time_us = 0;
  IdFilter ids;

  friend bool operator==(const IndexEntry&, const IndexEntry&) = default;
};

// The payloads of index records, each at most kPayloadBytesMax.
std::vector<std::string> EncodeIndex(const std::vector<IndexEntry>& entries);
// Appends the entries of one payload. DATA_LOSS if it is none.
absl::Status DecodeIndex(std::string_view payload, std::vector<IndexEntry>* entries);

// Of records with an LSN of their own.
struct SegmentStats {
  std::array<uint64_t, 17> by_type{};  // by RecordType
  uint64_t records = 0;
  int64_t min_time_us = 0;  // of appending, microseconds since 1970 UTC; 0 if there are none
  int64_t max_time_us = 0;
  uint64_t payload_bytes = 0;  // before compression
  uint64_t stored_bytes = 0;   // of the same, as stored

  friend bool operator==(const SegmentStats&, const SegmentStats&) = default;
};

struct SegmentFooter {
  uint64_t index_offset = 0;       // of the first index record; they follow each other
  Lsn last_lsn = 0;                // of the segment; below its first if it has no record
  uint64_t dictionary_offset = 0;  // 0 = it has none
  SegmentStats stats;
  base::Sha256Digest chain{};  // over all that stands before this record

  friend bool operator==(const SegmentFooter&, const SegmentFooter&) = default;
};

inline constexpr size_t kFooterPayloadBytes = 232;
// A finished segment ends with so many bytes of footer record.
inline constexpr size_t kFooterRecordBytes = RecordBytes(kFooterPayloadBytes);

std::string EncodeFooter(const SegmentFooter& footer);
absl::StatusOr<SegmentFooter> DecodeFooter(std::string_view payload);

}  // namespace fulcrum::decision_log
