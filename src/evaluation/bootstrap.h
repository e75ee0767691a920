// The spread of the estimators, by drawing the decisions again.
#pragma once

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "evaluation/terms.h"

namespace fulcrum::evaluation {

// One value per estimator.
using Values = std::array<double, kEstimators>;

// Of all terms. NaN where there is nothing to divide by.
Values EstimateAll(absl::Span<const Terms> terms);

// The estimators on `resamples` samples of terms.size() terms, drawn evenly with replacement.
// Resample b draws from a base::RandomStream of its own, made from `seed` and b, so the result is
// the same for any number of `threads` (0: as many as the machine has).
std::vector<Values> Resample(absl::Span<const Terms> terms, uint64_t seed, int resamples,
                             int threads);

// The central `level` of one estimator's resampled values, interpolated between the two nearest
// (Efron's percentile interval). NaNs are left out; NaN if nothing else is there.
std::pair<double, double> PercentileInterval(absl::Span<const Values> resampled,
                                             Estimator estimator, double level);

}  // namespace fulcrum::evaluation
