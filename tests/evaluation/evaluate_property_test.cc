// What must hold of the estimators on any log.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>

#include "evaluation/evaluate.h"
#include "tests/evaluation/made_up_rows.h"
#include "tests/support/status_matchers.h"

namespace fulcrum::evaluation {
namespace {

constexpr size_t kRows = 600;
constexpr uint64_t kSeeds = 20;

// An arbitrary target over four actions and `positions` positions.
Target MakeTarget(uint64_t seed, uint32_t positions = 1) {
  base::RandomStream random(seed + 1000);
  std::vector<std::vector<double>> table(positions, std::vector<double>(4));
  for (std::vector<double>& at_position : table) {
    double sum = 0;
    for (double& p : at_position) sum += (p = random.NextUniform());
    for (double& p : at_position) p /= sum;
  }
  return Target::Table(std::move(table));
}

EvaluateOptions Resamples(int resamples) {
  EvaluateOptions options;
  options.resamples = resamples;
  return options;
}

Evaluation MustEvaluate(const RowSet& rows, const Target& target,
                        const EvaluateOptions& options = Resamples(200)) {
  auto evaluation = Evaluate(rows, target, options);
  EXPECT_THAT(evaluation, testing::IsOk());
  return evaluation.ok() ? std::move(*evaluation) : Evaluation();
}

double ValueOf(const Evaluation& evaluation, Estimator estimator) {
  return evaluation.Find(estimator)->value;
}

// The textbook formulas with plain loops over a matrix.
struct ByHand {
  double ips = 0, snips = 0, dm = 0, dr = 0;
};

ByHand EstimateByHand(const MadeUpLog& log, const Target& target) {
  const std::vector<Row>& rows = log.rows.rows;
  double q[3][4];
  for (size_t fold = 0; fold < 3; ++fold) {
    double total = 0, count = 0, totals[4] = {}, counts[4] = {};
    for (size_t i = 0; i < rows.size(); ++i) {
      if (i % 3 == fold) continue;
      total += rows[i].reward, count += 1;
      totals[rows[i].action] += rows[i].reward, counts[rows[i].action] += 1;
    }
    for (size_t a = 0; a < 4; ++a) {
      q[fold][a] = (totals[a] + 100 * total / count) / (counts[a] + 100);
    }
  }
  double w_sum = 0, wr_sum = 0, dm_sum = 0, dr_sum = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    const std::vector<double>& pi = target.table()[rows[i].position - 1];
    const double w = pi[rows[i].action] / log.logged[i][rows[i].action];
    double dm = 0;
    for (size_t a = 0; a < 4; ++a) dm += pi[a] * q[i % 3][a];
    w_sum += w, wr_sum += w * rows[i].reward, dm_sum += dm;
    dr_sum += dm + w * (rows[i].reward - q[i % 3][rows[i].action]);
  }
  const auto n = static_cast<double>(rows.size());
  return {wr_sum / n, wr_sum / w_sum, dm_sum / n, dr_sum / n};
}

TEST(EvaluateProperty, EqualsTheTextbook) {
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    const MadeUpLog log = MakeLog(seed, kRows, 4, 0.2, 3);
    const Target target = MakeTarget(seed, 3);
    const ByHand expected = EstimateByHand(log, target);
    const Evaluation evaluation = MustEvaluate(log.rows, target);
    EXPECT_NEAR(ValueOf(evaluation, Estimator::kIps), expected.ips, 1e-12);
    EXPECT_NEAR(ValueOf(evaluation, Estimator::kSnips), expected.snips, 1e-12);
    EXPECT_NEAR(ValueOf(evaluation, Estimator::kDm), expected.dm, 1e-12);
    EXPECT_NEAR(ValueOf(evaluation, Estimator::kDr), expected.dr, 1e-12);
  }
}

TEST(EvaluateProperty, TheLogsOwnPolicyEarnsTheMeanReward) {
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    MadeUpLog log = MakeLog(seed, kRows);
    const Evaluation logged = MustEvaluate(log.rows, Target::Logged());
    EXPECT_EQ(logged.mean_weight, 1);
    EXPECT_EQ(logged.max_weight, 1);
    EXPECT_EQ(logged.effective_sample_size, kRows);
    EXPECT_EQ(ValueOf(logged, Estimator::kIps), logged.mean_reward);
    EXPECT_EQ(ValueOf(logged, Estimator::kSnips), logged.mean_reward);
    // The same policy told row by row.
    for (Row& row : log.rows.rows) row.target = row.logged;
    const Evaluation per_row = MustEvaluate(log.rows, Target::PerRow());
    for (size_t i = 0; i < logged.estimates.size(); ++i) {
      EXPECT_NEAR(per_row.estimates[i].value, logged.estimates[i].value, 1e-12);
    }
  }
}

TEST(EvaluateProperty, ScalingTheRewardsScalesEverything) {
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    MadeUpLog log = MakeLog(seed, kRows);
    const Target target = MakeTarget(seed);
    const Evaluation before = MustEvaluate(log.rows, target);
    constexpr double kScale = -7.25;
    for (Row& row : log.rows.rows) row.reward *= kScale;
    const Evaluation after = MustEvaluate(log.rows, target);
    for (size_t i = 0; i < before.estimates.size(); ++i) {
      EXPECT_NEAR(after.estimates[i].value, kScale * before.estimates[i].value, 1e-12);
      EXPECT_NEAR(after.estimates[i].se, -kScale * before.estimates[i].se, 1e-12);
      EXPECT_NEAR(after.estimates[i].ci_low, kScale * before.estimates[i].ci_high, 1e-11);
      EXPECT_NEAR(after.estimates[i].ci_high, kScale * before.estimates[i].ci_low, 1e-11);
    }
  }
}

// Within the folds of the reward model: across them DM and DR may change.
TEST(EvaluateProperty, TheOrderOfRowsDoesNotMatter) {
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    MadeUpLog log = MakeLog(seed, kRows);
    const Target target = MakeTarget(seed);
    const Evaluation before = MustEvaluate(log.rows, target);
    base::RandomStream random(seed);
    for (uint32_t i = kRows - 1; i >= 3; --i) {
      const uint32_t other = i % 3 + 3 * random.NextBelow(i / 3 + 1);
      std::swap(log.rows.rows[i], log.rows.rows[other]);
    }
    const Evaluation after = MustEvaluate(log.rows, target);
    EXPECT_NEAR(after.effective_sample_size, before.effective_sample_size, 1e-9);
    for (size_t i = 0; i < before.estimates.size(); ++i) {
      EXPECT_NEAR(after.estimates[i].value, before.estimates[i].value, 1e-12);
      EXPECT_NEAR(after.estimates[i].se, before.estimates[i].se, 1e-12);
    }
  }
}

TEST(EvaluateProperty, AnActionThatTheTargetNeverTakesChangesNothing) {
  const MadeUpLog log = MakeLog(3, kRows);
  const Target target = MakeTarget(3);
  std::vector<std::vector<double>> longer = target.table();
  longer[0].push_back(0);
  const Evaluation before = MustEvaluate(log.rows, target);
  const Evaluation after = MustEvaluate(log.rows, Target::Table(longer));
  for (size_t i = 0; i < before.estimates.size(); ++i) {
    EXPECT_EQ(after.estimates[i].value, before.estimates[i].value);
  }
  EXPECT_EQ(after.unsupported_share, 0);
}

// What the rows' makers know.
class PerfectModel final : public RewardModel {
 public:
  double Predict(size_t row, uint32_t action) const override {
    return MadeUpLog::Truth(row, kRows, action);
  }
};

double TrueValue(const Target& target) {
  double sum = 0;
  for (size_t i = 0; i < kRows; ++i) {
    for (uint32_t a = 0; a < 4; ++a) {
      sum += target.table()[0][a] * MadeUpLog::Truth(i, kRows, a) / kRows;
    }
  }
  return sum;
}

TEST(EvaluateProperty, WithAPerfectModelDirectIsExactAndRobustIsTighter) {
  const PerfectModel model;
  EvaluateOptions options = Resamples(0);
  options.reward_model = &model;
  double robust_errors = 0;
  double weighted_errors = 0;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    const Target target = MakeTarget(seed);
    MadeUpLog log = MakeLog(seed, kRows);
    const Evaluation noisy = MustEvaluate(log.rows, target, options);
    EXPECT_NEAR(ValueOf(noisy, Estimator::kDm), TrueValue(target), 1e-12);
    robust_errors += noisy.Find(Estimator::kDr)->se;
    weighted_errors += noisy.Find(Estimator::kIps)->se;
    // Rewards without noise: nothing is left to correct.
    for (size_t i = 0; i < kRows; ++i) {
      Row& row = log.rows.rows[i];
      row.reward = model.Predict(i, row.action);
    }
    const Evaluation exact = MustEvaluate(log.rows, target, options);
    EXPECT_NEAR(ValueOf(exact, Estimator::kDr), TrueValue(target), 1e-12);
  }
  EXPECT_LT(robust_errors, weighted_errors);
}

TEST(EvaluateProperty, EstimatesAreRightOnAverage) {
  constexpr uint64_t kLogs = 400;
  const Target target = MakeTarget(7);
  const double truth = TrueValue(target);
  const EvaluateOptions options = Resamples(0);
  for (const Estimator estimator : {Estimator::kIps, Estimator::kSnips, Estimator::kDr}) {
    double sum = 0;
    double squares = 0;
    double variances = 0;
    for (uint64_t seed = 0; seed < kLogs; ++seed) {
      const Evaluation evaluation = MustEvaluate(MakeLog(seed, kRows).rows, target, options);
      const Estimate& one = *evaluation.Find(estimator);
      sum += one.value - truth;
      squares += (one.value - truth) * (one.value - truth);
      variances += one.se * one.se;
    }
    const double error = std::sqrt(squares) / kLogs;
    EXPECT_LT(std::abs(sum / kLogs), 4 * error);
    // The standard error is that of the estimates over the logs: chi-square, 400 degrees.
    EXPECT_NEAR(variances / squares, 1, 0.3);
  }
}

TEST(EvaluateProperty, PropensitiesThatAreOffByATenthAreFound) {
  constexpr size_t kMany = 20'000;
  for (uint64_t seed = 0; seed < 5; ++seed) {
    MadeUpLog log = MakeLog(seed, kMany);
    const Evaluation sound = MustEvaluate(log.rows, Target::Uniform(), Resamples(0));
    EXPECT_TRUE(sound.verdict.ok) << sound.verdict.reason;
    for (const double factor : {0.9, 1 / 0.9}) {
      RowSet off = log.rows;
      for (Row& row : off.rows) row.propensity = std::min(1.0, row.propensity * factor);
      const Evaluation found = MustEvaluate(off, Target::Uniform(), Resamples(0));
      EXPECT_FALSE(found.verdict.ok);
      ASSERT_EQ(found.warnings.size(), 1u);
      EXPECT_EQ(found.warnings[0].code, "mean_weight");
    }
  }
}

}  // namespace
}  // namespace fulcrum::evaluation
