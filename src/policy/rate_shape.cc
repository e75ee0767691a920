#include "policy/rate_shape.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/math.h"
#include "policy/normal_cdf.h"

namespace fulcrum::policy {
namespace {

constexpr double kDrop = 15;           // a Beta density ends e^-kDrop below its top
constexpr double kReach = 5.8;         // a normal one this many sds from its mean
constexpr double kTailScales = 0.375;  // curvature that stands for an exponential tail's slope
constexpr double kTailShare = 0.3;     // but at most this share of the curvature at the mode
// Towards rate 1 a density of u is a power of 1 - rate, with the tail's slope s on the logit scale
// as exponent plus 1. Eight nodes over all that is left of it are off by at most 8^(-2 s) of its
// probability, so s nats of depth come for kPowerNats each.
constexpr double kPowerNats = 4;

// Probability above kHighestLogit: there 1 - rate is a Gamma variable of shape beta over alpha +
// beta, whose lower tail is this series (NIST DLMF 8.7.1).
double BetaAboveHighest(const RateShape& shape) {
  const double c = PointAt(kHighestLogit).complement;
  const double t = (shape.first + shape.second) * c;
  if (t > shape.second + 8 * std::sqrt(shape.second) + 20) return 1;
  const double ln_x = -base::Log(shape.mode_x);
  const double ln_c = base::Log(c / shape.mode_c);
  const double density = shape.peak * base::Exp(shape.first * ln_x + shape.second * ln_c);
  double term = 1;
  double sum = 1;
  for (int k = 1; k < 500 && term > 1e-12 * sum; ++k) {
    term *= t / (shape.second + k);
    sum += term;
  }
  return std::min(1.0, density / shape.second * sum);
}

}  // namespace

RateShape ShapeOfRate(const BetaArm& arm) {
  const BetaArm clamped = Clamped(arm);
  const BetaShape beta = ShapeOf(clamped, kDrop);
  RateShape shape;
  shape.first = clamped.alpha;
  shape.second = clamped.beta;
  shape.mode_x = beta.mode.rate;
  shape.mode_c = beta.mode.complement;
  shape.peak = PeakOf(clamped);
  shape.low = beta.low;
  shape.high = beta.high;
  shape.tail_slope = std::min(kTailScales * clamped.alpha, std::sqrt(kTailShare * beta.curvature));
  // A whole power is a polynomial, and a high one bends no more than a normal density.
  const double depth = kDrop - kPowerNats * clamped.beta;
  const bool graded = depth > 0.5 && clamped.beta != std::floor(clamped.beta);
  shape.free_logit =
      graded ? ShapeOf(clamped, depth).high : -std::numeric_limits<double>::infinity();
  if (shape.high > kHighestLogit) shape.above_highest = BetaAboveHighest(shape);
  return shape;
}

RateShape ShapeOfRate(const LogitArm& arm) {
  constexpr double kDensityAtMean = 0x1.9884533d43651p-2;  // 1 / sqrt(2 pi)
  const double mean = std::clamp(arm.mean, -600.0, 600.0);
  const double sd = std::clamp(arm.sd, 1e-9, 1e6);
  const LogitPoint mode = PointAt(mean);
  RateShape shape;
  shape.normal = true;
  shape.first = 1 / sd;
  shape.mode_x = mode.rate;
  shape.mode_c = mode.complement;
  shape.peak = kDensityAtMean / sd;
  shape.low = mean - kReach * sd;
  shape.high = mean + kReach * sd;
  // Where z^2 / 2 = kDrop - kPowerNats * z / sd.
  const double slope = kPowerNats / sd;
  shape.free_logit = mean + sd * (std::sqrt(slope * slope + 2 * kDrop) - slope);
  if (shape.high > kHighestLogit) shape.above_highest = NormalCdf((mean - kHighestLogit) / sd);
  return shape;
}

}  // namespace fulcrum::policy
