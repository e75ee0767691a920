#include "policy/logit_moments.h"

#include <algorithm>
#include <cmath>

#include "base/math.h"
#include "policy/gauss_table.h"
#include "policy/normal_cdf.h"

namespace fulcrum::policy {
namespace {

// Composite Gauss-Legendre: what `add(at, weight)` sums up at the nodes is an integral.
template <typename Add>
void Integrate(double low, double high, int panels, Add add) {
  const double half = 0.5 * (high - low) / panels;
  for (int panel = 0; panel < panels; ++panel) {
    const double centre = low + (2 * panel + 1) * half;
    for (size_t i = 0; i < kNodes; ++i) add(centre + half * kNodeAt[i], half * kWeight[i]);
  }
}

// The rate varies slowly over the density: by the density, from the rate at the mean.
RateMoments OfNarrow(const LogitArm& arm) {
  constexpr double kDensityAtMean = 0x1.9884533d43651p-2;  // 1 / sqrt(2 pi)
  const double centre = base::Sigmoid(arm.mean);
  double first = 0;
  double second = 0;
  Integrate(-8.5, 8.5, 14, [&](double z, double weight) {
    const double away = base::Sigmoid(arm.mean + arm.sd * z) - centre;
    const double share = weight * kDensityAtMean * base::Exp(-0.5 * z * z);
    first += share * away;
    second += share * away * away;
  });
  return {centre + first, std::sqrt(std::max(0.0, second - first * first))};
}

// The rate is a step: E[h(rate)] = integral of h'(rate) rate' P(logit > y) over y.
RateMoments OfWide(const LogitArm& arm) {
  double mean = 0;
  double square = 0;
  Integrate(-40, 40, 40, [&](double y, double weight) {
    const double rate = base::Sigmoid(y);
    const double share = weight * rate * base::Sigmoid(-y) * NormalCdf((arm.mean - y) / arm.sd);
    mean += share;
    square += share * 2 * rate;
  });
  return {mean, std::sqrt(std::max(0.0, square - mean * mean))};
}

}  // namespace

RateMoments MomentsOfRate(const LogitArm& arm) {
  return arm.sd <= 3 ? OfNarrow(arm) : OfWide(arm);
}

}  // namespace fulcrum::policy
