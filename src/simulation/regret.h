// How much each policy loses while it learns: the same worlds, the same visitors and luck, one seed
// after the other, against an oracle that knows the truth.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "simulation/served_policy.h"
#include "simulation/world.h"

namespace fulcrum::simulation {

struct RegretOptions {
  std::string directory;  // scratch: bundles and ledgers
  uint64_t decisions = 20'000;
  uint64_t seeds = 20;  // 1..seeds
  std::vector<ServedPolicy> policies;
  const base::Clock* clock = nullptr;
};

// Of one policy, over the seeds: the final regret's mean, its standard error and range, and the
// mean of the regret so far, at evenly spaced decisions.
struct PolicyRegret {
  std::string policy;  // as it was asked for
  double mean = 0, se = 0, low = 0, high = 0;
  std::vector<double> curve;
};

struct RegretStudy {
  std::string world;
  uint64_t decisions = 0;
  uint64_t seeds = 0;
  std::vector<PolicyRegret> policies;
};

// Budgets are left out, so that each decision can be judged alone; everything else of the world
// stays: segments or context, delays, lost and repeated reports. `progress` may be empty.
absl::StatusOr<RegretStudy> StudyRegret(const World& world, const RegretOptions& options,
                                        const std::function<void(const std::string&)>& progress);

// `by_seed`: cumulative regret at evenly spaced decisions, at least one seed.
PolicyRegret Summarise(const std::string& policy, const std::vector<std::vector<double>>& by_seed);

// A table in Markdown: one row per policy.
std::string RegretTable(const RegretStudy& study);
// The same and the curves: {world, decisions, seeds, policies: {name: {mean, se, low, high,
// curve: [..]}}}.
std::string RegretJson(const RegretStudy& study);
// The means as lines.
std::string RegretSvg(const RegretStudy& study);

}  // namespace fulcrum::simulation
