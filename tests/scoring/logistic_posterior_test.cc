// Against the exact posterior, summed over a grid of coefficients, and against Laplace's
// approximation to it, found by Newton's method from all observations at once.
#include <algorithm>
#include <cmath>
#include <vector>

#include "base/random.h"
#include "scoring/posteriors.h"
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

LinearSpec LogOdds(size_t terms, double prior_sd) {
  return {.terms = terms, .noise_sd = 1, .prior_sd = prior_sd, .has_model = true, .log_odds = true};
}

void Observe(const std::vector<double>& x, double reward, Posteriors* posteriors) {
  posteriors->Observe({"page", "", "hat", x, reward});
}

Posteriors Learn(const std::vector<Seen>& seen) {
  Posteriors posteriors;
  posteriors.SetLinear("page", LogOdds(2, kPriorSd));
  for (const Seen& one : seen) Observe(one.x, one.reward, &posteriors);
  EXPECT_EQ(posteriors.ignored(), 0u);
  return posteriors;
}

Belief At(const Posteriors& posteriors, const std::vector<double>& x) {
  return posteriors.FindLinear("page", "hat")->At(x);
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
      const Posteriors learned = Learn(seen);
      const Exact exact(seen);
      for (const double logit : {-3.0, -2.0, -1.0}) {
        const std::vector<double> x = {1, logit};
        const Belief expected = exact.At(x);
        mean += std::abs(At(learned, x).mean - expected.mean) / expected.sd / (3 * kWorlds);
        sd += std::abs(At(learned, x).sd / expected.sd - 1) / (3 * kWorlds);
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
    filtered += std::abs(At(Learn(seen), x).mean - exact.mean) / exact.sd;
    laplace += std::abs(LaplaceAt(seen, x).mean - exact.mean) / exact.sd;
  }
  EXPECT_LT(filtered, laplace / 2);
}

TEST(LogisticPosterior, TheOrderMattersLessThanTheDoubt) {
  base::RandomStream random(13);
  std::vector<Seen> seen = Observations(200, &random);
  const std::vector<double> x = {1, -2};
  const Belief forwards = At(Learn(seen), x);
  std::reverse(seen.begin(), seen.end());
  const Belief backwards = At(Learn(seen), x);
  EXPECT_NEAR(forwards.mean, backwards.mean, 0.8 * forwards.sd);
}

// A sale that is refunded leaves what none would have. If others were learned between, which saw
// the wrong one, the mean is on average 0.1 and 0.2 of an sd off after one and ten of them.
TEST(LogisticPosterior, ACorrectionLeavesWhatTheOtherObservationWould) {
  base::RandomStream random(14);
  for (const int later : {0, 1, 10}) {
    double mean = 0;
    double sd = 0;
    for (int world = 0; world < 50; ++world) {
      Posteriors refunded = Learn(Observations(5, &random));
      Posteriors direct = refunded;
      const std::vector<double> x = {1, -3 + 2 * random.NextUniform()};
      Observe(x, 1, &refunded);
      Observe(x, 0, &direct);
      for (const Seen& one : Observations(later, &random)) {
        Observe(one.x, one.reward, &refunded);
        Observe(one.x, one.reward, &direct);
      }
      refunded.Correct({"page", "", "hat", x, 0}, 1);
      const Belief expected = At(direct, x);
      mean += std::abs(At(refunded, x).mean - expected.mean) / expected.sd / 50;
      sd += std::abs(At(refunded, x).sd / expected.sd - 1) / 50;
    }
    EXPECT_LT(mean, later == 0 ? 1e-5 : 0.25) << later;
    EXPECT_LT(sd, later == 0 ? 1e-5 : 0.2) << later;
  }
}

TEST(LogisticPosterior, FadesTowardThePrior) {
  constexpr int64_t kHour = 3'600'000'000;
  base::RandomStream random(15);
  Posteriors posteriors;
  posteriors.SetLinear("page", LogOdds(2, kPriorSd), kHour);
  posteriors.AdvanceTo(0);
  for (const Seen& one : Observations(100, &random)) Observe(one.x, one.reward, &posteriors);
  const std::vector<double> x = {1, -2};
  const Belief before = At(posteriors, x);
  posteriors.AdvanceTo(kHour);
  EXPECT_GT(At(posteriors, x).sd, before.sd);
  posteriors.AdvanceTo(60 * kHour);
  EXPECT_NEAR(At(posteriors, x).mean, -2, 1e-8);
  EXPECT_NEAR(At(posteriors, x).sd, std::sqrt(5.0), 1e-8);
}

// Nothing changes, and nothing that is not finite comes of it.
TEST(LogisticPosterior, WhatIsBadlyScaledTeachesNothing) {
  Posteriors posteriors = Learn({});
  Observe({1}, 1, &posteriors);
  for (const double term : {101.0, 1e6, std::nan("")}) Observe({1, term}, 1, &posteriors);
  EXPECT_EQ(posteriors.ignored(), 4u);
  EXPECT_EQ(posteriors.linear_size(), 0u);
  for (int i = 0; i < 1000; ++i) Observe({1, 99}, i % 2, &posteriors);
  EXPECT_EQ(posteriors.linear_size(), 1u);
  EXPECT_TRUE(std::isfinite(At(posteriors, {1, -2}).mean));
  EXPECT_GT(At(posteriors, {1, -2}).sd, 0);
}

// What it learned stands on the prior it had, so there is no fitting it anew.
TEST(LogisticPosterior, StartsOverUnderAnotherPrior) {
  base::RandomStream random(16);
  Posteriors posteriors = Learn(Observations(10, &random));
  posteriors.SetLinear("page", LogOdds(2, kPriorSd));
  EXPECT_EQ(posteriors.linear_size(), 1u);
  posteriors.SetLinear("page", LogOdds(2, 2 * kPriorSd));
  EXPECT_EQ(posteriors.linear_size(), 0u);
}

// Half of the users look: without knowing that, half the rate would be learned.
TEST(LogisticPosterior, LearnsTheRateOfThoseWhoLook) {
  base::RandomStream random(17);
  const std::vector<double> x = {1, -1};
  double told = 0;
  double not_told = 0;
  for (int world = 0; world < 20; ++world) {
    Posteriors with = Learn({});
    Posteriors without = Learn({});
    for (int i = 0; i < 600; ++i) {
      const bool looked = random.NextUniform() < 0.5;
      const double reward = looked && random.NextUniform() < 0.3 ? 1 : 0;
      with.Observe({"page", "", "hat", x, reward, 0, 0.5});
      Observe(x, reward, &without);
    }
    told += Sigmoid(At(with, x).mean) / 20;
    not_told += Sigmoid(At(without, x).mean) / 20;
  }
  EXPECT_NEAR(told, 0.3, 0.015);
  EXPECT_NEAR(not_told, 0.15, 0.01);
}

}  // namespace
}  // namespace fulcrum::scoring
