#include "training/weights.h"

#include <algorithm>

namespace fulcrum::training {

Weights InversePropensities(absl::Span<const double> propensities, size_t learned, double cut) {
  Weights weights;
  for (const double propensity : propensities.subspan(0, learned)) {
    weights.mean_inverse += 1 / propensity;
  }
  weights.mean_inverse /= static_cast<double>(learned);
  weights.values.reserve(propensities.size());
  double total = 0;
  double squares = 0;
  size_t cut_rows = 0;
  for (const double propensity : propensities) {
    const double weight = 1 / propensity / weights.mean_inverse;
    const double kept = std::min(weight, cut);
    cut_rows += weight > cut ? 1 : 0;
    total += kept;
    squares += kept * kept;
    weights.values.push_back(static_cast<float>(kept));
  }
  weights.cut_share = static_cast<double>(cut_rows) / static_cast<double>(propensities.size());
  weights.effective_sample_size = total * total / squares;
  return weights;
}

}  // namespace fulcrum::training
