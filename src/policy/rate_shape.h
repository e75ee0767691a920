// A posterior on a rate as the utility quadrature sees it: a density of the logit y, whatever its
// family. Pure functions; no errors.
#pragma once

#include "policy/beta_density.h"
#include "policy/choice.h"

namespace fulcrum::policy {

// Logits above the first count as one, and so do those below the second.
inline constexpr double kHighestLogit = 27;  // 1 - rate = 1.9e-12
inline constexpr double kLowestLogit = -690;

// With x the rate and c = 1 - x, each over its value at the mode, ln(density / peak) is
// first * ln(x) + second * ln(c) for Beta, and -(first * (ln(x) - ln(c)))^2 / 2 for normal.
struct RateShape {
  bool normal = false;
  double first = 0, second = 0;
  double mode_x = 0.5, mode_c = 0.5;
  double peak = 0;           // density of y at the mode
  double low = 0, high = 0;  // of y, where the density is nil
  double tail_slope = 0;     // least slope left of the mode that panels resolve
  double free_logit = 0;     // one panel does for all that is right of it
  double above_highest = 0;  // probability of logits above kHighestLogit, 0 if `high` is not
};

// Parameters are clamped to what the arithmetic resolves: counts as in beta_density.h; means of
// logits to 600 either way, sds to [1e-9, 1e6].
RateShape ShapeOfRate(const BetaArm& arm);
RateShape ShapeOfRate(const LogitArm& arm);

}  // namespace fulcrum::policy
