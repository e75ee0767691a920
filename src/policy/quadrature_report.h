// What a quadrature tells besides the probabilities.
#pragma once

namespace fulcrum::policy {

struct QuadratureReport {
  double known_wins = 0;  // probability that the known value exceeds every arm
  double defect = 0;      // |1 - sum| before normalising: how wrong the quadrature can be
  int panels = 0;
  bool capped = false;  // the panel cap was hit: valid probabilities, less faithful
};

}  // namespace fulcrum::policy
