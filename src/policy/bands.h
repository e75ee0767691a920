// Probabilities that stay within what is set for each action.
#pragma once

#include <vector>

#include "absl/types/span.h"
#include "fulcrum/policy.h"
#include "fulcrum/propensity.h"

namespace fulcrum::policy {

// Whether the least probabilities leave room for each other and for the floor: every subset of the
// actions with the neutral one has a distribution then.
bool FitTogether(absl::Span<const Share> shares, double floor);

// As ToTicks (choice.h), but each feasible entry within shares[i].min and max, up to rounding:
// min(max, max(min, c * p)) with the c for which they sum to 1, which of all such distributions is
// the one with the least Kullback-Leibler divergence from p. Here p includes the floor, and no
// entry is pushed below its part of it, unless its own max says so. An entry with max 0 gets no
// tick. The last entry, the neutral action, is feasible and takes what no other may have, even
// above its max. `shares` run parallel to the entries, are valid and fit together. Pure,
// thread-safe.
std::vector<Ticks> ToTicksWithin(absl::Span<const double> probabilities,
                                 absl::Span<const bool> feasible, double floor,
                                 absl::Span<const Share> shares);

}  // namespace fulcrum::policy
