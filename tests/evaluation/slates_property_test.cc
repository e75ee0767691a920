// What must hold of `rips` and `slate_ips` on any log of slates.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "evaluation/evaluate.h"
#include "tests/evaluation/made_up_rows.h"
#include "tests/support/status_matchers.h"

namespace fulcrum::evaluation {
namespace {

constexpr uint32_t kActions = 4;
constexpr uint32_t kPositions = 3;
constexpr size_t kSlates = 400;
constexpr uint64_t kSeeds = 20;

using Weights = std::vector<double>;  // by action; a policy draws from those that are left

// Of what a policy with these weights draws when `used` is gone.
std::vector<double> Left(const Weights& weights, const std::vector<uint32_t>& used) {
  std::vector<double> probabilities = weights;
  for (const uint32_t action : used) probabilities[action] = 0;
  double sum = 0;
  for (const double p : probabilities) sum += p;
  for (double& p : probabilities) p /= sum;
  return probabilities;
}

// A reader goes down the slate: what a position earns hangs on it and those before.
double CascadeReward(const std::vector<uint32_t>& shown) {
  const auto position = static_cast<double>(shown.size());
  double reward = 0.1 * (shown.back() + 1) / position;
  if (shown.size() > 1 && shown[shown.size() - 2] + 1 == shown.back()) reward += 0.2;
  return reward;
}

struct SlateLog {
  RowSet rows;
  std::vector<std::vector<double>> weights;  // by slate, then position
};

// Slates without replacement; each row's target is that of a policy with `target`, given the
// positions before.
SlateLog MakeSlates(uint64_t seed, const Weights& logging, const Weights& target) {
  base::RandomStream random(seed);
  SlateLog log;
  std::vector<uint32_t> ids;
  for (uint32_t a = 0; a < kActions; ++a) {
    ids.push_back(log.rows.actions.Intern(absl::StrCat("action-", a)));
  }
  for (uint32_t slate = 0; slate < kSlates; ++slate) {
    std::vector<uint32_t> shown;
    log.weights.emplace_back();
    for (uint32_t position = 1; position <= kPositions; ++position) {
      const std::vector<double> logged = Left(logging, shown);
      const std::vector<double> wanted = Left(target, shown);
      Row row;
      row.decision = slate;
      row.position = position;
      row.action = static_cast<uint32_t>(DrawFrom(logged, &random));
      row.propensity = logged[row.action];
      const auto add = [&](const std::vector<double>& from) {
        std::vector<uint32_t> actions;
        std::vector<double> probabilities;
        for (uint32_t a = 0; a < kActions; ++a) {
          if (from[a] > 0) actions.push_back(ids[a]), probabilities.push_back(from[a]);
        }
        return log.rows.distributions.Add(actions, probabilities);
      };
      row.logged = add(logged);
      row.target = add(wanted);
      log.weights.back().push_back(wanted[row.action] / row.propensity);
      shown.push_back(row.action);
      row.reward = random.NextUniform() < CascadeReward(shown) ? 1 : 0;
      log.rows.rows.push_back(row);
    }
  }
  log.rows.positions = log.rows.rows.size();
  return log;
}

// Expected reward of a slate under a policy, summed over all slates that can come.
double TruthOf(const Weights& policy, std::vector<uint32_t> shown = {}) {
  if (shown.size() == kPositions) return 0;
  double truth = 0;
  const std::vector<double> probabilities = Left(policy, shown);
  for (uint32_t a = 0; a < kActions; ++a) {
    if (probabilities[a] == 0) continue;
    shown.push_back(a);
    truth += probabilities[a] * (CascadeReward(shown) + TruthOf(policy, shown));
    shown.pop_back();
  }
  return truth;
}

Evaluation MustEvaluate(const RowSet& rows, const Target& target, int resamples = 0) {
  EvaluateOptions options;
  options.estimators = {Estimator::kRips, Estimator::kSlateIps, Estimator::kIps};
  options.resamples = resamples;
  options.threads = 1;
  auto evaluation = Evaluate(rows, target, options);
  EXPECT_THAT(evaluation, testing::IsOk());
  return evaluation.ok() ? std::move(*evaluation) : Evaluation();
}

const Weights kLogging = {4, 3, 2, 1};
const Weights kTarget = {1, 2, 3, 3};

TEST(SlatesProperty, EqualsTheTextbook) {
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    const SlateLog log = MakeSlates(seed, kLogging, kTarget);
    double cascade = 0;
    double whole = 0;
    for (size_t slate = 0; slate < kSlates; ++slate) {
      const Row* const row = &log.rows.rows[slate * kPositions];
      const std::vector<double>& w = log.weights[slate];
      cascade +=
          w[0] * row[0].reward + w[0] * w[1] * row[1].reward + w[0] * w[1] * w[2] * row[2].reward;
      whole += w[0] * w[1] * w[2] * (row[0].reward + row[1].reward + row[2].reward);
    }
    const Evaluation evaluation = MustEvaluate(log.rows, Target::PerRow());
    EXPECT_NEAR(evaluation.Find(Estimator::kRips)->value, cascade / kSlates, 1e-12);
    EXPECT_NEAR(evaluation.Find(Estimator::kSlateIps)->value, whole / kSlates, 1e-12);
  }
}

TEST(SlatesProperty, TheLogsOwnPolicyEarnsTheMeanOfASlate) {
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    const SlateLog log = MakeSlates(seed, kLogging, kLogging);
    for (const Target& target : {Target::Logged(), Target::PerRow()}) {
      const Evaluation evaluation = MustEvaluate(log.rows, target);
      const double mean = evaluation.mean_reward * kPositions;
      EXPECT_NEAR(evaluation.Find(Estimator::kRips)->value, mean, 1e-12);
      EXPECT_NEAR(evaluation.Find(Estimator::kSlateIps)->value, mean, 1e-12);
      EXPECT_NEAR(evaluation.slate_weights.effective_sample_size, kSlates, 1e-9);
    }
  }
}

TEST(SlatesProperty, TheOrderOfSlatesDoesNotMatter) {
  const SlateLog log = MakeSlates(1, kLogging, kTarget);
  RowSet reversed = log.rows;
  for (size_t slate = 0; slate < kSlates; ++slate) {
    std::copy_n(log.rows.rows.begin() + static_cast<ptrdiff_t>(slate * kPositions), kPositions,
                reversed.rows.end() - static_cast<ptrdiff_t>((slate + 1) * kPositions));
  }
  const Evaluation before = MustEvaluate(log.rows, Target::PerRow());
  const Evaluation after = MustEvaluate(reversed, Target::PerRow());
  for (size_t i = 0; i < before.estimates.size(); ++i) {
    EXPECT_NEAR(after.estimates[i].value, before.estimates[i].value, 1e-12);
    EXPECT_NEAR(after.estimates[i].se, before.estimates[i].se, 1e-12);
  }
}

TEST(SlatesProperty, SlatesOfOneAreRows) {
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    MadeUpLog log = MakeLog(seed, 500);
    for (uint32_t i = 0; i < 500; ++i) log.rows.rows[i].decision = i;
    const Evaluation evaluation = MustEvaluate(log.rows, Target::Uniform(), 100);
    const Estimate& ips = *evaluation.Find(Estimator::kIps);
    for (const Estimate& one : evaluation.estimates) {
      EXPECT_NEAR(one.value, ips.value, 1e-12);
      EXPECT_NEAR(one.se, ips.se, 1e-12);
      EXPECT_NEAR(one.ci_low, ips.ci_low, 1e-12);
      EXPECT_NEAR(one.ci_high, ips.ci_high, 1e-12);
    }
  }
}

// Both are right where the cascade holds, and the cascade is tighter; weighing each position alone
// is neither. 600 logs of 400 slates.
TEST(SlatesProperty, EstimatesAreRightOnAverageWhereTheCascadeHolds) {
  constexpr int kLogs = 600;
  const double truth = TruthOf(kTarget);
  double sum[3] = {}, squares[3] = {}, variances[3] = {};
  for (int seed = 0; seed < kLogs; ++seed) {
    const Evaluation evaluation = MustEvaluate(
        MakeSlates(static_cast<uint64_t>(seed), kLogging, kTarget).rows, Target::PerRow());
    for (size_t i = 0; i < 3; ++i) {
      const double unit = evaluation.estimates[i].estimator == Estimator::kIps ? kPositions : 1;
      const double off = unit * evaluation.estimates[i].value - truth;
      sum[i] += off, squares[i] += off * off;
      variances[i] += evaluation.estimates[i].se * evaluation.estimates[i].se;
    }
  }
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_LT(std::abs(sum[i] / kLogs), 4 * std::sqrt(squares[i]) / kLogs);
    EXPECT_NEAR(variances[i] / squares[i], 1, 0.25);
  }
  EXPECT_LT(squares[0], 0.8 * squares[1]);
  EXPECT_GT(std::abs(sum[2] / kLogs),
            8 * std::sqrt(squares[2] / kLogs - std::pow(sum[2] / kLogs, 2)) / std::sqrt(kLogs));
}

}  // namespace
}  // namespace fulcrum::evaluation
