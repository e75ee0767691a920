// The first half of a counterfactual replay: batches of a log's events with all that scoring them
// again needs, in LSN order.
//
// Not thread-safe; the batches may go to any thread.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "base/file.h"
#include "fulcrum/decision_log_reader.h"
#include "replay/choice.h"
#include "replay/counterfactual_report.h"
#include "replay/posteriors_at.h"
#include "replay/recorded_world.h"
#include "replay/snapshot_finder.h"

namespace fulcrum::replay {

// One event; what follows it is set for decisions only.
struct ReplayItem {
  LogEntry entry;
  const RecordedWorld* world = nullptr;
  std::optional<FeatureSnapshot> snapshot;
  std::shared_ptr<const scoring::Posteriors> posteriors;
  Choice choice;
  std::vector<bool> guessed;  // which candidates were taken to be drawable
  Slate slate;                // if they are
};
using ReplayBatch = std::vector<ReplayItem>;

class CounterfactualSource {
 public:
  CounterfactualSource(base::FileSystem* files, std::string directory, const OtherPolicy* other,
                       bool rescore);

  // First walk. Then first_lsn() and last_lsn() are known (0 if there is nothing).
  absl::Status Survey();
  Lsn first_lsn() const { return first_; }
  Lsn last_lsn() const { return last_; }

  // The next events up to last_lsn(), or nothing. Damage is noted in `report`.
  absl::StatusOr<std::optional<ReplayBatch>> Next(CounterfactualReport* report);
  // After the last batch: notes the damage in the features stream.
  void Finish(CounterfactualReport* report) const;

 private:
  using Key = std::pair<uint64_t, uint64_t>;  // versions of bundle and model

  const RecordedWorld* WorldOf(const Versions& versions);
  std::unique_ptr<RecordedWorld> LoadWorld(const Versions& versions) const;
  absl::StatusOr<bool> ReadEntry(CounterfactualReport* report, LogEntry* entry);
  absl::Status Complete(ReplayItem* item);

  base::FileSystem* const files_;
  const std::string directory_;
  const OtherPolicy* const other_;
  const bool rescore_;
  std::map<Key, std::unique_ptr<RecordedWorld>> worlds_;
  PosteriorsAt posteriors_;
  bool scores_ = false;  // some decision is scored again
  Lsn first_ = 0;
  Lsn last_ = 0;
  std::unique_ptr<DecisionLogReader> reader_;
  std::unique_ptr<SnapshotFinder> snapshots_;
};

}  // namespace fulcrum::replay
