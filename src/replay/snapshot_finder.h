// Finds the feature snapshots of decisions, side by side with a walk over the decisions stream.
//
// The writer appends both streams in the same order, the snapshot first. So a window of a few
// snapshots ahead is enough, whatever the log's length. Only at a crash may one stream lack its
// last part; the mark that the next start leaves says where, and the search begins anew behind it.
//
// Not thread-safe. Memory is flat.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "base/file.h"
#include "decision_log/stream_reader.h"
#include "fulcrum/decision_record.h"

namespace fulcrum::replay {

class SnapshotFinder {
 public:
  // A log without a features stream has no snapshots. Errors are those of reading.
  static absl::StatusOr<std::unique_ptr<SnapshotFinder>> Open(base::FileSystem* files,
                                                              const std::string& directory);

  // The snapshot of the decision `id`, whose record has the LSN `lsn` and was appended at
  // `time_us`, or null; valid until the next call, and may be moved from. Asked for every decision
  // once, in LSN order.
  absl::StatusOr<FeatureSnapshot*> Find(Lsn lsn, int64_t time_us, const DecisionId& id);

  uint64_t damaged() const { return damaged_; }  // places that could not be read

 private:
  struct Ahead {
    int64_t time_us = 0;  // when it was appended: the same as its decision
    FeatureSnapshot snapshot;
  };

  explicit SnapshotFinder(std::unique_ptr<decision_log::StreamReader> reader)
      : reader_(std::move(reader)) {}

  absl::Status Fill();
  bool TakeFromWindow(const DecisionId& id);
  bool DropBefore(int64_t time_us);
  void Take(const decision_log::RecordView& record);

  std::unique_ptr<decision_log::StreamReader> reader_;
  bool resync_ = false;
  bool at_end_ = false;
  uint64_t damaged_ = 0;
  std::deque<Ahead> ahead_;       // between two marks of a crash
  std::optional<Lsn> epoch_end_;  // last decision before the later one, once that was read
  FeatureSnapshot found_;
};

}  // namespace fulcrum::replay
