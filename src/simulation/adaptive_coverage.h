// Coverage on logs of a policy that learns: Thompson sampling by the real decider, whose posteriors
// follow the rewards of the log, published every kPublishedEvery decisions. Rows hang on each
// other; the values of targets that do not learn are known exactly all the same.
#pragma once

#include <functional>
#include <vector>

#include "absl/status/statusor.h"
#include "simulation/coverage.h"

namespace fulcrum::simulation {

inline constexpr uint64_t kPublishedEvery = 100;

// The targets: `uniform`, `banner-1` and `none`, the last two being one action for everybody. Both
// earn little, so that the log turns away from them as it learns.
inline constexpr const char* kAdaptiveTargets[] = {"uniform", "banner-1", "none"};

// IPS, SNIPS, DR and weighted AIPW for these targets, in the world `stationary` with the banners
// alone, at twice their rates, and an exploration floor of 0.2. Each replication starts from
// nothing.
absl::StatusOr<std::vector<CoverageCell>> RunAdaptiveCoverage(
    const CoverageOptions& options,
    const std::function<void(uint64_t replications)>& progress = {});

}  // namespace fulcrum::simulation
