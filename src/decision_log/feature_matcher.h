// Holds the features stream of a log against its decisions, for `fulcrum log verify`.
//
// The writer appends both streams in the same order, snapshots first. So the two are walked side by
// side, and only at a crash may one of them lack its last part: the start after it left a mark.
// Not thread-safe. Memory is flat.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "decision_log/invariants.h"
#include "decision_log/stream_reader.h"

namespace fulcrum::decision_log {

class FeatureMatcher {
 public:
  // Damage in the features stream goes to `on_damage`.
  static absl::StatusOr<std::unique_ptr<FeatureMatcher>> Open(
      base::FileSystem* files, const std::string& directory,
      std::function<absl::Status(const Damage&)> on_damage);

  // Decisions in LSN order.
  absl::Status Check(Lsn lsn, const DecisionRecord& record);
  // After the last one. `closed`: the decisions stream ends in order.
  absl::Status Finish(bool closed);

  uint64_t snapshots() const { return snapshots_; }
  uint64_t lost() const { return lost_; }
  const Invariant& result() const { return tally_.result(); }

 private:
  struct Snapshot {
    DecisionId id;
    uint32_t columns = 0;
    size_t values = 0;
    Lsn lsn = 0;
  };
  struct Missing {
    Lsn lsn = 0;
    DecisionId id;
  };

  FeatureMatcher(std::unique_ptr<StreamReader> reader,
                 std::function<absl::Status(const Damage&)> on_damage)
      : reader_(std::move(reader)), on_damage_(std::move(on_damage)) {}

  absl::Status Fill();
  absl::Status Take(const RecordView& record);
  absl::Status EndEpochsBefore(Lsn lsn);
  void EndEpoch(bool explained);
  void Orphan(const Snapshot& snapshot);
  void TellMissing(const Missing& missing);

  std::unique_ptr<StreamReader> reader_;
  std::function<absl::Status(const Damage&)> on_damage_;
  bool resync_ = false;
  bool at_end_ = false;
  std::deque<Snapshot> ahead_;    // of the epoch that is being matched
  std::optional<Lsn> epoch_end_;  // last decision of that epoch, once its mark was read
  std::deque<Missing> missing_;   // decisions without one since the last match
  uint64_t snapshots_ = 0;
  uint64_t lost_ = 0;
  Tally tally_{"features_match"};
};

}  // namespace fulcrum::decision_log
