// Plays the random logs as live requests and reports what was shown and clicked.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "apps/demo_data.h"
#include "evaluation/replay_method.h"
#include "fulcrum/client.h"

namespace fulcrum::apps {

struct TrafficResult {
  uint64_t decisions = 0;
  uint64_t items = 0;      // answers that were an item
  uint64_t neutral = 0;    // drawn or sole answers that were the neutral action
  uint64_t fallbacks = 0;  // answers that were not drawn
  uint64_t exposures = 0;
  uint64_t outcomes = 0;
  std::map<std::string, uint64_t> degraded;               // reason -> decisions
  std::map<std::string, std::vector<int64_t>> latencies;  // stage -> microseconds, unsorted
  std::vector<evaluation::ReplayRow> rows;                // one per decision
};

// One request per row, in order of time over all campaigns. The candidates are the logged item and
// two others drawn without replacement, in random order: given the list, the logged item is uniform
// over it. An item counts as shown where it is the logged one, which has probability 1/3; the
// neutral action by a coin of the same probability. `progress` is told the rows done and in all.
absl::StatusOr<TrafficResult> PlayTraffic(
    DecisionClient& client, const DemoData& data, uint64_t seed,
    const std::function<void(size_t done, size_t all)>& progress);

}  // namespace fulcrum::apps
