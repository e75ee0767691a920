// The tables from first principles: Newton's method on Legendre polynomials, and the exactness that
// defines the weights.
#include "policy/gauss_table.h"

#include <cmath>

#include "gtest/gtest.h"

namespace fulcrum::policy {
namespace {

struct Legendre {
  long double value;
  long double slope;
};

Legendre LegendreAt(int degree, long double x) {
  long double before = 1;
  long double now = x;
  for (int k = 2; k <= degree; ++k) {
    const long double next = ((2 * k - 1) * x * now - (k - 1) * before) / k;
    before = now;
    now = next;
  }
  return {now, degree * (x * now - before) / (x * x - 1)};
}

TEST(GaussTable, HasTheRootsAndWeights) {
  for (int i = 0; i < kNodes; ++i) {
    long double x = kNodeAt[i];
    for (int step = 0; step < 3; ++step) {
      const Legendre at = LegendreAt(kNodes, x);
      x -= at.value / at.slope;
    }
    EXPECT_NEAR(kNodeAt[i], static_cast<double>(x), 1e-15);
    const long double slope = LegendreAt(kNodes, x).slope;
    EXPECT_NEAR(kWeight[i], static_cast<double>(2 / ((1 - x * x) * slope * slope)), 1e-15);
  }
}

TEST(GaussTable, IntegratesPowersToTheRightEnd) {
  for (int power = 0; power < kNodes; ++power) {
    for (int i = 0; i < kNodes; ++i) {
      double integral = 0;
      for (int j = 0; j < kNodes; ++j) {
        integral += kRightIntegral[j][i] * std::pow(kNodeAt[j], power);
      }
      EXPECT_NEAR(integral, (1 - std::pow(kNodeAt[i], power + 1)) / (power + 1), 1e-14);
    }
  }
}

}  // namespace
}  // namespace fulcrum::policy
