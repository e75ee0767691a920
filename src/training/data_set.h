// Rows as a model takes them, and how they are cut into those to learn from and those to stop by.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "config/manifest.h"

namespace fulcrum::training {

// One entry per row in each list, ascending by time. `values` is row-major with one value per
// column; NaN is missing.
struct DataSet {
  std::vector<config::ManifestColumn> columns;
  std::vector<float> values;
  std::vector<int64_t> times_us;
  std::vector<float> labels;         // rewards, 0 to 1
  std::vector<double> propensities;  // with which each row's action was shown, in (0, 1]

  size_t rows() const { return labels.size(); }
};

// How many of the rows to learn from: all are earlier than each of the others, which are about
// `share` of the rows. Rows of one instant stay together, on the later side unless that leaves
// nothing to learn from. INVALID_ARGUMENT if all rows are of one instant and share is above 0.
absl::StatusOr<size_t> SplitByTime(absl::Span<const int64_t> times_us, double share);

}  // namespace fulcrum::training
