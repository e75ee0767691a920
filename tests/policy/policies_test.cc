// Policies other than Thompson sampling: against their formulas computed plainly, and what must
// hold whatever the posteriors are.
#include "policy/policies.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/random.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace fulcrum::policy {
namespace {

using ::testing::DoubleEq;
using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::Pointwise;

const std::vector<Policy> kPolicies = {
    {PolicyKind::kThompson, 0},      {PolicyKind::kGreedy, 0},
    {PolicyKind::kEpsilonGreedy, 1}, {PolicyKind::kEpsilonGreedy, 0.2},
    {PolicyKind::kSoftmax, 0.03},    {PolicyKind::kUpperBound, 2},
    {PolicyKind::kInverseGap, 300},  {PolicyKind::kTopTwo, 0.5},
    {PolicyKind::kTopTwo, 0}};

struct Situation {
  std::vector<Posterior> arms;
  Baseline baseline;
};

Situation RandomSituation(base::RandomStream& random) {
  Situation situation;
  const bool gauss = random.NextBelow(2) == 0;
  const auto posterior = [&]() -> Posterior {
    if (gauss) return GaussArm{random.NextUniform(), 0.01 + 0.3 * random.NextUniform()};
    return BetaArm{0.5 + 20 * random.NextUniform(), 1 + 60 * random.NextUniform()};
  };
  situation.arms.resize(1 + random.NextBelow(12));
  for (Posterior& arm : situation.arms) arm = posterior();
  situation.baseline.posterior = posterior();
  if (random.NextBelow(2) == 0) situation.baseline.known_value = 0.5 * random.NextUniform();
  return situation;
}

// By the textbook, with nothing of the code under test.
double ExpectedOf(const Posterior& posterior) {
  if (const auto* const gauss = std::get_if<GaussArm>(&posterior)) return gauss->mean;
  const auto& beta = std::get<BetaArm>(posterior);
  return beta.alpha / (beta.alpha + beta.beta);
}
double VarianceOf(const Posterior& posterior) {
  if (const auto* const gauss = std::get_if<GaussArm>(&posterior)) return gauss->sd * gauss->sd;
  const auto& beta = std::get<BetaArm>(posterior);
  const double n = beta.alpha + beta.beta;
  return beta.alpha * beta.beta / (n * n * (n + 1));
}

std::vector<double> MeansOf(const Situation& situation, double width = 0) {
  std::vector<double> means;
  for (const Posterior& arm : situation.arms) {
    means.push_back(ExpectedOf(arm) + width * std::sqrt(VarianceOf(arm)));
  }
  const Posterior& neutral = situation.baseline.posterior;
  means.push_back(situation.baseline.known_value.value_or(ExpectedOf(neutral) +
                                                          width * std::sqrt(VarianceOf(neutral))));
  return means;
}

std::vector<double> Apply(const Policy& policy, const Situation& situation) {
  return ActionProbabilities(policy, situation.arms, situation.baseline);
}

size_t BestOf(const std::vector<double>& values) {
  return static_cast<size_t>(std::max_element(values.begin(), values.end()) - values.begin());
}

class Policies : public ::testing::TestWithParam<Policy> {};

TEST_P(Policies, IsADistributionThatFollowsTheArmsWhereverTheyStand) {
  base::RandomStream random(7);
  for (int round = 0; round < 300; ++round) {
    Situation situation = RandomSituation(random);
    const std::vector<double> before = Apply(GetParam(), situation);
    ASSERT_EQ(before.size(), situation.arms.size() + 1);
    for (const double one : before) ASSERT_TRUE(one >= 0 && one <= 1 + 1e-9) << one;
    ASSERT_NEAR(std::accumulate(before.begin(), before.end(), 0.0), 1, 1e-9);
    std::reverse(situation.arms.begin(), situation.arms.end());
    std::vector<double> after = Apply(GetParam(), situation);
    std::reverse(after.begin(), after.end() - 1);
    ASSERT_THAT(after, Pointwise(DoubleNear(1e-9), before));
  }
}

TEST_P(Policies, GivesEqualsAlike) {
  const Situation situation = {{BetaArm{3, 40}, BetaArm{3, 40}, BetaArm{3, 40}},
                               {std::nullopt, BetaArm{3, 40}}};
  EXPECT_THAT(Apply(GetParam(), situation),
              ElementsAre(DoubleNear(0.25, 1e-9), DoubleNear(0.25, 1e-9), DoubleNear(0.25, 1e-9),
                          DoubleNear(0.25, 1e-9)));
}

TEST_P(Policies, NothingToChooseIsTheNeutralAction) {
  EXPECT_THAT(ActionProbabilities(GetParam(), {}, {}), ElementsAre(1.0));
}

INSTANTIATE_TEST_SUITE_P(All, Policies, ::testing::ValuesIn(kPolicies), [](const auto& test) {
  std::string name = NameOf(test.param.kind) + std::to_string(test.index);
  name.erase(std::remove(name.begin(), name.end(), '_'), name.end());
  return name;
});

TEST(PoliciesParity, EveryFormulaByItsTextbook) {
  base::RandomStream random(8);
  for (int round = 0; round < 300; ++round) {
    const Situation situation = RandomSituation(random);
    const std::vector<double> means = MeansOf(situation);
    const size_t best = BestOf(means);
    const auto count = static_cast<double>(means.size());
    std::vector<double> greedy(means.size(), 0), epsilon(means.size(), 0.3 / count),
        softmax(means.size()), gap(means.size()), bound(means.size(), 0);
    greedy[best] = 1;
    epsilon[best] += 0.7;
    double sum = 0;
    for (const double mean : means) sum += std::exp(mean / 0.05);
    double rest = 1;
    for (size_t i = 0; i < means.size(); ++i) {
      softmax[i] = std::exp(means[i] / 0.05) / sum;
      if (i != best) rest -= gap[i] = 1 / (count + 200 * (means[best] - means[i]));
    }
    gap[best] = rest;
    bound[BestOf(MeansOf(situation, 1.5))] = 1;
    const auto near = Pointwise(DoubleNear(1e-12), greedy);
    EXPECT_THAT(Apply({PolicyKind::kGreedy, 0}, situation), near);
    EXPECT_THAT(Apply({PolicyKind::kEpsilonGreedy, 0.3}, situation),
                Pointwise(DoubleNear(1e-12), epsilon));
    EXPECT_THAT(Apply({PolicyKind::kSoftmax, 0.05}, situation),
                Pointwise(DoubleNear(1e-12), softmax));
    EXPECT_THAT(Apply({PolicyKind::kInverseGap, 200}, situation),
                Pointwise(DoubleNear(1e-12), gap));
    EXPECT_THAT(Apply({PolicyKind::kUpperBound, 1.5}, situation),
                Pointwise(DoubleNear(1e-12), bound));
  }
}

// Two draws as they are defined: the second again and again until it differs from the first.
TEST(PoliciesParity, TopTwoIsWhatTwoDrawsGive) {
  base::RandomStream random(9);
  for (int round = 0; round < 20; ++round) {
    const Situation situation = RandomSituation(random);
    const std::vector<double> best = Apply({}, situation);
    const double beta = random.NextUniform();
    const auto draw = [&] {
      double left = random.NextUniform();
      size_t i = 0;
      while (i + 1 < best.size() && left >= best[i]) left -= best[i++];
      return i;
    };
    std::vector<double> counts(best.size(), 0);
    constexpr int kDraws = 20000;
    const double likeliest = *std::max_element(best.begin(), best.end());
    if (likeliest > 0.99) continue;  // the second draw would take long
    for (int i = 0; i < kDraws; ++i) {
      const size_t first = draw();
      size_t taken = first;
      if (random.NextUniform() >= beta) {
        while (taken == first) taken = draw();
      }
      counts[taken] += 1;
    }
    const std::vector<double> computed = Apply({PolicyKind::kTopTwo, beta}, situation);
    for (size_t i = 0; i < best.size(); ++i) {
      const double sd = std::sqrt(computed[i] * (1 - computed[i]) * kDraws);
      ASSERT_NEAR(counts[i], computed[i] * kDraws, 5 * sd + 1) << "entry " << i;
    }
  }
}

// Every kind sees the posteriors moved; Thompson sampling of Gaussians in closed form.
TEST(PoliciesParity, UncertaintyMovesWhatIsCompared) {
  base::RandomStream random(21);
  for (int round = 0; round < 100; ++round) {
    const Situation situation = RandomSituation(random);
    const double width = 4 * random.NextUniform() - 2;
    std::vector<double> greedy(situation.arms.size() + 1, 0);
    greedy[BestOf(MeansOf(situation, width))] = 1;
    EXPECT_THAT(Apply({PolicyKind::kGreedy, 0, width}, situation),
                Pointwise(DoubleNear(1e-12), greedy));
    EXPECT_THAT(Apply({PolicyKind::kUpperBound, 1, width - 1}, situation),
                Pointwise(DoubleNear(1e-12), greedy));
    const double m = random.NextUniform(), s = 0.1 + random.NextUniform(), known = 0.5;
    const std::vector<double> p =
        Apply({PolicyKind::kThompson, 0, width}, {{GaussArm{m, s}}, {known, {}}});
    EXPECT_NEAR(p[0], 0.5 * std::erfc((known - m - width * s) / (s * std::sqrt(2.0))), 2e-6);
  }
}

TEST(PoliciesTest, CautionLowersWhatIsLittleKnown) {
  const Situation situation = {{BetaArm{2, 18}, BetaArm{200, 1800}}, {0.05, {}}};
  std::vector<double> last = {1, 0};
  for (const double width : {1.0, 0.0, -1.0, -2.0}) {
    const std::vector<double> p = Apply({PolicyKind::kThompson, 0, width}, situation);
    EXPECT_LT(p[0], last[0]);
    EXPECT_GT(p[1], last[1]);
    last = p;
  }
}

TEST(PoliciesTest, TopTwoNextToACertaintyLosesNothing) {
  // The best is nearly sure; half of the choice still goes to the two others, as they compare.
  const Situation situation = {{GaussArm{0, 1}, GaussArm{0, 1}, GaussArm{8, 1}}, {-1e6, {}}};
  const std::vector<double> p = Apply({PolicyKind::kTopTwo, 0.5}, situation);
  EXPECT_THAT(p, ElementsAre(DoubleNear(0.25, 1e-6), DoubleNear(0.25, 1e-6), DoubleNear(0.5, 1e-6),
                             DoubleEq(0)));
}

TEST(PoliciesTest, TopTwoOfACertaintyIsIt) {
  const Situation situation = {{GaussArm{0, 1}, GaussArm{100, 1}}, {-1e6, {}}};
  EXPECT_THAT(Apply({PolicyKind::kTopTwo, 0}, situation), ElementsAre(0, 1, 0));
}

TEST(PoliciesTest, TheLimitsOfTheParameters) {
  base::RandomStream random(10);
  for (int round = 0; round < 100; ++round) {
    const Situation situation = RandomSituation(random);
    const std::vector<double> greedy = Apply({PolicyKind::kGreedy, 0}, situation);
    const std::vector<double> even(greedy.size(), 1 / static_cast<double>(greedy.size()));
    EXPECT_THAT(Apply({PolicyKind::kEpsilonGreedy, 0}, situation), Pointwise(DoubleEq(), greedy));
    EXPECT_THAT(Apply({PolicyKind::kUpperBound, 0}, situation), Pointwise(DoubleEq(), greedy));
    EXPECT_THAT(Apply({PolicyKind::kSoftmax, 1e-9}, situation),
                Pointwise(DoubleNear(1e-9), greedy));
    EXPECT_THAT(Apply({PolicyKind::kInverseGap, 1e300}, situation),
                Pointwise(DoubleNear(1e-9), greedy));
    EXPECT_THAT(Apply({PolicyKind::kEpsilonGreedy, 1}, situation),
                Pointwise(DoubleNear(1e-12), even));
    EXPECT_THAT(Apply({PolicyKind::kSoftmax, 1e12}, situation), Pointwise(DoubleNear(1e-9), even));
    EXPECT_THAT(Apply({PolicyKind::kInverseGap, 0}, situation), Pointwise(DoubleNear(1e-12), even));
    EXPECT_THAT(Apply({PolicyKind::kTopTwo, 1}, situation),
                Pointwise(DoubleNear(1e-12), Apply({}, situation)));
  }
}

TEST(PoliciesTest, ParametersOutOfRangeAreNoPolicy) {
  const double nan = std::nan("");
  for (const Policy& wrong : std::vector<Policy>{{PolicyKind::kThompson, 0.1},
                                                 {PolicyKind::kGreedy, -1},
                                                 {PolicyKind::kEpsilonGreedy, 1.01},
                                                 {PolicyKind::kSoftmax, 0},
                                                 {PolicyKind::kSoftmax, nan},
                                                 {PolicyKind::kUpperBound, -0.1},
                                                 {PolicyKind::kInverseGap, INFINITY},
                                                 {PolicyKind::kTopTwo, 2},
                                                 {PolicyKind::kFixedShares, 1},
                                                 {PolicyKind::kGreedy, 0, -11},
                                                 {static_cast<PolicyKind>(8), 0}}) {
    EXPECT_FALSE(IsValid(wrong)) << ToText(wrong);
    EXPECT_DEATH(Apply(wrong, {{BetaArm{}}, {0.1, {}}}), "");
  }
  for (const Policy& right : kPolicies) EXPECT_TRUE(IsValid(right)) << ToText(right);
}

}  // namespace
}  // namespace fulcrum::policy
