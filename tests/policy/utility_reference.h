// Choice probabilities of arms with utility value * rate - price by brute force, in long double:
// distribution functions by erfc and by the continued fraction of the incomplete beta function
// (NIST DLMF 8.17.22), the integral over utilities cut at every arm's ends and at every deviation
// around every arm's mode, each piece by double-exponential quadrature (Takahasi and Mori 1974),
// which end-point singularities do not disturb. Nothing is normalised. Shares nothing with the code
// under test.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "policy/choice.h"

namespace fulcrum::policy::testing {

// A rate and what is missing to 1, each with its own digits.
struct Rate {
  long double x;
  long double c;
};

inline Rate RateAtLogit(long double y) {
  const long double e = std::exp(-std::abs(y));
  const long double small = e / (1 + e);
  return y < 0 ? Rate{small, 1 / (1 + e)} : Rate{1 / (1 + e), small};
}

struct CdfAndDensity {
  long double cdf;
  long double density;  // of the rate
};

inline CdfAndDensity At(const LogitArm& arm, const Rate& rate) {
  const long double z = (std::log(rate.x) - std::log(rate.c) - arm.mean) / arm.sd;
  const long double density = std::exp(-z * z / 2) / std::sqrt(2 * std::acos(-1.0L));
  return {std::erfc(-z / std::sqrt(2.0L)) / 2, density / arm.sd / rate.x / rate.c};
}

// 1 / (1 + d1 / (1 + d2 / ..)) by the modified method of Lentz.
inline long double BetaFraction(long double a, long double b, long double x) {
  const auto d = [&](long i) {
    const long half = i / 2;  // whole
    const auto m = static_cast<long double>(half);
    return i % 2 == 0 ? m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
                      : -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
  };
  long double lower = 1 / (1 + d(1));
  long double upper = 1;
  long double fraction = lower;
  for (long i = 2; i < 1000000; ++i) {
    lower = 1 / (1 + d(i) * lower);
    upper = 1 + d(i) / upper;
    fraction *= upper * lower;
    if (std::abs(upper * lower - 1) < 1e-18L) break;
  }
  return fraction;
}

inline CdfAndDensity At(const BetaArm& arm, const Rate& rate) {
  const long double a = arm.alpha;
  const long double b = arm.beta;
  const long double n = a + b;
  // ln(x^a c^b / B(a, b)) from the mode of the logit, where the large terms cancel.
  const auto about = [](long double count, long double at, long double mode, long double change) {
    const long double f = change / mode;
    return count * (std::abs(f) < 0.5L ? std::log1p(f) : std::log(at / mode));
  };
  const auto gamma_rest = [](long double z) {  // ln Gamma(z) less Stirling's leading terms
    if (z < 1000) return std::lgamma(z) - (z - 0.5L) * std::log(z) + z;
    return std::log(2 * std::acos(-1.0L)) / 2 + 1 / (12 * z) - 1 / (360 * z * z * z);
  };
  const long double change = rate.x < 0.5L ? rate.x - a / n : b / n - rate.c;
  const long double power = about(a, rate.x, a / n, change) + about(b, rate.c, b / n, -change) +
                            (std::log(a) + std::log(b) - std::log(n)) / 2 + gamma_rest(n) -
                            gamma_rest(a) - gamma_rest(b);
  const long double front = std::exp(power);
  const bool left = rate.x < (a + 1) / (n + 2);
  const long double tail =
      left ? front / a * BetaFraction(a, b, rate.x) : front / b * BetaFraction(b, a, rate.c);
  return {left ? tail : 1 - tail, front / rate.x / rate.c};
}

// Mode and deviation on the scale of the logit.
inline std::pair<long double, long double> CentreOf(const LogitArm& arm) {
  return {arm.mean, arm.sd};
}
inline std::pair<long double, long double> CentreOf(const BetaArm& arm) {
  const long double a = arm.alpha;
  const long double b = arm.beta;
  return {std::log(a / b), std::sqrt((a + b) / a / b)};
}

template <typename Arm>
class UtilityReference {
 public:
  UtilityReference(std::vector<Arm> arms, double known) : arms_(std::move(arms)) {
    wins_.assign(arms_.size(), 0);
    long double bottom = known;
    long double top = known;
    for (const Arm& arm : arms_) {
      bottom = std::max<long double>(bottom, LowEnd(arm));
      top = std::max<long double>(top, HighEnd(arm));
    }
    std::vector<long double> cuts = Cuts(bottom, top);
    for (size_t i = 1; i < cuts.size(); ++i) Piece(cuts[i - 1], cuts[i]);
    if (std::isfinite(known) && bottom == static_cast<long double>(known)) {
      known_wins_ = 1;
      for (const Arm& arm : arms_) known_wins_ *= At(arm, bottom, 0, top, top - bottom).cdf;
    }
    long double total = known_wins_;
    for (const long double p : wins_) total += p;
    defect_ = static_cast<double>(std::abs(1 - total));
  }

  double wins(size_t arm) const { return static_cast<double>(wins_[arm]); }
  double known_wins() const { return static_cast<double>(known_wins_); }
  double defect() const { return defect_; }  // the reference's own error

 private:
  static long double LowEnd(const Arm& arm) { return -static_cast<long double>(arm.price); }
  static long double HighEnd(const Arm& arm) {
    return arm.value - static_cast<long double>(arm.price);
  }

  std::vector<long double> Cuts(long double bottom, long double top) const {
    std::vector<long double> cuts = {bottom, top};
    for (const Arm& arm : arms_) {
      cuts.push_back(HighEnd(arm));
      const auto [centre, deviation] = CentreOf(arm);
      for (int i = -7; i <= 7; ++i) {
        const Rate rate = RateAtLogit(centre + 1.25L * i * deviation);
        cuts.push_back(rate.x < 0.5L ? LowEnd(arm) + arm.value * rate.x
                                     : HighEnd(arm) - arm.value * rate.c);
      }
    }
    std::sort(cuts.begin(), cuts.end());
    std::vector<long double> kept;
    for (const long double cut : cuts) {
      if (cut < bottom || cut > top) continue;
      // Pieces too short to matter, but never an end.
      const bool close =
          !kept.empty() && cut - kept.back() < 1e-17L * (std::abs(cut) + std::abs(kept.back()));
      if (!close) kept.push_back(cut);
    }
    return kept;
  }

  // At `left` + from_left = `right` - from_right.
  static CdfAndDensity At(const Arm& arm, long double left, long double from_left,
                          long double right, long double from_right) {
    const long double u = from_left < from_right ? left + from_left : right - from_right;
    Rate rate;
    rate.x = ((left - LowEnd(arm)) + from_left) / arm.value;
    rate.c = ((HighEnd(arm) - right) + from_right) / arm.value;
    if (rate.x <= 0 || u < LowEnd(arm)) return {0, 0};
    if (rate.c <= 0 || u > HighEnd(arm)) return {1, 0};
    const CdfAndDensity at = testing::At(arm, rate);
    return {at.cdf, at.density / arm.value};
  }

  void Piece(long double left, long double right) {
    constexpr long double kStep = 1 / 8.0L;
    const long double length = right - left;
    for (int i = -56; i <= 56; ++i) {
      const long double t = i * kStep;
      const long double s = std::acos(-1.0L) / 2 * std::sinh(t);
      const Rate where = RateAtLogit(2 * s);  // (1 + tanh(s)) / 2, and what is missing to 1
      if (where.x == 0 || where.c == 0) continue;
      const long double slope = std::acos(-1.0L) * std::cosh(t) * where.x * where.c;
      AddNode(left, length * where.x, right, length * where.c, kStep * length * slope);
    }
  }

  void AddNode(long double left, long double from_left, long double right, long double from_right,
               long double weight) {
    std::vector<CdfAndDensity> at;
    std::vector<long double> before;
    for (const Arm& arm : arms_) {
      at.push_back(At(arm, left, from_left, right, from_right));
      before.push_back(weight);
      weight *= at.back().cdf;
      if (before.back() == 0) return;
    }
    long double after = 1;
    for (size_t i = arms_.size(); i-- > 0;) {
      wins_[i] += before[i] * after * at[i].density;
      after *= at[i].cdf;
    }
  }

  std::vector<Arm> arms_;
  std::vector<long double> wins_;
  long double known_wins_ = 0;
  double defect_ = 0;
};

}  // namespace fulcrum::policy::testing
