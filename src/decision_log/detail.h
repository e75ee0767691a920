// Which records keep their detail: the candidates, the distributions over them and the feature
// snapshot. The core is always kept.
#pragma once

#include <atomic>
#include <optional>
#include <string_view>

#include "fulcrum/decision_record.h"

namespace fulcrum::decision_log {

// Whether a decision whose detail is kept with probability `pass` keeps it: a draw from the
// decision id alone, independent of the draw of the action. Part of the log format: never changes.
bool KeepsDetail(const DecisionId& id, Ticks pass);

// Takes the detail away and says why. What learning and the ledger need stays: actions, their
// probabilities, seeds, debits and the terms of the drawn arms.
void DropDetail(Detail why, std::string_view replayable_reason, DecisionRecord* record);

// Since the filter was made.
struct DetailStats {
  uint64_t whole = 0;
  uint64_t sampled_out = 0;
};

// Looks at each event on the log's writer thread before it is encoded. A decision asks with
// `detail_ticks` to be sampled. Stats() is thread-safe.
class DetailFilter {
 public:
  void Apply(LogEvent* event, std::optional<FeatureSnapshot>* snapshot);
  DetailStats Stats() const;

 private:
  std::atomic<uint64_t> whole_{0};
  std::atomic<uint64_t> sampled_out_{0};
};

}  // namespace fulcrum::decision_log
