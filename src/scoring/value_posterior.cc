#include "scoring/value_posterior.h"

#include <algorithm>
#include <cmath>

namespace fulcrum::scoring {

ArmCounts ValueOf(double reward) {
  return {.trials = 1,
          .successes = reward == 0 ? 0.0 : 1.0,
          .amount = reward,
          .squares = reward * reward};
}

Belief ValueBelief(const config::ValuePosterior& prior, const BetaPosterior& sale,
                   const ArmCounts& counts) {
  // Less than that is rounding, or forgotten.
  constexpr double kSalesMin = 1e-9;
  double sales = 0;
  double seen = prior.amount_mean;
  double deviations = 0;
  if (counts.successes > kSalesMin) {
    sales = counts.successes;
    seen = std::clamp(counts.amount / sales, -prior.cap, prior.cap);
    deviations = std::max(counts.squares - sales * (seen * seen), 0.0);
  }
  const double n = prior.amount_sales + sales;
  const double mean = (prior.amount_sales * prior.amount_mean + sales * seen) / n;
  const double distance = seen - prior.amount_mean;
  const double variance = (prior.amount_sales * (prior.amount_sd * prior.amount_sd) + deviations +
                           prior.amount_sales * sales * (distance * distance) / n) /
                          n;
  const double of_mean = variance / n;

  const double trials = sale.alpha + sale.beta;
  const double p = sale.alpha / trials;
  const double of_p = p * (1 - p) / (trials + 1);
  // E p^2 E m^2 - (E p E m)^2 without the difference of two large numbers.
  const double of_product = of_p * (mean * mean) + (p * p + of_p) * of_mean;
  return {p * mean, std::sqrt(of_product)};
}

}  // namespace fulcrum::scoring
