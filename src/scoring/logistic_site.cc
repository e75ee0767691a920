#include "scoring/logistic_site.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "base/math.h"

namespace fulcrum::scoring {
namespace {

// ln(1 + exp(z))
double Softplus(double z) {
  return std::max(z, 0.0) + base::Log1p(base::Exp(-std::abs(z)));
}

// Where the log density is largest: its slope falls, and is 0 within sd^2 of the mean. Bisected;
// the quadrature needs no more than its surroundings.
double Mode(const Belief& before, double reward) {
  const double variance = before.sd * before.sd;
  double low = before.mean - variance;
  double high = before.mean + variance;
  for (int i = 0; i < 40; ++i) {
    const double middle = 0.5 * (low + high);
    const double slope = (before.mean - middle) / variance + reward - base::Sigmoid(middle);
    (slope > 0 ? low : high) = middle;
  }
  return 0.5 * (low + high);
}

}  // namespace

// The density is log-concave with curvature of at least 1 / sd^2, so beyond nine sd from its mode
// there is nothing. The trapezoidal rule converges like exp(-2 pi^2 / step) for the sigmoid, whose
// poles are pi from the axis, and like exp(-2 pi^2 (sd / step)^2) for the Gaussian.
//
// With d1 the mean of the slope of the log likelihood and d2 that of its curvature less the slope's
// variance, the new mean is mean + sd^2 d1 and the new variance sd^2 (1 - sd^2 d2): no difference
// of two precisions that are nearly the same.
Site LogisticSite(const Belief& before, double reward) {
  FULCRUM_CHECK(before.sd > 0 && before.sd <= kLogitSdMax && reward >= 0 && reward <= 1);
  const double variance = before.sd * before.sd;
  const double mode = Mode(before, reward);
  const auto log_density = [&](double z) {
    const double from = z - before.mean;
    return reward * z - Softplus(z) - from * from / (2 * variance);
  };
  const double at_mode = log_density(mode);
  const double step = std::min(before.sd, 1.0) / 2;
  const int steps = static_cast<int>(9 * before.sd / step) + 1;
  double total = 0;
  double first = 0;   // of p = sigmoid(z)
  double second = 0;  // of p^2
  for (int i = -steps; i <= steps; ++i) {
    const double z = mode + i * step;
    const double density = base::Exp(log_density(z) - at_mode);
    const double p = base::Sigmoid(z);
    total += density;
    first += density * p;
    second += density * (p * p);
  }
  first /= total;
  second /= total;
  const double slope = reward - first;
  const double curvature = (first - second) - (second - first * first);
  const double left = 1 - variance * curvature;  // of the variance
  if (!(curvature > 0) || !(left > 0)) return {0, slope};
  const double weight = curvature / left;
  return {weight, slope + weight * (before.mean + variance * slope)};
}

}  // namespace fulcrum::scoring
