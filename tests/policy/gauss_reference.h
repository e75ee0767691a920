// The same probabilities by brute force: the C library's erfc in long double, support to 8.5
// deviations, panels of at most half a deviation of the narrowest arm in them, 24 nodes each, and
// products from both ends instead of quotients. Shares nothing with the code under test.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "policy/choice.h"

namespace fulcrum::policy::testing {

class GaussReference {
 public:
  GaussReference(std::vector<GaussArm> arms, double known) : arms_(std::move(arms)) {
    constexpr long double kReach = 8.5L;
    long double low = known;
    long double high = known;
    for (const GaussArm& arm : arms_) {
      low = std::max(low, arm.mean - kReach * arm.sd);
      high = std::max(high, arm.mean + kReach * arm.sd);
    }
    wins_.assign(arms_.size(), 0);
    FindNodes();
    Bisect(low, high, kReach);
    known_wins_ = known >= low ? Product(low) : 0;
    long double total = known_wins_;
    for (const long double p : wins_) total += p;
    defect_ = static_cast<double>(std::abs(1 - total));
  }

  double wins(size_t arm) const { return static_cast<double>(wins_[arm]); }
  double known_wins() const { return static_cast<double>(known_wins_); }
  double defect() const { return defect_; }  // the reference's own error

 private:
  static constexpr int kOrder = 24;

  static long double Cdf(const GaussArm& arm, long double x) {
    return std::erfc((arm.mean - x) / arm.sd / std::sqrt(2.0L)) / 2;
  }
  static long double Density(const GaussArm& arm, long double x) {
    const long double z = (x - arm.mean) / arm.sd;
    return std::exp(-z * z / 2) / (arm.sd * std::sqrt(2 * std::acos(-1.0L)));
  }
  long double Product(long double x) const {
    long double product = 1;
    for (const GaussArm& arm : arms_) product *= Cdf(arm, x);
    return product;
  }

  // Gauss-Legendre nodes by Newton's method.
  void FindNodes() {
    for (int i = 0; i < kOrder; ++i) {
      long double x = std::cos(std::acos(-1.0L) * (i + 0.75L) / (kOrder + 0.5L));
      long double slope = 0;
      for (int step = 0; step < 20; ++step) {
        long double before = 1;
        long double now = x;
        for (int k = 2; k <= kOrder; ++k) {
          const long double next = ((2 * k - 1) * x * now - (k - 1) * before) / k;
          before = now;
          now = next;
        }
        slope = kOrder * (x * now - before) / (x * x - 1);
        x -= now / slope;
      }
      nodes_[i] = x;
      weights_[i] = 2 / ((1 - x * x) * slope * slope);
    }
  }

  void Bisect(long double left, long double right, long double reach) {
    long double narrowest = INFINITY;
    for (const GaussArm& arm : arms_) {
      const bool inside = arm.mean + reach * arm.sd > left && arm.mean - reach * arm.sd < right;
      if (inside) narrowest = std::min(narrowest, static_cast<long double>(arm.sd));
    }
    if (right <= left) return;
    if (right - left > narrowest / 2) {
      const long double middle = left + (right - left) / 2;
      Bisect(left, middle, reach);
      Bisect(middle, right, reach);
      return;
    }
    for (int i = 0; i < kOrder; ++i) {
      const long double half = (right - left) / 2;
      AddNode(left + half + half * nodes_[i], half * weights_[i]);
    }
  }

  void AddNode(long double x, long double weight) {
    std::vector<long double> before(arms_.size());
    for (size_t i = 0; i < arms_.size(); ++i) {
      before[i] = weight;
      weight *= Cdf(arms_[i], x);
    }
    if (weight == 0) return;
    long double after = 1;
    for (size_t i = arms_.size(); i-- > 0;) {
      wins_[i] += before[i] * after * Density(arms_[i], x);
      after *= Cdf(arms_[i], x);
    }
  }

  std::vector<GaussArm> arms_;
  long double nodes_[kOrder] = {};
  long double weights_[kOrder] = {};
  std::vector<long double> wins_;
  long double known_wins_ = 0;
  double defect_ = 0;
};

}  // namespace fulcrum::policy::testing
