#include "evaluation/bootstrap.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>

#include "base/random.h"

namespace fulcrum::evaluation {
namespace {

std::vector<Terms> MakeTerms(size_t count) {
  base::RandomStream random(1);
  std::vector<Terms> terms(count);
  for (Terms& one : terms) {
    one.rows = 1;
    one.weight = random.NextUniform() * 2;
    one.weighted_reward = one.weight * random.NextUniform();
    one.direct = random.NextUniform();
    one.robust = one.direct + one.weighted_reward - 0.5;
    one.slates = one.stable_weight = 1;
    one.cascade = one.whole = one.stable_reward = one.weighted_reward;
  }
  return terms;
}

TEST(Bootstrap, IsTheSameOnAnyNumberOfThreads) {
  const std::vector<Terms> terms = MakeTerms(300);
  const std::vector<Values> one = Resample(terms, 7, 101, 1);
  EXPECT_EQ(Resample(terms, 7, 101, 3), one);
  EXPECT_EQ(Resample(terms, 7, 101, 200), one);
  EXPECT_NE(Resample(terms, 8, 101, 1), one);
}

// More resamples begin with the ones that fewer are.
TEST(Bootstrap, EachResampleIsItsOwn) {
  const std::vector<Terms> terms = MakeTerms(300);
  std::vector<Values> more = Resample(terms, 7, 50, 2);
  more.resize(20);
  EXPECT_EQ(more, Resample(terms, 7, 20, 2));
  EXPECT_NE(more[0], more[1]);
}

// Pinned, so that an analysis can be repeated later.
TEST(Bootstrap, ASeedMeansTheSameForGood) {
  std::vector<Terms> terms(10);
  for (size_t i = 0; i < terms.size(); ++i) {
    terms[i].rows = 1;
    terms[i].weighted_reward = static_cast<double>(size_t{1} << (3 * i));
  }
  // Octal digits: how often each row was drawn.
  const Values drawn = Resample(terms, 1, 1, 1)[0];
  EXPECT_EQ(std::llround(drawn[0] * 10), 01021101112);
}

// The spread of a mean is known.
TEST(Bootstrap, SpreadsLikeAMean) {
  const std::vector<Terms> terms = MakeTerms(400);
  const Values values = EstimateAll(terms);
  double variance = 0;
  for (const Terms& one : terms) {
    variance += (one.weighted_reward - values[0]) * (one.weighted_reward - values[0]) / 400 / 400;
  }
  constexpr int kResamples = 20'000;
  double resampled = 0;
  double mean = 0;
  for (const Values& one : Resample(terms, 3, kResamples, 0)) {
    resampled += (one[0] - values[0]) * (one[0] - values[0]) / kResamples;
    mean += one[0] / kResamples;
  }
  EXPECT_NEAR(mean, values[0], 4 * std::sqrt(variance / kResamples));
  EXPECT_NEAR(resampled / variance, 1, 0.05);  // its own relative error is sqrt(2 / 20,000)
}

TEST(Bootstrap, PercentilesInterpolateAndLeaveOutNaNs) {
  std::vector<Values> values;
  for (int i = 100; i >= 0; --i) values.push_back({static_cast<double>(i), NAN, 0, 0});
  values.push_back({NAN, NAN, 0, 0});
  const auto [low, high] = PercentileInterval(values, Estimator::kIps, 0.95);
  EXPECT_NEAR(low, 2.5, 1e-12);
  EXPECT_NEAR(high, 97.5, 1e-12);
  const auto [narrow_low, narrow_high] = PercentileInterval(values, Estimator::kIps, 0.5);
  EXPECT_DOUBLE_EQ(narrow_low, 25);
  EXPECT_DOUBLE_EQ(narrow_high, 75);
  EXPECT_TRUE(std::isnan(PercentileInterval(values, Estimator::kSnips, 0.95).first));
  EXPECT_TRUE(std::isnan(PercentileInterval({}, Estimator::kIps, 0.95).second));
}

TEST(Bootstrap, NothingToDrawFromIsNoNumber) {
  for (const Values& one : Resample({}, 1, 3, 2)) EXPECT_TRUE(std::isnan(one[0]));
  EXPECT_TRUE(Resample(MakeTerms(3), 1, 0, 2).empty());
}

}  // namespace
}  // namespace fulcrum::evaluation
