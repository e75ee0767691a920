// What the records of one log segment add up to: the SHA-256 chain over its bytes, the index over
// its blocks and the figures of its footer.
//
// The writer keeps one to write them, a reader that checks keeps one to hold what is written
// against it, and recovery hands its own to the writer that goes on.
//
// The chain: the block record at the end of a block says
//   SHA-256(what the block record before says, or the header's `chain`; the bytes of the block)
// The first block begins with the segment's header, each other one with the block record before it.
// So no byte, and no order of blocks or segments, can be changed without changing all that follows.
//
// Not thread-safe. Memory: the index, about 200 bytes per 64 KiB of segment.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/hash.h"
#include "decision_log/log_format.h"
#include "decision_log/segment_index.h"

namespace fulcrum::decision_log {

class SegmentBook {
 public:
  explicit SegmentBook(const SegmentHeader& header);

  // Whether what the block, index or footer record at end() says is what the records before add up
  // to; other types are right. DATA_LOSS with what is wrong.
  absl::Status Check(const RecordHeader& header, std::string_view payload) const;

  // The record at end(): `stored` is all of it, `payload` what it holds, decompressed.
  void Take(const RecordHeader& header, std::string_view stored, std::string_view payload);

  // What stands between end() and `offset` could not be read. Until the next block record nothing
  // can be checked; index and footer of this segment never.
  void Lose(uint64_t offset);

  uint64_t end() const { return end_; }
  // The block that end() is in has its size.
  bool block_is_full() const { return end_ - block_.offset >= kBlockBytes; }
  bool finished() const { return finished_; }                 // by a footer
  base::Sha256Digest chain() const { return sha_.Digest(); }  // over all before end()
  bool chain_is_known() const { return chain_known_; }

  // Payload of a block record at end().
  std::string Block() const;
  std::vector<IndexEntry> Index() const;
  SegmentFooter Footer(uint64_t index_offset) const;
  // About what index and footer take.
  uint64_t finish_bytes() const;

  // The segment's dictionary, how many copies of it there are, and where the last one begins.
  const std::string& dictionary() const { return dictionary_; }
  int dictionary_copies() const { return dictionary_copies_; }
  uint64_t last_dictionary_offset() const { return last_dictionary_offset_; }

 private:
  void TakeOwnLsn(const RecordHeader& header, std::string_view payload);
  void BeginBlock(const base::Sha256Digest& chain);
  IndexEntry OpenEntry() const;

  base::Sha256Stream sha_;
  uint64_t end_;
  bool chain_known_ = true;
  bool whole_ = true;  // nothing was lost
  bool finished_ = false;
  Lsn next_lsn_;
  IndexEntry block_;             // the open one, without its filter
  bool block_empty_ = true;      // it has no record with an LSN of its own
  std::vector<DecisionId> ids_;  // in it
  std::vector<IndexEntry> entries_;
  SegmentStats stats_;
  std::string dictionary_;
  uint64_t dictionary_offset_ = 0;  // of the first one; 0 = none yet
  int dictionary_copies_ = 0;
  uint64_t last_dictionary_offset_ = 0;
  std::vector<IndexEntry> read_;  // from the index records right before end()
};

// What a finished segment says of itself.
struct SegmentSummary {
  SegmentHeader header;
  SegmentFooter footer;
  std::vector<IndexEntry> index;
};

// Nothing if the segment at `path` is not finished, or if its end cannot be read: then the records
// themselves must be read. Errors are those of reading.
absl::StatusOr<std::optional<SegmentSummary>> ReadSummary(base::FileSystem* files,
                                                          const std::string& path);

// The decision that a payload is about, from its first field; none for other types of records.
std::optional<DecisionId> DecisionOfPayload(RecordType type, std::string_view payload);

}  // namespace fulcrum::decision_log
