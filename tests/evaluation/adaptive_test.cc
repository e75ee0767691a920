// Weighted AIPW (`aipw`), for logs whose policy learned from them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "evaluation/evaluate.h"
#include "tests/evaluation/made_up_rows.h"
#include "tests/support/status_matchers.h"

namespace fulcrum::evaluation {
namespace {

using ::testing::HasSubstr;

EvaluateOptions Aipw(double level = 0.95) {
  EvaluateOptions options;
  options.estimators = {Estimator::kAipw};
  options.resamples = 0;
  options.level = level;
  return options;
}

// A row of actions a and b, of which a is drawn with probability `a`.
void Add(RowSet* rows, double a, bool drew_a, double reward) {
  const uint32_t ids[] = {rows->actions.Intern("a"), rows->actions.Intern("b")};
  Row row;
  row.logged = rows->distributions.Add(ids, {a, 1 - a});
  row.action = ids[drew_a ? 0 : 1];
  row.propensity = drew_a ? a : 1 - a;
  row.reward = reward;
  rows->rows.push_back(row);
}

// The target is the arm a, so V is 1 / e. Scores with q = (sum + 100 c) / (n + 100), c the mean:
//   1: e 0.5, b, r 1: h 0
//   2: e 0.25, a, r 1: c 1, q(a) 1, score 1; V 2, h sqrt(1/2)
//   3: e 0.2, b, r 0: c 1, q(a) 1, score 1; V (2 + 4) / 2 = 3, h sqrt(1/3)
//   4: e 0.5, a, r 0: c 2/3, q(a) (1 + 200/3) / 101, score q - 2 q; V (2 + 4 + 5) / 3, h sqrt(3/11)
TEST(Adaptive, FourRowsByHand) {
  RowSet rows;
  Add(&rows, 0.5, false, 1);
  Add(&rows, 0.25, true, 1);
  Add(&rows, 0.2, false, 0);
  Add(&rows, 0.5, true, 0);
  const auto evaluation = Evaluate(rows, Target::Table({{1, 0}}), Aipw());
  FULCRUM_ASSERT_OK(evaluation);
  const double h[] = {std::sqrt(1.0 / 2), std::sqrt(1.0 / 3), std::sqrt(3.0 / 11)};
  const double q = (1 + 200.0 / 3) / 101;
  const double g[] = {1, 1, q - q / 0.5};
  double sum = 0, weighted = 0;
  for (int i = 0; i < 3; ++i) sum += h[i], weighted += h[i] * g[i];
  const double value = weighted / sum;
  double squares = 0;
  for (int i = 0; i < 3; ++i) squares += h[i] * h[i] * (g[i] - value) * (g[i] - value);
  const Estimate& one = *evaluation->Find(Estimator::kAipw);
  EXPECT_NEAR(one.value, value, 1e-14);
  EXPECT_NEAR(one.se, std::sqrt(squares) / sum, 1e-14);
  EXPECT_NEAR(one.ci_low, value - 1.959963984540054 * one.se, 1e-14);
  EXPECT_NEAR(one.ci_high, value + 1.959963984540054 * one.se, 1e-14);
}

TEST(Adaptive, TheIntervalIsTheNormalOneOfTheLevel) {
  const MadeUpLog log = MakeLog(1, 2000);
  const auto evaluation = Evaluate(log.rows, Target::Uniform(), Aipw(0.99));
  FULCRUM_ASSERT_OK(evaluation);
  const Estimate& one = *evaluation->Find(Estimator::kAipw);
  EXPECT_NEAR((one.ci_high - one.value) / one.se, 2.575829303548901, 1e-10);
  EXPECT_NEAR((one.value - one.ci_low) / one.se, 2.575829303548901, 1e-10);
}

// Where nothing is known but the weight itself, its square stands for what it was to be.
TEST(Adaptive, NeedsNoDistribution) {
  MadeUpLog log = MakeLog(1, 4000);
  const Target target = Target::Table({{0.1, 0.2, 0.3, 0.4}});
  const auto with = Evaluate(log.rows, target, Aipw());
  for (Row& row : log.rows.rows) row.logged = kNoDistribution;
  const auto without = Evaluate(log.rows, target, Aipw());
  FULCRUM_ASSERT_OK(with);
  FULCRUM_ASSERT_OK(without);
  const Estimate& one = *with->Find(Estimator::kAipw);
  EXPECT_NEAR(without->Find(Estimator::kAipw)->value, one.value, one.se);
  EXPECT_NEAR(without->Find(Estimator::kAipw)->se, one.se, 0.15 * one.se);
}

TEST(Adaptive, RefusesSlates) {
  MadeUpLog log = MakeLog(1, 100);
  log.rows.rows[7].decision = log.rows.rows[8].decision = 1;
  EXPECT_THAT(Evaluate(log.rows, Target::Uniform(), Aipw()),
              testing::StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("use rips")));
}

TEST(Adaptive, OneRowSaysNothing) {
  const auto evaluation = Evaluate(MakeLog(1, 1).rows, Target::Uniform(), Aipw());
  FULCRUM_ASSERT_OK(evaluation);
  EXPECT_TRUE(std::isnan(evaluation->Find(Estimator::kAipw)->value));
}

}  // namespace
}  // namespace fulcrum::evaluation
