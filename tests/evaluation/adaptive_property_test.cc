// What must hold of `aipw`: the properties of a doubly robust mean, and its interval on logs of a
// policy that learns.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <utility>

#include "evaluation/adaptive.h"
#include "evaluation/evaluate.h"
#include "tests/evaluation/made_up_rows.h"
#include "tests/support/status_matchers.h"

namespace fulcrum::evaluation {
namespace {

constexpr uint64_t kSeeds = 20;

Estimate Aipw(const RowSet& rows, const Target& target) {
  EvaluateOptions options;
  options.estimators = {Estimator::kAipw};
  options.resamples = 0;
  const auto evaluation = Evaluate(rows, target, options);
  EXPECT_THAT(evaluation, testing::IsOk());
  return evaluation.ok() ? evaluation->estimates[0] : Estimate();
}

// The formulas of adaptive.h with plain loops over a matrix, everything before a row summed anew.
std::pair<double, double> ByHand(const MadeUpLog& log, const std::vector<double>& target) {
  const std::vector<Row>& rows = log.rows.rows;
  std::vector<double> h, g;
  double v = 0;
  for (size_t t = 0; t < rows.size(); ++t) {
    double total = 0, totals[4] = {}, counts[4] = {};
    for (size_t s = 0; s < t; ++s) {
      total += rows[s].reward;
      totals[rows[s].action] += rows[s].reward, counts[rows[s].action] += 1;
    }
    const double c = t == 0 ? 0 : total / static_cast<double>(t);
    double q[4], direct = 0, squares = 0;
    for (size_t a = 0; a < 4; ++a) {
      q[a] = (totals[a] + 100 * c) / (counts[a] + 100);
      direct += target[a] * q[a];
      squares += target[a] * target[a] / log.logged[t][a];
    }
    const uint32_t a = rows[t].action;
    h.push_back(t == 0 ? 0 : 1 / std::sqrt(v));
    g.push_back(direct + target[a] / log.logged[t][a] * (rows[t].reward - q[a]));
    v += (squares - v) / std::min(100.0, static_cast<double>(t + 1));
  }
  double sum = 0, weighted = 0, errors = 0;
  for (size_t t = 0; t < h.size(); ++t) sum += h[t], weighted += h[t] * g[t];
  for (size_t t = 0; t < h.size(); ++t) errors += std::pow(h[t] * (g[t] - weighted / sum), 2);
  return {weighted / sum, std::sqrt(errors) / sum};
}

TEST(AdaptiveProperty, EqualsTheTextbook) {
  const std::vector<double> target = {0.5, 0.1, 0.1, 0.3};
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    const MadeUpLog log = MakeLog(seed, 400);
    const auto [value, se] = ByHand(log, target);
    const Estimate one = Aipw(log.rows, Target::Table({target}));
    EXPECT_NEAR(one.value, value, 1e-12);
    EXPECT_NEAR(one.se, se, 1e-12);
  }
}

// Every weight is 1, and so is every h but the first.
TEST(AdaptiveProperty, TheLogsOwnPolicyEarnsTheMeanReward) {
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    MadeUpLog log = MakeLog(seed, 600);
    for (Row& row : log.rows.rows) row.logged = kNoDistribution;
    double sum = 0;
    for (size_t i = 1; i < 600; ++i) sum += log.rows.rows[i].reward;
    EXPECT_NEAR(Aipw(log.rows, Target::Logged()).value, sum / 599, 1e-12);
  }
}

TEST(AdaptiveProperty, ScalingTheRewardsScalesTheEstimate) {
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    MadeUpLog log = MakeLog(seed, 600);
    const Estimate before = Aipw(log.rows, Target::Uniform());
    for (Row& row : log.rows.rows) row.reward *= -7.25;
    const Estimate after = Aipw(log.rows, Target::Uniform());
    EXPECT_NEAR(after.value, -7.25 * before.value, 1e-12);
    EXPECT_NEAR(after.se, 7.25 * before.se, 1e-12);
  }
}

std::vector<Terms> StableTerms(const RowSet& rows) {
  const Target uniform = Target::Uniform();
  const auto target = TargetOnRows::Make(rows, uniform);
  EXPECT_THAT(target, testing::IsOk());
  if (!target.ok()) return {};
  std::vector<Terms> terms = TermsOf(rows, *target, ShrunkRewards(rows));
  AddStableTerms(rows, *target, &terms);
  return terms;
}

// Rows from the middle on earn something else: nothing before them moves, and not even the weight
// of the first of them.
TEST(AdaptiveProperty, ARowsPartHangsOnNothingThatComesAfter) {
  constexpr size_t kMiddle = 300;
  MadeUpLog log = MakeLog(3, 2 * kMiddle);
  const std::vector<Terms> before = StableTerms(log.rows);
  for (size_t i = kMiddle; i < log.rows.rows.size(); ++i) log.rows.rows[i].reward = 5;
  std::swap(log.rows.rows[kMiddle].logged, log.rows.rows[kMiddle + 1].logged);
  const std::vector<Terms> after = StableTerms(log.rows);
  for (size_t i = 0; i < kMiddle; ++i) {
    EXPECT_EQ(after[i].stable_weight, before[i].stable_weight);
    EXPECT_EQ(after[i].stable_reward, before[i].stable_reward);
  }
  EXPECT_EQ(after[kMiddle].stable_weight, before[kMiddle].stable_weight);
  EXPECT_NE(after[kMiddle].stable_reward, before[kMiddle].stable_reward);
  EXPECT_NE(after[kMiddle + 1].stable_weight, before[kMiddle + 1].stable_weight);
}

// Two contexts: in one the arm earns 0.5 and is nearly always drawn, in the other 0.1 and rarely.
// Weights that hung on the context of their own row would favour the first.
TEST(AdaptiveProperty, TheWeightsDoNotFavourAContext) {
  constexpr int kLogs = 400;
  double sum = 0, squares = 0, favoured = 0;
  for (uint64_t seed = 0; seed < kLogs; ++seed) {
    base::RandomStream random(seed);
    RowSet rows;
    const uint32_t ids[] = {rows.actions.Intern("a"), rows.actions.Intern("b")};
    double weights = 0, rewards = 0;
    for (int i = 0; i < 1000; ++i) {
      const bool likely = random.NextUniform() < 0.5;
      const double e = likely ? 0.9 : 0.1;
      const bool drew = random.NextUniform() < e;
      Row row;
      row.logged = rows.distributions.Add(ids, {e, 1 - e});
      row.action = ids[drew ? 0 : 1];
      row.propensity = drew ? e : 1 - e;
      row.reward = random.NextUniform() < (drew ? (likely ? 0.5 : 0.1) : 0.0) ? 1 : 0;
      rows.rows.push_back(row);
      weights += std::sqrt(e);
      rewards += drew ? std::sqrt(e) * row.reward / e : 0;
    }
    const double off = Aipw(rows, Target::Table({{1, 0}})).value - 0.3;
    sum += off, squares += off * off;
    favoured += rewards / weights - 0.3;
  }
  EXPECT_LT(std::abs(sum), 4 * std::sqrt(squares));
  EXPECT_GT(favoured / kLogs, 0.05);  // sqrt(e) of the row itself: 0.4 of 0.3
}

}  // namespace
}  // namespace fulcrum::evaluation
