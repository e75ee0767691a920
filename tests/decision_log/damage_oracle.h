// What must happen to a damaged log, by the rules of docs/decision_log_format.md and by the bytes
// alone.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "tests/decision_log/damage_log.h"

namespace fulcrum::decision_log {

// Path and content of the files that were changed.
using Damaged = std::map<std::string, std::string>;

inline const std::string& BytesOf(const WholeSegment& segment, const Damaged& damaged) {
  const auto found = damaged.find(segment.path);
  return found == damaged.end() ? segment.bytes : found->second;
}

inline bool IsIntact(const WholeSegment& segment, const Damaged& damaged, uint64_t offset,
                     uint64_t bytes) {
  return std::string_view(BytesOf(segment, damaged)).substr(offset, bytes) ==
         std::string_view(segment.bytes).substr(offset, bytes);
}

inline bool HeaderIsIntact(const WholeSegment& segment, const Damaged& damaged) {
  return IsIntact(segment, damaged, 0, kSegmentHeaderBytes);
}

// Where a segment's first damage is and the LSN that is expected there; nothing if it is whole. The
// header's place is 0.
struct FirstDamage {
  uint64_t offset = 0;
  Lsn lsn = 0;
};
inline std::optional<FirstDamage> FindDamage(const WholeSegment& segment, const Damaged& damaged) {
  FirstDamage first{.offset = 0, .lsn = segment.first_lsn};
  if (!HeaderIsIntact(segment, damaged)) return first;
  for (const WholeRecord& record : segment.records) {
    first.offset = record.offset;
    if (!IsIntact(segment, damaged, record.offset, record.bytes)) return first;
    if (HasLsn(record.header.type)) first.lsn = record.header.lsn + 1;
  }
  first.offset = segment.end;
  if (BytesOf(segment, damaged).substr(segment.end) == segment.bytes.substr(segment.end)) {
    return std::nullopt;
  }
  return first;
}

// Calls `see` with the header of each whole record at a multiple of 8 from `offset` on.
template <typename See>
void ForEachWholeRecord(std::string_view bytes, uint64_t offset, See see) {
  while (offset + kRecordHeaderBytes <= bytes.size()) {
    const RecordHeader header = DecodeRecordHeader(bytes.substr(offset));
    const bool plausible = header.crc != 0 && header.payload_bytes <= kPayloadBytesMax &&
                           offset + RecordBytes(header.payload_bytes) <= bytes.size();
    const uint64_t whole = RecordBytes(plausible ? header.payload_bytes : 0);
    if (plausible && CheckRecord(bytes.substr(offset, whole)).ok()) {
      see(header);
      offset += whole;
    } else {
      offset += kRecordAlignment;
    }
  }
}

struct Opening {
  bool refused = false;
  bool torn = false;   // something is cut off, or a begun segment removed
  Lsn last_lsn = 0;    // of the stream as it goes on
  size_t segment = 0;  // where
};

// What opening the stream for writing must do.
inline Opening ExpectOpening(const WholeStream& stream, const Damaged& damaged) {
  Opening opening;
  for (opening.segment = stream.segments.size(); opening.segment-- > 0;) {
    const WholeSegment& segment = stream.segments[opening.segment];
    const std::string& bytes = BytesOf(segment, damaged);
    const std::optional<FirstDamage> first = FindDamage(segment, damaged);
    opening.last_lsn = segment.first_lsn - 1;
    for (const WholeRecord& record : segment.records) {
      if (!first.has_value() || record.offset < first->offset) {
        opening.last_lsn = record.header.lsn;
      }
    }
    if (!first.has_value()) return opening;
    const bool header_lost = first->offset == 0;
    const bool only_zeros = bytes.find_first_not_of('\0', first->offset) == std::string::npos;
    if (!header_lost && only_zeros) return opening;
    if (header_lost && DecodeSegmentHeader(bytes).ok()) opening.refused = true;
    ForEachWholeRecord(bytes, header_lost ? kSegmentHeaderBytesV1 : first->offset,
                       [&](const RecordHeader& header) {
                         if (header_lost || header.durable_lsn >= first->lsn) {
                           opening.refused = true;
                         }
                       });
    opening.torn = true;
    if (opening.refused || !header_lost) return opening;
  }
  opening.last_lsn = 0;
  return opening;
}

// The last mark that says how far decisions had been synced, in the segment that is gone on in.
struct SyncMark {
  Lsn decisions = 0;
  bool closed = false;
};
inline SyncMark LastSyncMark(const WholeStream& stream, const Opening& opening,
                             const Damaged& damaged) {
  SyncMark mark;
  if (opening.segment >= stream.segments.size()) return mark;
  const WholeSegment& segment = stream.segments[opening.segment];
  const std::optional<FirstDamage> first = FindDamage(segment, damaged);
  for (const WholeRecord& record : segment.records) {
    if (first.has_value() && record.offset >= first->offset) break;
    if ((record.header.flags & (kFlagClosed | kFlagUnclean)) == 0) continue;
    mark.decisions = DecodeMark(std::string_view(segment.bytes)
                                    .substr(record.offset + kRecordHeaderBytes, kMarkPayloadBytes))
                         .value();
    mark.closed = (record.header.flags & kFlagClosed) != 0;
  }
  return mark;
}

// Whether the log must be refused: for one stream's own sake, or for what one says of the other.
inline bool ExpectRefusal(const DamageLog& log, const Opening& decisions, const Opening& features,
                          const Damaged& damaged) {
  if (decisions.refused || features.refused) return true;
  if (LastSyncMark(log.streams[1], features, damaged).decisions > decisions.last_lsn) return true;
  // The closing mark of decisions is its last record, if it is there.
  const bool closed = LastSyncMark(log.streams[0], decisions, damaged).closed;
  return closed && !LastSyncMark(log.streams[1], features, damaged).closed;
}

// Whether the damaged stream cannot be told from one that was written no further: nothing but zeros
// from a record's boundary on, in the last segment alone.
inline bool LooksShorter(const WholeStream& stream, const Damaged& damaged) {
  for (const WholeSegment& segment : stream.segments) {
    const std::optional<FirstDamage> first = FindDamage(segment, damaged);
    if (!first.has_value()) continue;
    if (&segment != &stream.segments.back() || first->offset == 0) return false;
    return BytesOf(segment, damaged).find_first_not_of('\0', first->offset) == std::string::npos;
  }
  return true;
}

// Payloads that are still there, by LSN: every whole record with an LSN of its own, unless its
// segment has lost all that its compression needs.
inline std::map<Lsn, RecordType> Readable(const WholeStream& stream, const Damaged& damaged,
                                          int* without_dictionary) {
  std::map<Lsn, RecordType> readable;
  for (const WholeSegment& segment : stream.segments) {
    bool dictionary = false;
    for (const WholeRecord& record : segment.records) {
      dictionary = dictionary || (record.header.type == RecordType::kDictionary &&
                                  IsIntact(segment, damaged, record.offset, record.bytes));
    }
    for (const WholeRecord& record : segment.records) {
      if (!HasLsn(record.header.type)) continue;
      if (!IsIntact(segment, damaged, record.offset, record.bytes)) continue;
      if ((record.header.flags & kFlagDictionary) != 0 && !dictionary) {
        ++*without_dictionary;
      } else {
        readable[record.header.lsn] = record.header.type;
      }
    }
  }
  return readable;
}

}  // namespace fulcrum::decision_log
