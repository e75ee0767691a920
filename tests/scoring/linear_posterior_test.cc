#include "scoring/linear_posterior.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <utility>

#include "base/random.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "scoring/posteriors.h"
#include "tests/support/without_fma.h"

namespace fulcrum::scoring {
namespace {

using ::testing::ElementsAre;

struct Seen {
  std::vector<double> x;
  double reward = 0;
};

std::vector<double> RandomTerms(size_t terms, base::RandomStream* random) {
  std::vector<double> x = {1};
  while (x.size() < terms) x.push_back(4 * random->NextUniform() - 2);
  return x;
}

std::vector<Seen> RandomHistory(size_t terms, size_t count, base::RandomStream* random) {
  std::vector<Seen> history;
  for (size_t i = 0; i < count; ++i) {
    history.push_back({RandomTerms(terms, random), 3 * random->NextUniform() - 1});
  }
  return history;
}

LinearArm Learned(const LinearSpec& spec, const std::vector<Seen>& history) {
  LinearArm arm(spec);
  for (const Seen& seen : history) EXPECT_TRUE(arm.Add(spec, seen.x, 1, seen.reward));
  return arm;
}

// The definition, slowly: the normal equations of all observations at once, solved by elimination
// with pivots in long double.
Belief Dense(const LinearSpec& spec, const std::vector<Seen>& history,
             const std::vector<double>& x) {
  using Number = long double;
  const size_t n = spec.terms;
  const Number noise = 1 / (Number{spec.noise_sd} * spec.noise_sd);
  const Number prior = 1 / (Number{spec.prior_sd} * spec.prior_sd);
  // Columns: P, then h and x.
  std::vector<std::vector<Number>> rows(n, std::vector<Number>(n + 2, 0));
  for (size_t i = 0; i < n; ++i) {
    rows[i][i] = prior;
    rows[i][n] = spec.has_model && i == 1 ? prior : 0;
    rows[i][n + 1] = x[i];
    for (const Seen& seen : history) {
      for (size_t j = 0; j < n; ++j) rows[i][j] += noise * seen.x[i] * seen.x[j];
      rows[i][n] += noise * seen.x[i] * seen.reward;
    }
  }
  for (size_t column = 0; column < n; ++column) {
    size_t pivot = column;
    for (size_t i = column; i < n; ++i) {
      if (std::abs(rows[i][column]) > std::abs(rows[pivot][column])) pivot = i;
    }
    std::swap(rows[column], rows[pivot]);
    for (size_t i = 0; i < n; ++i) {
      if (i == column) continue;
      const Number factor = rows[i][column] / rows[column][column];
      for (size_t j = column; j < n + 2; ++j) rows[i][j] -= factor * rows[column][j];
    }
  }
  Number mean = 0;
  Number variance = 0;
  for (size_t i = 0; i < n; ++i) {
    mean += x[i] * rows[i][n] / rows[i][i];
    variance += x[i] * rows[i][n + 1] / rows[i][i];
  }
  return {static_cast<double>(mean), static_cast<double>(std::sqrt(variance))};
}

void ExpectNear(const Belief& a, const Belief& b, double tolerance) {
  EXPECT_NEAR(a.mean, b.mean, tolerance * std::max(1.0, std::abs(b.mean)));
  EXPECT_NEAR(a.sd, b.sd, tolerance * b.sd);
}

TEST(LinearPosterior, IsTheDenseSolution) {
  base::RandomStream random(42);
  for (int round = 0; round < 60; ++round) {
    const LinearSpec spec = {.terms = 2 + random.NextBelow(kTermsMax - 1),
                             .noise_sd = 0.05 + random.NextUniform(),
                             .prior_sd = 0.05 + 3 * random.NextUniform(),
                             .has_model = random.NextBelow(2) == 0};
    const auto history = RandomHistory(spec.terms, random.NextBelow(80), &random);
    const LinearArm arm = Learned(spec, history);
    const std::vector<double> x = RandomTerms(spec.terms, &random);
    ExpectNear(arm.At(x), Dense(spec, history, x), 1e-9);
  }
}

TEST(LinearPosterior, WithoutObservationsIsThePrior) {
  base::RandomStream random(1);
  const LinearSpec spec = {.terms = 6, .noise_sd = 0.3, .prior_sd = 0.7, .has_model = true};
  const std::vector<double> x = RandomTerms(6, &random);
  ExpectNear(LinearArm(spec).At(x), PriorBelief(0.7, x), 1e-14);
  EXPECT_EQ(PriorBelief(0.7, x).mean, x[1]) << "the model's score";
  EXPECT_EQ(PriorBelief(2, {1, 0}).sd, 2);
}

// One observation of x = [1, 0]: the textbook's precision-weighted mean.
TEST(LinearPosterior, OneTermHasAClosedForm) {
  const LinearSpec spec = {.terms = 2, .noise_sd = 0.5, .prior_sd = 2, .has_model = false};
  LinearArm arm(spec);
  ASSERT_TRUE(arm.Add(spec, {1, 0}, 1, 3));
  const double precision = 1 / 4.0 + 1 / 0.25;
  ExpectNear(arm.At({1, 0}), {3 / 0.25 / precision, std::sqrt(1 / precision)}, 1e-14);
}

TEST(LinearPosterior, TheOrderOfObservationsDoesNotMatter) {
  base::RandomStream random(7);
  const LinearSpec spec = {.terms = 8, .noise_sd = 0.3, .prior_sd = 0.3, .has_model = true};
  std::vector<Seen> history = RandomHistory(8, 500, &random);
  const LinearArm forwards = Learned(spec, history);
  std::reverse(history.begin(), history.end());
  const LinearArm backwards = Learned(spec, history);
  for (int i = 0; i < 20; ++i) {
    const std::vector<double> x = RandomTerms(8, &random);
    ExpectNear(forwards.At(x), backwards.At(x), 1e-9);
  }
}

TEST(LinearPosterior, ACorrectionIsAsIfTheFinalRewardHadComeFirst) {
  base::RandomStream random(8);
  const LinearSpec spec = {.terms = 5, .noise_sd = 0.4, .prior_sd = 0.3, .has_model = true};
  LinearArm at_once(spec);
  LinearArm corrected(spec);
  for (const Seen& seen : RandomHistory(5, 200, &random)) {
    const double earlier = 5 * random.NextUniform();
    at_once.Add(spec, seen.x, 1, seen.reward);
    corrected.Add(spec, seen.x, 1, earlier);
    corrected.Add(spec, seen.x, 0, seen.reward - earlier);
  }
  const std::vector<double> x = RandomTerms(5, &random);
  ExpectNear(corrected.At(x), at_once.At(x), 1e-12);
}

TEST(LinearPosterior, LearnsTheTruth) {
  base::RandomStream random(9);
  const LinearSpec spec = {.terms = 3, .noise_sd = 0.3, .prior_sd = 0.3, .has_model = true};
  LinearArm arm(spec);
  for (int i = 0; i < 20000; ++i) {
    const std::vector<double> x = RandomTerms(3, &random);
    const double noise = 0.3 * std::sqrt(12.0) * (random.NextUniform() - 0.5);
    arm.Add(spec, x, 1, 0.2 - 0.5 * x[1] + 0.1 * x[2] + noise);
  }
  const Belief belief = arm.At({1, 1, -1});
  EXPECT_LT(belief.sd, 0.01);
  EXPECT_NEAR(belief.mean, 0.2 - 0.5 - 0.1, 4 * belief.sd);
}

// One huge term spoils the condition of P: the belief stays.
TEST(LinearPosterior, AnIllConditionedChangeKeepsTheLastGoodFactor) {
  const LinearSpec spec = {.terms = 3, .noise_sd = 1, .prior_sd = 1, .has_model = true};
  LinearArm arm(spec);
  ASSERT_TRUE(arm.Add(spec, {1, 0.5, 0}, 1, 2));
  EXPECT_EQ(arm.fitted(), nullptr);
  const Belief before = arm.At({1, 0.5, 0.25});
  ASSERT_FALSE(arm.Add(spec, {1, 0.5, 4e6}, 1, 2));
  ASSERT_FALSE(arm.Add(spec, {1, 0.5, 0.1}, 1, 2));
  EXPECT_LT(arm.condition(), LinearArm::kConditionMax);
  EXPECT_EQ(arm.At({1, 0.5, 0.25}).mean, before.mean);
  EXPECT_EQ(arm.At({1, 0.5, 0.25}).sd, before.sd);
  ASSERT_NE(arm.fitted(), nullptr);
  // The same from its durable form.
  const LinearArm read(spec, arm.sums(), arm.fitted());
  EXPECT_EQ(read.At({1, 0.5, 0.25}).mean, before.mean);
  // Taken back out, the sums are good again and count.
  ASSERT_TRUE(arm.Add(spec, {1, 0.5, 4e6}, -1, -2));
  EXPECT_EQ(arm.fitted(), nullptr);
  EXPECT_LT(arm.At({1, 0.5, 0.25}).sd, before.sd);
}

TEST(LinearPosterior, TheConditionIsThatOfP) {
  const LinearSpec spec = {.terms = 2, .noise_sd = 1, .prior_sd = 1, .has_model = false};
  EXPECT_DOUBLE_EQ(LinearArm(spec).condition(), 1);
  LinearArm arm(spec);
  ASSERT_TRUE(arm.Add(spec, {1000, 0}, 1, 0));
  EXPECT_NEAR(arm.condition(), 1e6 + 1, 1e-3);
}

TEST(LinearPosterior, TermsOfARequest) {
  config::LinearPosterior linear;
  linear.segments = {"old", "young"};
  linear.context_keys = {"hour", "depth", "name", "nan", "huge"};
  base::StringMap<domain::FeatureValue> context;
  context["hour"] = 13.5;
  context["name"] = "text";
  context["nan"] = std::numeric_limits<double>::quiet_NaN();
  context["huge"] = -1e300;
  const std::vector<double> shared = SharedTerms(linear, "young", context);
  EXPECT_THAT(shared, ElementsAre(0, 1, 13.5, 0, 0, 0, -kTermMax));
  EXPECT_THAT(SharedTerms(linear, "", {}), ElementsAre(0, 0, 0, 0, 0, 0, 0));
  EXPECT_THAT(TermsOf(0.25, {3, 4}), ElementsAre(1, 0.25, 3, 4));
  EXPECT_THAT(TermsOf(1e300, {}), ElementsAre(1, kTermMax));
  EXPECT_EQ(SpecOf(linear, true).terms, TermsOf(0, shared).size());
}

// Whatever a request brings, the belief is a Gaussian.
TEST(LinearPosterior, IsAlwaysFinite) {
  base::RandomStream random(10);
  const LinearSpec spec = {.terms = 4, .noise_sd = 1e-6, .prior_sd = 1e-3, .has_model = true};
  LinearArm arm(spec);
  for (int i = 0; i < 500; ++i) {
    const double size = std::pow(10.0, 12 * random.NextUniform() - 6);
    arm.Add(spec, {1, size * random.NextUniform(), size, -size}, 1, 1e12 * random.NextUniform());
    const Belief belief = arm.At({1, kTermMax, -kTermMax, size});
    ASSERT_TRUE(std::isfinite(belief.mean) && std::isfinite(belief.sd) && belief.sd > 0) << i;
  }
}

// Other compilers and processors give the same bits.
TEST(LinearBits, ArePinned) {
  base::RandomStream random(2026);
  const LinearSpec spec = {.terms = 7, .noise_sd = 0.3, .prior_sd = 0.3, .has_model = true};
  uint64_t hash = 0;
  LinearArm arm(spec);
  for (const Seen& seen : RandomHistory(7, 300, &random)) {
    arm.Add(spec, seen.x, 1, seen.reward);
    const Belief belief = arm.At(seen.x);
    for (const double value : {belief.mean, belief.sd, arm.condition()}) {
      hash = (hash ^ std::bit_cast<uint64_t>(value)) * 0x100000001b3ULL;
    }
  }
  EXPECT_EQ(hash, 10030704841115418617ULL);
}

TEST(LinearBits, AreTheSameWithoutFma) {
  EXPECT_EQ(fulcrum::testing::RerunWithoutFma("LinearBits.ArePinned"), 0);
}

}  // namespace
}  // namespace fulcrum::scoring
