// Logs that keep the detail of some of their decisions only: the estimates are those of the whole
// log, but for chance.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "evaluation/evaluate.h"
#include "tests/evaluation/made_up_rows.h"
#include "tests/support/status_matchers.h"

namespace fulcrum::evaluation {
namespace {

constexpr size_t kRows = 1200;
// Of the target `uniform` on MakeLog's rows: 2.5 / 20 in the first half, twice that in the second.
constexpr double kTruth = 0.1875;

// The second half, where rewards are twice as high, keeps its detail nearly four times as often: as
// when a log is under pressure in the first.
double ShareAt(size_t row) {
  return row < kRows / 2 ? 0.25 : 0.9;
}

template <typename Share>
RowSet Sampled(const RowSet& whole, uint64_t seed, const Share& share) {
  base::RandomStream random(seed + 5000);
  RowSet rows = whole;
  for (size_t i = 0; i < rows.rows.size(); ++i) {
    Row& row = rows.rows[i];
    row.kept = share(i);
    if (random.NextUniform() < row.kept) continue;
    row.kept = 0;
    row.logged = kNoDistribution;
  }
  return rows;
}

// The same, as if all had been kept with one probability.
RowSet Unweighted(RowSet rows) {
  for (Row& row : rows.rows) row.kept = row.kept > 0 ? 1 : 0;
  return rows;
}

Evaluation MustEvaluate(const RowSet& rows, const Target& target, int resamples = 0) {
  EvaluateOptions options;
  options.estimators = {Estimator::kIps,  Estimator::kSnips,    Estimator::kDm,  Estimator::kDr,
                        Estimator::kRips, Estimator::kSlateIps, Estimator::kAipw};
  options.resamples = resamples;
  options.threads = 1;
  auto evaluation = Evaluate(rows, target, options);
  EXPECT_THAT(evaluation, testing::IsOk());
  return evaluation.ok() ? std::move(*evaluation) : Evaluation();
}

struct Spread {
  double sum = 0, squares = 0, count = 0;
  void Add(double value) { sum += value, squares += value * value, ++count; }
  double mean() const { return sum / count; }
  double error() const { return std::sqrt((squares / count - mean() * mean()) / (count - 1)); }
};

TEST(SampledDetail, EstimatesAreThoseOfTheWholeLogOnAverage) {
  Spread off_truth[kEstimators];
  Spread off_whole[kEstimators];
  Spread unweighted_off_truth[kEstimators];
  for (uint64_t seed = 0; seed < 400; ++seed) {
    const MadeUpLog log = MakeLog(seed, kRows);
    const RowSet rows = Sampled(log.rows, seed, ShareAt);
    const Evaluation whole = MustEvaluate(log.rows, Target::Uniform());
    const Evaluation sampled = MustEvaluate(rows, Target::Uniform());
    const Evaluation unweighted = MustEvaluate(Unweighted(rows), Target::Uniform());
    for (size_t i = 0; i < kEstimators; ++i) {
      off_truth[i].Add(sampled.estimates[i].value - kTruth);
      off_whole[i].Add(sampled.estimates[i].value - whole.estimates[i].value);
      unweighted_off_truth[i].Add(unweighted.estimates[i].value - kTruth);
    }
  }
  for (size_t i = 0; i < kEstimators; ++i) {
    SCOPED_TRACE(kEstimatorNames[i]);
    EXPECT_NEAR(off_whole[i].mean(), 0, 4 * off_whole[i].error());
    // The direct method believes a model that knows no time: it is biased on the whole log too.
    if (static_cast<Estimator>(i) == Estimator::kDm) continue;
    EXPECT_NEAR(off_truth[i].mean(), 0, 4 * off_truth[i].error());
    EXPECT_GT(unweighted_off_truth[i].mean(), 8 * unweighted_off_truth[i].error());
  }
}

TEST(SampledDetail, IntervalsAndErrorsKnowOfTheSampling) {
  constexpr int kSeeds = 300;
  int covered[kEstimators] = {};
  Spread values[kEstimators];
  Spread errors[kEstimators];
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    const MadeUpLog log = MakeLog(seed, kRows);
    const Evaluation sampled =
        MustEvaluate(Sampled(log.rows, seed, ShareAt), Target::Uniform(), 200);
    for (size_t i = 0; i < kEstimators; ++i) {
      const Estimate& one = sampled.estimates[i];
      covered[i] += one.ci_low <= kTruth && kTruth <= one.ci_high ? 1 : 0;
      values[i].Add(one.value);
      errors[i].Add(one.se);
    }
  }
  for (const Estimator estimator :
       {Estimator::kIps, Estimator::kSnips, Estimator::kDr, Estimator::kRips}) {
    const auto i = static_cast<size_t>(estimator);
    SCOPED_TRACE(kEstimatorNames[i]);
    EXPECT_GT(covered[i], 0.90 * kSeeds);
    EXPECT_LT(covered[i], 0.99 * kSeeds);
    const double spread = values[i].error() * std::sqrt(kSeeds);  // of one estimate
    EXPECT_NEAR(errors[i].mean(), spread, 0.15 * spread);
  }
}

TEST(SampledDetail, AnEvenShareWeighsNothing) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const MadeUpLog log = MakeLog(seed, kRows);
    const RowSet rows = Sampled(log.rows, seed, [](size_t) { return 0.3; });
    const Evaluation weighted = MustEvaluate(rows, Target::Uniform());
    const Evaluation plain = MustEvaluate(Unweighted(rows), Target::Uniform());
    EXPECT_NEAR(static_cast<double>(weighted.rows), 0.3 * kRows, 80);
    EXPECT_EQ(weighted.excluded.at("without_detail"), kRows - weighted.rows);
    EXPECT_NEAR(weighted.effective_sample_size, plain.effective_sample_size, 1e-9);
    EXPECT_NEAR(weighted.mean_weight, plain.mean_weight, 1e-12);
    EXPECT_NEAR(weighted.mean_weight_se, plain.mean_weight_se, 1e-12);
    for (size_t i = 0; i < kEstimators; ++i) {
      EXPECT_NEAR(weighted.estimates[i].value, plain.estimates[i].value, 1e-12);
      EXPECT_NEAR(weighted.estimates[i].se, plain.estimates[i].se, 1e-12);
    }
  }
}

TEST(SampledDetail, UnequalSharesAreWorthFewerRows) {
  const MadeUpLog log = MakeLog(1, kRows);
  const RowSet rows = Sampled(log.rows, 1, ShareAt);
  const Evaluation weighted = MustEvaluate(rows, Target::Uniform());
  const Evaluation plain = MustEvaluate(Unweighted(rows), Target::Uniform());
  EXPECT_LT(weighted.effective_sample_size, 0.9 * plain.effective_sample_size);
  EXPECT_GT(weighted.max_weight, plain.max_weight);
}

// A target whose probabilities are in a file, or the log's own, asks nothing of the detail.
TEST(SampledDetail, TargetsThatNeedNoneUseEveryRow) {
  const Target table = Target::Table({{0.1, 0.2, 0.3, 0.4}});
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const MadeUpLog log = MakeLog(seed, kRows);
    const RowSet rows = Sampled(log.rows, seed, ShareAt);
    for (const Target& target : {table, Target::Logged()}) {
      const Evaluation whole = MustEvaluate(log.rows, target);
      const Evaluation sampled = MustEvaluate(rows, target);
      EXPECT_EQ(sampled.rows, kRows);
      EXPECT_TRUE(sampled.excluded.empty());
      EXPECT_EQ(sampled.unsupported_share, 0);
      EXPECT_EQ(sampled.effective_sample_size, whole.effective_sample_size);
      for (const Estimator estimator : {Estimator::kIps, Estimator::kSnips}) {
        EXPECT_EQ(sampled.Find(estimator)->value, whole.Find(estimator)->value);
        EXPECT_EQ(sampled.Find(estimator)->se, whole.Find(estimator)->se);
      }
    }
    const Evaluation whole = MustEvaluate(log.rows, table);
    EXPECT_EQ(MustEvaluate(rows, table).Find(Estimator::kDr)->value,
              whole.Find(Estimator::kDr)->value);
  }
}

// What the target has on actions that could not be drawn is told by the rows that know.
TEST(SampledDetail, SupportIsJudgedByTheDetailThatIsThere) {
  MadeUpLog log = MakeLog(3, kRows);
  log.rows.actions.Intern("never");
  const Target table = Target::Table({{0.1, 0.2, 0.3, 0.3, 0.1}});
  const RowSet rows = Sampled(log.rows, 3, ShareAt);
  EXPECT_NEAR(MustEvaluate(rows, table).unsupported_share, 0.1, 1e-12);
}

TEST(SampledDetail, WithoutAnyDetailThereIsNothingToSay) {
  const MadeUpLog log = MakeLog(3, kRows);
  const RowSet rows = Sampled(log.rows, 3, [](size_t) { return 0.0; });
  for (const Target& target : {Target::Uniform(), Target::Greedy(), Target::PerRow()}) {
    const Evaluation evaluation = MustEvaluate(rows, target);
    EXPECT_EQ(evaluation.rows, 0u);
    EXPECT_FALSE(evaluation.verdict.ok);
    EXPECT_EQ(evaluation.warnings[0].code, "no_rows");
  }
  EXPECT_TRUE(MustEvaluate(rows, Target::Logged()).verdict.ok);
}

}  // namespace
}  // namespace fulcrum::evaluation
