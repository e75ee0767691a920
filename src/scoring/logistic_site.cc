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

// One trial of which the share `reward` succeeded, seen with probability `seen`. Of its failing
// part the log likelihood falls by h = seen p q / (1 - seen p) per unit of z, q = 1 - p.
class Trial {
 public:
  Trial(double reward, double seen) : reward_(reward), seen_(seen) {}

  double LogLikelihood(double z) const {
    const double failure =
        seen_ == 1 ? -Softplus(z) : base::Log((1 - seen_) + seen_ * base::Sigmoid(-z));
    return -reward_ * Softplus(-z) + (1 - reward_) * failure;
  }
  double Slope(double z) const { return reward_ * base::Sigmoid(-z) - (1 - reward_) * Fall(z); }
  double Curvature(double z) const {  // the second derivative, sign turned
    const double p = base::Sigmoid(z);
    const double q = base::Sigmoid(-z);
    const double fall = Fall(z);
    return reward_ * (p * q) + (1 - reward_) * fall * ((q - p) + fall);
  }
  double Fall(double z) const {
    const double p = base::Sigmoid(z);
    if (seen_ == 1) return p;
    const double q = base::Sigmoid(-z);
    return seen_ * p * (q / ((1 - seen_) + seen_ * q));
  }

 private:
  double reward_;
  double seen_;
};

// Where the log density is largest: its slope falls, and is 0 within sd^2 of the mean. Bisected;
// the quadrature needs no more than its surroundings. (With `seen` below 1 it may be one of
// several.)
double Mode(const Belief& before, const Trial& trial) {
  const double variance = before.sd * before.sd;
  double low = before.mean - variance;
  double high = before.mean + variance;
  for (int i = 0; i < 40; ++i) {
    const double middle = 0.5 * (low + high);
    const double slope = (before.mean - middle) / variance + trial.Slope(middle);
    (slope > 0 ? low : high) = middle;
  }
  return 0.5 * (low + high);
}

}  // namespace

// The density is a Gaussian times a likelihood. Seen for sure that is log-concave, so beyond nine
// sd from its mode there is nothing; else a failure says so little that the prior's nine sd count
// too. The trapezoidal rule converges like exp(-2 pi^2 / step) for the sigmoid, whose poles are pi
// from the axis, and like exp(-2 pi^2 (sd / step)^2) for the Gaussian.
//
// With d1 the mean of the slope of the log likelihood and d2 that of its curvature less the slope's
// variance, the new mean is mean + sd^2 d1 and the new variance sd^2 (1 - sd^2 d2): no difference
// of two precisions that are nearly the same.
Site LogisticSite(const Belief& before, double reward, double examination) {
  FULCRUM_CHECK(before.sd > 0 && before.sd <= kLogitSdMax && reward >= 0 && reward <= 1);
  FULCRUM_CHECK(examination > 0 && examination <= 1);
  const Trial trial(reward, examination);
  const double variance = before.sd * before.sd;
  const double mode = Mode(before, trial);
  const auto log_density = [&](double z) {
    const double from = z - before.mean;
    return trial.LogLikelihood(z) - from * from / (2 * variance);
  };
  const double largest = std::max(log_density(mode), log_density(before.mean));
  const double step = std::min(before.sd, 1.0) / 2;
  const double also = examination < 1 ? before.mean : mode;
  const double low = std::min(mode, also) - 9 * before.sd;
  const int steps = static_cast<int>((std::max(mode, also) + 9 * before.sd - low) / step) + 1;
  double total = 0;
  double slope = 0;
  double squares = 0;  // of the slope
  double curvature = 0;
  for (int i = 0; i <= steps; ++i) {
    const double z = low + i * step;
    const double density = base::Exp(log_density(z) - largest);
    const double at = trial.Slope(z);
    total += density;
    slope += density * at;
    squares += density * (at * at);
    curvature += density * trial.Curvature(z);
  }
  slope /= total;
  curvature = curvature / total - (squares / total - slope * slope);
  const double left = 1 - variance * curvature;  // of the variance
  if (!(curvature > 0) || !(left > 0)) return {0, slope};
  const double weight = curvature / left;
  return {weight, slope + weight * (before.mean + variance * slope)};
}

Site LogisticChange(const Belief& now, double before, double reward, double examination,
                    double weight) {
  constexpr int kSteps = 40;
  constexpr double kPrecisionMin = 1 / (kLogitSdMax * kLogitSdMax);
  const double precision = 1 / (now.sd * now.sd);
  Site site;
  Belief without = now;
  for (int i = 0; i < kSteps; ++i) {
    const Site next = LogisticSite(without, before, examination);
    site = {0.5 * (site.weight + next.weight), 0.5 * (site.reward + next.reward)};
    const double left = std::max(precision - weight * site.weight, kPrecisionMin);
    without = {(now.mean * precision - weight * site.reward) / left, 1 / std::sqrt(left)};
  }
  const Site other = LogisticSite(without, reward, examination);
  return {other.weight - site.weight, other.reward - site.reward};
}

}  // namespace fulcrum::scoring
