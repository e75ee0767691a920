// Weights of training rows: the inverse of the propensity, so that the logging policy's preferences
// do not become the model's, cut so that no row outweighs all others.
#pragma once

#include <cstddef>
#include <vector>

#include "absl/types/span.h"

namespace fulcrum::training {

struct Weights {
  std::vector<float> values;
  double mean_inverse = 0;           // mean of 1/propensity over the rows learned from
  double cut_share = 0;              // of all rows
  double effective_sample_size = 0;  // (sum w)^2 / sum w^2 over all rows (Kish 1965)
};

// 1/propensity in multiples of its mean over the first `learned` rows, at most `cut`: nothing of
// the rows held back enters the weights of those learned from.
Weights InversePropensities(absl::Span<const double> propensities, size_t learned, double cut);

}  // namespace fulcrum::training
