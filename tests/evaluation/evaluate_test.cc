#include "evaluation/evaluate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "evaluation/verdict.h"
#include "tests/evaluation/made_up_rows.h"
#include "tests/support/status_matchers.h"

namespace fulcrum::evaluation {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

std::vector<std::string> Codes(const Evaluation& evaluation) {
  std::vector<std::string> codes;
  for (const Warning& warning : evaluation.warnings) codes.push_back(warning.code);
  return codes;
}

// `count` rows of an even choice between two actions; the first one earns 1.
RowSet EvenRows(size_t count) {
  RowSet rows;
  const uint32_t ids[] = {rows.actions.Intern("a"), rows.actions.Intern("b")};
  const uint32_t logged = rows.distributions.Add(ids, {0.5, 0.5});
  for (size_t i = 0; i < count; ++i) {
    Row row;
    row.action = ids[i % 2];
    row.propensity = 0.5;
    row.reward = i % 2 == 0 ? 1 : 0;
    row.logged = logged;
    rows.rows.push_back(row);
  }
  rows.positions = count;
  return rows;
}

EvaluateOptions Few() {
  EvaluateOptions options;
  options.resamples = 50;
  return options;
}

TEST(Evaluate, FourRowsByHand) {
  RowSet rows;
  const uint32_t a = rows.actions.Intern("a");
  const uint32_t b = rows.actions.Intern("b");
  const auto add = [&](uint32_t action, double propensity, double reward) {
    Row row;
    row.action = action;
    row.propensity = propensity;
    row.reward = reward;
    rows.rows.push_back(row);
  };
  add(a, 0.5, 1);   // w 1.5
  add(b, 0.25, 2);  // w 1
  add(a, 0.75, 0);  // w 1
  add(b, 0.5, 4);   // w 0.5
  const auto evaluation = Evaluate(rows, Target::Table({{0.75, 0.25}}), Few());
  FULCRUM_ASSERT_OK(evaluation);
  EXPECT_DOUBLE_EQ(evaluation->Find(Estimator::kIps)->value, 5.5 / 4);
  EXPECT_DOUBLE_EQ(evaluation->Find(Estimator::kSnips)->value, 5.5 / 4);
  EXPECT_DOUBLE_EQ(evaluation->mean_weight, 1);
  EXPECT_DOUBLE_EQ(evaluation->max_weight, 1.5);
  EXPECT_DOUBLE_EQ(evaluation->effective_sample_size, 16 / 4.5);
  EXPECT_DOUBLE_EQ(evaluation->mean_reward, 7.0 / 4);
  // w r is 1.5, 2, 0, 2: squares about 1.375 sum to 2.6875.
  EXPECT_DOUBLE_EQ(evaluation->Find(Estimator::kIps)->se, std::sqrt(2.6875 / 3 / 4));
}

TEST(Evaluate, GivesWhatIsAskedFor) {
  EvaluateOptions options = Few();
  options.estimators = {Estimator::kDr, Estimator::kIps};
  const auto evaluation = Evaluate(EvenRows(2000), Target::Logged(), options);
  FULCRUM_ASSERT_OK(evaluation);
  ASSERT_EQ(evaluation->estimates.size(), 2u);
  EXPECT_EQ(evaluation->estimates[0].estimator, Estimator::kDr);
  EXPECT_EQ(evaluation->Find(Estimator::kSnips), nullptr);
  EXPECT_THAT(evaluation->warnings, IsEmpty());
}

TEST(Evaluate, RefusesOptionsThatMakeNoSense) {
  const RowSet rows = EvenRows(10);
  const auto with = [&](auto change) {
    EvaluateOptions options;
    change(options);
    return Evaluate(rows, Target::Logged(), options);
  };
  const auto invalid = [](const char* words) {
    return testing::StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(words));
  };
  EXPECT_THAT(with([](EvaluateOptions& o) { o.estimators.clear(); }), invalid("no estimator"));
  EXPECT_THAT(with([](EvaluateOptions& o) { o.level = 1; }), invalid("between 0 and 1"));
  EXPECT_THAT(with([](EvaluateOptions& o) { o.level = NAN; }), invalid("between 0 and 1"));
  EXPECT_THAT(with([](EvaluateOptions& o) { o.resamples = -1; }), invalid("below 0"));
}

TEST(Evaluate, NoRowsNoVerdict) {
  const auto evaluation = Evaluate(RowSet(), Target::Logged(), Few());
  FULCRUM_ASSERT_OK(evaluation);
  EXPECT_FALSE(evaluation->verdict.ok);
  EXPECT_THAT(Codes(*evaluation), ::testing::ElementsAre("no_rows"));
  EXPECT_TRUE(std::isnan(evaluation->Find(Estimator::kIps)->value));
  EXPECT_THAT(ToText(*evaluation), HasSubstr("REFUSED: there is no row"));
}

TEST(Evaluate, WarnsOfASmallEffectiveSampleAndRefusesATinyOne) {
  struct Case {
    size_t rows;
    std::vector<std::string> codes;
    bool ok;
  };
  for (const auto& [count, codes, ok] :
       {Case{1000, {}, true}, Case{998, {"low_sample_size"}, true},
        Case{200, {"low_sample_size"}, true}, Case{198, {"sample_size_too_small"}, false}}) {
    const auto evaluation = Evaluate(EvenRows(count), Target::Logged(), Few());
    FULCRUM_ASSERT_OK(evaluation);
    EXPECT_EQ(Codes(*evaluation), codes) << count;
    EXPECT_EQ(evaluation->verdict.ok, ok) << count;
  }
}

TEST(Evaluate, WarnsWhenATenthOfTheRowsDecides) {
  // The target takes what was logged with 1 in 20: 1,100 of 22,000 rows.
  RowSet rows;
  const uint32_t ids[] = {rows.actions.Intern("a"), rows.actions.Intern("b")};
  const uint32_t logged = rows.distributions.Add(ids, {0.05, 0.95});
  for (size_t i = 0; i < 22'000; ++i) {
    Row row;
    row.action = ids[i % 20 == 0 ? 0 : 1];
    row.propensity = i % 20 == 0 ? 0.05 : 0.95;
    row.logged = logged;
    rows.rows.push_back(row);
  }
  const auto evaluation = Evaluate(rows, Target::Table({{1, 0}}), Few());
  FULCRUM_ASSERT_OK(evaluation);
  EXPECT_NEAR(evaluation->effective_sample_size, 1100, 1e-9);
  EXPECT_THAT(Codes(*evaluation), ::testing::ElementsAre("low_sample_size"));
}

TEST(Evaluate, RefusesAMeanWeightThatIsOff) {
  // 0.5 was logged, but the draw was 0.6 to 0.4.
  RowSet rows = EvenRows(10'000);
  for (size_t i = 0; i < rows.rows.size(); ++i) rows.rows[i].action = i % 10 < 6 ? 0 : 1;
  const auto evaluation = Evaluate(rows, Target::Table({{0.9, 0.1}}), Few());
  FULCRUM_ASSERT_OK(evaluation);
  EXPECT_NEAR(evaluation->mean_weight, 1.16, 1e-12);
  EXPECT_FALSE(evaluation->verdict.ok);
  EXPECT_THAT(Codes(*evaluation), ::testing::ElementsAre("mean_weight"));
  EXPECT_THAT(evaluation->verdict.reason, HasSubstr("1.1600, 20.4 times its standard error off 1"));
}

TEST(Evaluate, RefusesATargetWithoutSupportAndSaysItsShare) {
  RowSet rows = EvenRows(4000);
  rows.actions.Intern("c");
  const auto evaluation = Evaluate(rows, Target::Table({{0.5, 0.375, 0.125}}), Few());
  FULCRUM_ASSERT_OK(evaluation);
  EXPECT_DOUBLE_EQ(evaluation->unsupported_share, 0.125);
  EXPECT_FALSE(evaluation->verdict.ok);
  EXPECT_THAT(evaluation->verdict.reason, HasSubstr("12.5 % of the target"));
  EXPECT_FALSE(std::isnan(evaluation->Find(Estimator::kDr)->value));
}

TEST(Evaluate, WarnsOfFallbacksAboveOnePercent) {
  RowSet rows = EvenRows(9900);
  rows.positions = 10'000;
  rows.fallbacks = 100;
  auto evaluation = Evaluate(rows, Target::Logged(), Few());
  FULCRUM_ASSERT_OK(evaluation);
  EXPECT_THAT(evaluation->warnings, IsEmpty());
  rows.fallbacks = 101;
  evaluation = Evaluate(rows, Target::Logged(), Few());
  FULCRUM_ASSERT_OK(evaluation);
  EXPECT_THAT(Codes(*evaluation), ::testing::ElementsAre("fallbacks"));
  EXPECT_TRUE(evaluation->verdict.ok);
}

TEST(Evaluate, KeepsTheReadersWarningsAndRefusesDamage) {
  RowSet rows = EvenRows(2000);
  rows.warnings = {{"corrupt", "somewhere"}};
  rows.damaged = true;
  rows.excluded["missing"] = 7;
  const auto evaluation = Evaluate(rows, Target::Logged(), Few());
  FULCRUM_ASSERT_OK(evaluation);
  EXPECT_THAT(Codes(*evaluation), ::testing::ElementsAre("corrupt", "damaged_log"));
  EXPECT_FALSE(evaluation->verdict.ok);
  const std::string text = ToText(*evaluation);
  EXPECT_THAT(text, HasSubstr("left out: 7 missing\n"));
  EXPECT_THAT(text, HasSubstr("warning: somewhere\n"));
  EXPECT_THAT(text, HasSubstr("verdict: REFUSED: part of the log"));
}

// Four positions with the same reward tell as little as one.
TEST(Evaluate, PositionsOfOneDecisionCountTogether) {
  const MadeUpLog log = MakeLog(5, 500);
  RowSet slates = log.rows;
  slates.rows.clear();
  for (uint32_t i = 0; i < log.rows.rows.size(); ++i) {
    Row row = log.rows.rows[i];
    row.decision = i;
    for (int copy = 0; copy < 4; ++copy) slates.rows.push_back(row);
  }
  const auto single = Evaluate(log.rows, Target::Uniform(), {});
  const auto fourfold = Evaluate(slates, Target::Uniform(), {});
  FULCRUM_ASSERT_OK(single);
  FULCRUM_ASSERT_OK(fourfold);
  for (const Estimator estimator : {Estimator::kIps, Estimator::kSnips}) {
    const Estimate& one = *single->Find(estimator);
    const Estimate& four = *fourfold->Find(estimator);
    EXPECT_NEAR(four.value, one.value, 1e-12);
    EXPECT_NEAR(four.se, one.se, 1e-12);
    EXPECT_NEAR(four.ci_low, one.ci_low, 1e-12);
    EXPECT_NEAR(four.ci_high, one.ci_high, 1e-12);
  }
  EXPECT_NEAR(fourfold->mean_weight_se, single->mean_weight_se, 1e-12);
}

TEST(Evaluate, TheTextSaysWhatTheFiguresAre) {
  const auto evaluation = Evaluate(EvenRows(2000), Target::Logged(), Few());
  FULCRUM_ASSERT_OK(evaluation);
  const std::string text = ToText(*evaluation);
  EXPECT_THAT(text, HasSubstr("ips                 0.5"));
  EXPECT_THAT(text, HasSubstr("its interval takes the reward model as given"));
  EXPECT_THAT(text, HasSubstr("effective sample size 2000.0, mean weight 1.0000"));
  EXPECT_THAT(text, HasSubstr("verdict: ok\n"));
  EXPECT_THAT(text, Not(HasSubstr("warning")));
}

}  // namespace
}  // namespace fulcrum::evaluation
