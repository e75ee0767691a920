// Boosted trees on a data set, stopped by the rows held back.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "training/data_set.h"
#include "training/options.h"
#include "training/report.h"

namespace fulcrum::training {

// Fewer rewards, or fewer rows without one, among the rows to learn from are refused: trees on a
// handful of clicks say who clicked, not why.
inline constexpr double kRewardsMin = 10;

// Learns from the first `learned` rows: boosts until the loss on the others has not improved for
// `rounds_patience` rounds and keeps the rounds up to the best (ties: the first). Returns XGBoost's
// JSON and fills the report's rounds and losses. INVALID_ARGUMENT if the rewards are too few or all
// alike, INTERNAL is XGBoost's own error.
absl::StatusOr<std::string> Boost(const DataSet& data, size_t learned,
                                  absl::Span<const float> weights, const TrainingOptions& options,
                                  TrainingReport* report);

// Weighted log loss: -sum w (y ln p + (1 - y) ln(1 - p)) / sum w. NaN without rows.
double LogLoss(absl::Span<const float> labels, absl::Span<const float> weights,
               absl::Span<const float> predictions);

}  // namespace fulcrum::training
