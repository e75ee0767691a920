#include "policy/logit_moments.h"

#include <cmath>
#include <cstdio>

#include "gtest/gtest.h"
#include "policy/normal_cdf.h"

namespace fulcrum::policy {
namespace {

TEST(NormalCdf, IsTheNormalOne) {
  for (double z = -9; z < 9; z += 0.0131) {
    ASSERT_NEAR(NormalCdf(z), 0.5 * std::erfc(-z / std::sqrt(2.0)), 3e-10) << z;
  }
  EXPECT_EQ(NormalCdf(-INFINITY), 0);
  EXPECT_EQ(NormalCdf(INFINITY), 1);
}

// The trapezoid rule in y, which for such functions converges faster than any power.
RateMoments Slow(double mean, double sd) {
  long double first = 0;
  long double second = 0;
  const long double centre = 1 / (1 + std::exp(-static_cast<long double>(mean)));
  const long double step = 1 / 4096.0L;
  for (long double z = -9; z <= 9; z += step) {
    const long double away = 1 / (1 + std::exp(-(mean + sd * z))) - centre;
    const long double share = step * std::exp(-z * z / 2) / std::sqrt(2 * std::acos(-1.0L));
    first += share * away;
    second += share * away * away;
  }
  return {static_cast<double>(centre + first),
          static_cast<double>(std::sqrt(second - first * first))};
}

TEST(MomentsOfRate, AreThoseOfTheLogitNormalDistribution) {
  double worst_mean = 0;
  double worst_sd = 0;
  for (const double mean : {-9.0, -3.5, -1.0, 0.0, 0.4, 6.0}) {
    for (const double sd : {1e-7, 1e-3, 0.1, 0.7, 2.0, 2.9, 3.1, 5.0, 40.0}) {
      const RateMoments moments = MomentsOfRate({mean, sd});
      const RateMoments slow = Slow(mean, sd);
      worst_mean = std::max(worst_mean, std::abs(moments.mean - slow.mean));
      worst_sd = std::max(worst_sd, std::abs(moments.sd / slow.sd - 1));
    }
  }
  std::printf("mean %.1e absolute, deviation %.1e relative\n", worst_mean, worst_sd);
  EXPECT_LT(worst_mean, 1e-8);
  EXPECT_LT(worst_sd, 1e-6);
}

}  // namespace
}  // namespace fulcrum::policy
