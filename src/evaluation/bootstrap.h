// The spread of the estimators, by drawing the rows again.
#pragma once

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/types/span.h"

namespace fulcrum::evaluation {

enum class Estimator : uint8_t { kIps = 0, kSnips = 1, kDm = 2, kDr = 3 };
inline constexpr size_t kEstimators = 4;
inline constexpr std::array<const char*, kEstimators> kEstimatorNames = {"ips", "snips", "dm",
                                                                         "dr"};

// What one row, or all rows of one decision, add to the estimators.
struct Terms {
  double rows = 0;
  double weight = 0;           // w
  double weighted_reward = 0;  // w r
  double direct = 0;           // sum over actions of target x predicted reward
  double robust = 0;           // direct + w (r - predicted reward)
};

void Add(const Terms& terms, Terms* sums);

// One value per estimator.
using Values = std::array<double, kEstimators>;

// Of all rows; values are per row. NaN where there is nothing to divide by.
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
