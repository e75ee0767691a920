// Coverage on slates of three positions, drawn by the real decider by Thompson sampling on
// posteriors that do not change.
//
// Visitors read from the top and leave with what they take: at each position they convert as the
// world `stationary` says of that action, and nothing below a conversion is seen. So a position's
// reward hangs on the actions down to it and on none after: the cascade that `rips` assumes.
#pragma once

#include <functional>
#include <vector>

#include "absl/status/statusor.h"
#include "simulation/coverage.h"

namespace fulcrum::simulation {

inline constexpr uint32_t kSlatePositions = 3;

// Cascade RIPS and the full product for the targets of kTargetKinds, each choosing among what the
// positions before have left. `options.rows` counts slates, truth is the expected reward of one.
// `first_draw_everywhere` plants a fault: every position is logged under the probabilities of the
// first one, as a service would that computes them once per request.
absl::StatusOr<std::vector<CoverageCell>> RunSlateCoverage(
    const CoverageOptions& options, bool first_draw_everywhere = false,
    const std::function<void(uint64_t replications)>& progress = {});

}  // namespace fulcrum::simulation
