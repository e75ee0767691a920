// Against the exact posterior, summed over a grid of coefficients, and against Laplace's
// approximation to it, found by Newton's method from all observations at once.
#include "scoring/logistic_posterior.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/random.h"
#include "tests/support/status_matchers.h"

namespace fulcrum::scoring {
namespace {

constexpr double kPriorSd = 1.0;

struct Seen {
  std::vector<double> x;
  double reward = 0;
};

double Sigmoid(double z) {
  return 1 / (1 + std::exp(-z));
}

std::vector<Seen> Observations(int count, base::RandomStream* random) {
  std::vector<Seen> seen;
  for (int i = 0; i < count; ++i) {
    const double logit = -3 + 2 * random->NextUniform();
    const double z = 0.4 + 1.3 * logit;
    seen.push_back({{1, logit}, random->NextUniform() < Sigmoid(z) ? 1.0 : 0.0});
  }
  return seen;
}

LogisticArm Learn(const std::vector<Seen>& seen) {
  const LinearSpec spec = LogisticSpec(2, kPriorSd);
  LogisticArm arm(spec);
  for (const Seen& one : seen) EXPECT_TRUE(arm.Observe(spec, one.x, one.reward).has_value());
  return arm;
}

double LogPosterior(const std::vector<Seen>& seen, double a, double b) {
  double log = -(a * a + (b - 1) * (b - 1)) / (2 * kPriorSd * kPriorSd);
  for (const Seen& one : seen) {
    const double z = a + b * one.x[1];
    log += one.reward * z - (z > 0 ? z + std::log1p(std::exp(-z)) : std::log1p(std::exp(z)));
  }
  return log;
}

// The exact posterior on a grid of coefficients.
class Exact {
 public:
  explicit Exact(const std::vector<Seen>& seen) {
    const double top = LogPosterior(seen, 0, 1);  // near enough to the mode for no overflow
    for (int i = 0; i <= kNodes; ++i) {
      for (int j = 0; j <= kNodes; ++j) {
        weights_.push_back(std::exp(LogPosterior(seen, Coefficient(i), 1 + Coefficient(j)) - top));
      }
    }
  }
  Belief At(const std::vector<double>& x) const {
    double total = 0;
    double first = 0;
    double second = 0;
    for (size_t i = 0; i < weights_.size(); ++i) {
      const double a = Coefficient(static_cast<int>(i) / (kNodes + 1));
      const double b = 1 + Coefficient(static_cast<int>(i) % (kNodes + 1));
      const double z = a * x[0] + b * x[1];
      total += weights_[i];
      first += weights_[i] * z;
      second += weights_[i] * z * z;
    }
    first /= total;
    return {first, std::sqrt(second / total - first * first)};
  }

 private:
  static constexpr int kNodes = 160;
  static double Coefficient(int i) { return 6 * kPriorSd * (2.0 * i / kNodes - 1); }

  std::vector<double> weights_;
};

Belief LaplaceAt(const std::vector<Seen>& seen, const std::vector<double>& x) {
  double a = 0;
  double b = 1;
  double p00 = 0;
  double p01 = 0;
  double p11 = 0;
  double determinant = 1;
  for (int i = 0; i < 100; ++i) {
    const double prior = 1 / (kPriorSd * kPriorSd);
    p00 = p11 = prior;
    p01 = 0;
    double g0 = -a * prior;
    double g1 = -(b - 1) * prior;
    for (const Seen& one : seen) {
      const double p = Sigmoid(a + b * one.x[1]);
      g0 += one.reward - p;
      g1 += (one.reward - p) * one.x[1];
      p00 += p * (1 - p);
      p01 += p * (1 - p) * one.x[1];
      p11 += p * (1 - p) * one.x[1] * one.x[1];
    }
    determinant = p00 * p11 - p01 * p01;
    a += 0.5 * (p11 * g0 - p01 * g1) / determinant;
    b += 0.5 * (p00 * g1 - p01 * g0) / determinant;
  }
  const double variance =
      (p11 * x[0] * x[0] - 2 * p01 * x[0] * x[1] + p00 * x[1] * x[1]) / determinant;
  return {a * x[0] + b * x[1], std::sqrt(variance)};
}

TEST(LogisticPosterior, WithoutObservationsItIsTheModelsLogit) {
  const LogisticArm arm(LogisticSpec(3, 0.5));
  const std::vector<double> x = {1, -3, 0.5};
  EXPECT_DOUBLE_EQ(arm.At(x).mean, -3);
  EXPECT_DOUBLE_EQ(arm.At(x).sd, 0.5 * std::sqrt(10.25));
}

// In units of the posterior's sd. One pass that sees each observation once is not the whole truth:
// by an independent program the mean is 0.03, 0.07, 0.12 and 0.11 of an sd off after 3, 10, 50 and
// 300 observations, and 0.25, 0.36, 0.35 and 0.22 if each step is Laplace's.
TEST(LogisticPosterior, IsNearTheExactPosterior) {
  base::RandomStream random(11);
  for (const int count : {1, 3, 10, 50, 300}) {
    constexpr int kWorlds = 6;
    double mean = 0;
    double sd = 0;
    for (int world = 0; world < kWorlds; ++world) {
      const std::vector<Seen> seen = Observations(count, &random);
      const LogisticArm arm = Learn(seen);
      const Exact exact(seen);
      for (const double logit : {-3.0, -2.0, -1.0}) {
        const std::vector<double> x = {1, logit};
        const Belief expected = exact.At(x);
        mean += std::abs(arm.At(x).mean - expected.mean) / expected.sd / (3 * kWorlds);
        sd += std::abs(arm.At(x).sd / expected.sd - 1) / (3 * kWorlds);
      }
    }
    EXPECT_LT(mean, count == 1 ? 1e-5 : 0.2) << count;
    EXPECT_LT(sd, count == 1 ? 1e-5 : 0.15) << count;
  }
}

// Why not Laplace's: with few observations its mean is further off, though it sees all at once.
TEST(LogisticPosterior, IsNearerThanLaplacesWhereDoubtIsLarge) {
  base::RandomStream random(12);
  double filtered = 0;
  double laplace = 0;
  for (int world = 0; world < 20; ++world) {
    std::vector<Seen> seen = Observations(3, &random);
    seen[0].reward = 1;
    const std::vector<double> x = {1, -2};
    const Belief exact = Exact(seen).At(x);
    filtered += std::abs(Learn(seen).At(x).mean - exact.mean) / exact.sd;
    laplace += std::abs(LaplaceAt(seen, x).mean - exact.mean) / exact.sd;
  }
  EXPECT_LT(filtered, laplace / 2);
}

TEST(LogisticPosterior, TheOrderMattersLessThanTheDoubt) {
  base::RandomStream random(13);
  std::vector<Seen> seen = Observations(200, &random);
  const std::vector<double> x = {1, -2};
  const Belief forwards = Learn(seen).At(x);
  std::reverse(seen.begin(), seen.end());
  const Belief backwards = Learn(seen).At(x);
  EXPECT_NEAR(forwards.mean, backwards.mean, 0.8 * forwards.sd);
}

TEST(LogisticPosterior, ACorrectionLeavesWhatTheOtherObservationWould) {
  const LinearSpec spec = LogisticSpec(2, kPriorSd);
  base::RandomStream random(14);
  LogisticArm arm = Learn(Observations(5, &random));
  LogisticArm direct = arm;
  const std::vector<double> x = {1, -2.5};
  const auto sold = arm.Observe(spec, x, 1);
  ASSERT_TRUE(sold.has_value());
  const auto refunded = arm.Correct(spec, x, *sold, 0);
  ASSERT_TRUE(refunded.has_value());
  const auto nothing = direct.Observe(spec, x, 0);
  EXPECT_NEAR(refunded->weight, nothing->weight, 1e-12);
  EXPECT_NEAR(arm.At(x).mean, direct.At(x).mean, 1e-11);
  EXPECT_NEAR(arm.At(x).sd, direct.At(x).sd, 1e-11);
  // Later observations do not hinder it.
  arm.Observe(spec, x, 0);
  const auto again = arm.Correct(spec, x, *refunded, 1);
  ASSERT_TRUE(again.has_value());
  EXPECT_GT(arm.At(x).mean, direct.At(x).mean);
}

TEST(LogisticPosterior, FadesTowardThePrior) {
  const LinearSpec spec = LogisticSpec(2, kPriorSd);
  base::RandomStream random(15);
  LogisticArm arm = Learn(Observations(100, &random));
  const std::vector<double> x = {1, -2};
  const Belief before = arm.At(x);
  arm.Age(Discounted(spec, 0.5), 0);
  EXPECT_GT(arm.At(x).sd, before.sd);
  arm.Age(Discounted(spec, 1e-12), 0);
  EXPECT_NEAR(arm.At(x).mean, -2, 1e-8);
  EXPECT_NEAR(arm.At(x).sd, std::sqrt(5.0), 1e-8);
}

// Nothing changes, and nothing that is not finite comes of it.
TEST(LogisticPosterior, WhatIsBadlyScaledTeachesNothing) {
  const LinearSpec spec = LogisticSpec(2, kPriorSd);
  LogisticArm arm(spec);
  const std::vector<double> x = {1, -2};
  EXPECT_FALSE(arm.Observe(spec, {1}, 1).has_value());
  for (const double term : {101.0, 1e6, std::nan("")}) {
    EXPECT_FALSE(arm.Observe(spec, {1, term}, 1).has_value()) << term;
  }
  EXPECT_EQ(arm.At(x).mean, -2);
  for (int i = 0; i < 1000; ++i) arm.Observe(spec, {1, 99}, i % 2);
  EXPECT_TRUE(std::isfinite(arm.At(x).mean));
  EXPECT_GT(arm.At(x).sd, 0);
}

}  // namespace
}  // namespace fulcrum::scoring
