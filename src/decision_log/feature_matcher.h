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

#include "base/ordered_batches.h"
#include "decision_log/invariants.h"
#include "decision_log/record_batches.h"
#include "decision_log/stream_reader.h"

namespace fulcrum::decision_log {

class FeatureMatcher {
 public:
  // Damage in the features stream goes to `on_damage`, called by the caller's thread. Snapshots are
  // parsed on `threads`.
  static absl::StatusOr<std::unique_ptr<FeatureMatcher>> Open(
      base::FileSystem* files, const std::string& directory, size_t threads,
      std::function<absl::Status(const Damage&)> on_damage);

  // Before Check(): the decisions stream begins here, or again behind a gap; what is before was
  // deleted. `time_us` is when its first record was appended.
  void DecisionsBegin(int64_t time_us);
  // Decisions in LSN order, appended at `time_us`.
  absl::Status Check(Lsn lsn, int64_t time_us, const DecisionRecord& record);
  // After the last one. `closed`: the decisions stream ends in order.
  absl::Status Finish(bool closed);

  // After Finish(): what the stream's marks said of decisions, as StreamReader's.
  Lsn decisions_synced() const { return reader_->decisions_synced(); }
  // Whether it has the mark of an orderly end after `last` of decisions, or of a later one: the log
  // may be written meanwhile.
  bool HasMarkOfEnd(Lsn last) const { return closed_lsn_.has_value() && *closed_lsn_ >= last; }
  // The last segment is quarantined.
  bool ends_quarantined() const { return features_from_us_ == INT64_MAX; }
  // After Finish(): where the stream ends.
  const StreamReader& reader() const { return *reader_; }

  uint64_t snapshots() const { return snapshots_; }
  uint64_t lost() const { return lost_; }
  const Invariant& result() const { return tally_.result(); }

 private:
  struct Snapshot {
    DecisionId id;
    uint32_t columns = 0;
    size_t values = 0;
    Lsn lsn = 0;
    int64_t time_us = 0;
  };
  struct Missing {
    Lsn lsn = 0;
    int64_t time_us = 0;
    DecisionId id;
  };

  // A record of the stream as one of the threads has parsed it.
  struct Item {
    std::optional<Damage> damage{};
    bool mark = false;
    uint8_t flags = 0;
    Lsn decisions_lsn = 0;  // of a mark
    Snapshot snapshot{};    // otherwise
  };
  using Items = std::vector<Item>;

  FeatureMatcher(std::unique_ptr<StreamReader> reader, size_t threads,
                 std::function<absl::Status(const Damage&)> on_damage)
      : reader_(std::move(reader)),
        source_(reader_.get(), /*marks=*/true),
        batches_(
            threads, [this] { return source_.Next(); }, Parse),
        on_damage_(std::move(on_damage)) {}

  static absl::StatusOr<Items> Parse(const std::vector<Looked>& records);
  static Item ParseOne(const Looked& record);
  absl::Status Fill();
  void Take(const Item& item);
  absl::Status EndEpochsBefore(Lsn lsn);
  void EndEpoch(bool missing_explained, bool left_over_explained);
  bool DropDeleted();
  void Orphan(const Snapshot& snapshot);
  void TellMissing(const Missing& missing);

  std::unique_ptr<StreamReader> reader_;
  RecordBatches source_;
  base::OrderedBatches<std::vector<Looked>, Items> batches_;
  std::function<absl::Status(const Damage&)> on_damage_;
  std::deque<Item> items_;  // read, and not yet taken
  bool at_end_ = false;
  // A batch has one time in both streams: what is from before a stream that was shortened begins
  // has its other half among what was deleted. INT64_MIN: that stream is whole; INT64_MAX: a gap of
  // features has not ended yet.
  int64_t decisions_from_us_ = INT64_MIN;
  int64_t features_from_us_ = INT64_MIN;
  bool begun_ = false;             // features_from_us_ is known
  std::deque<Snapshot> ahead_;     // of the epoch that is being matched
  std::optional<Lsn> epoch_end_;   // last decision of that epoch, once its mark was read
  std::deque<Missing> missing_;    // decisions without one since the last match
  std::optional<Lsn> closed_lsn_;  // last decision as the last mark of an orderly end says
  uint64_t snapshots_ = 0;
  uint64_t lost_ = 0;
  Tally tally_{"features_match"};
};

}  // namespace fulcrum::decision_log
