// Which records keep their detail: the candidates, the distributions over them and the feature
// snapshot. The core is always kept.
#pragma once

#include <atomic>
#include <optional>

#include "fulcrum/decision_record.h"

namespace fulcrum::decision_log {

// Whether a decision whose detail is kept with probability `pass` keeps it: a draw from the
// decision id alone, independent of the draw of the action. Part of the log format: never changes.
bool KeepsDetail(const DecisionId& id, Ticks pass);

// Since the filter was made.
struct DetailStats {
  uint64_t whole = 0;
  uint64_t sampled_out = 0;
  uint64_t withheld = 0;  // came without, because of a masking rule
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
  std::atomic<uint64_t> withheld_{0};
};

}  // namespace fulcrum::decision_log
