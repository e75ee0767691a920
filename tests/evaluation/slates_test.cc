// Estimators of whole slates: `rips` (cascade) and `slate_ips` (the full product).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "evaluation/evaluate.h"
#include "tests/support/status_matchers.h"

namespace fulcrum::evaluation {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr Estimator kSlate[] = {Estimator::kRips, Estimator::kSlateIps};

EvaluateOptions Slates(int resamples = 50) {
  EvaluateOptions options;
  options.estimators.assign(std::begin(kSlate), std::end(kSlate));
  options.resamples = resamples;
  return options;
}

std::vector<std::string> Codes(const Evaluation& evaluation) {
  std::vector<std::string> codes;
  for (const Warning& warning : evaluation.warnings) codes.push_back(warning.code);
  return codes;
}

// Actions a and b; the target takes a with 3/4 at the first position and b with 3/4 at the second.
class SlatesTest : public ::testing::Test {
 protected:
  void Add(uint32_t decision, uint32_t position, const char* action, double propensity,
           double reward) {
    Row row;
    row.decision = decision;
    row.position = position;
    row.action = rows.actions.Intern(action);
    row.propensity = propensity;
    row.reward = reward;
    rows.rows.push_back(row);
  }

  // `count` slates of two positions, each an even choice; the first position earns 1.
  void AddEven(uint32_t count) {
    for (uint32_t i = 0; i < count; ++i) {
      Add(i, 1, i % 2 == 0 ? "a" : "b", 0.5, 1);
      Add(i, 2, i % 4 < 2 ? "a" : "b", 0.5, 0);
    }
  }

  RowSet rows;
  const Target target = Target::Table({{0.75, 0.25}, {0.25, 0.75}});
};

TEST_F(SlatesTest, ThreeSlatesByHand) {
  Add(0, 1, "a", 0.5, 1);   // w 1.5
  Add(0, 2, "b", 0.5, 2);   // w 1.5, product 2.25
  Add(1, 1, "b", 0.5, 4);   // w 0.5
  Add(1, 2, "a", 0.25, 1);  // w 1, product 0.5
  Add(2, 1, "a", 0.75, 2);  // w 1; the slate ends here
  const auto evaluation = Evaluate(rows, target, Slates());
  FULCRUM_ASSERT_OK(evaluation);
  // Cascade: 1.5 + 4.5, 2 + 0.5, 2. Full product: 2.25 x 3, 0.5 x 5, 2.
  const Estimate& rips = *evaluation->Find(Estimator::kRips);
  EXPECT_DOUBLE_EQ(rips.value, (6 + 2.5 + 2) / 3);
  EXPECT_DOUBLE_EQ(rips.se, std::sqrt((2.5 * 2.5 + 1 + 1.5 * 1.5) / 2 / 3));
  const Estimate& whole = *evaluation->Find(Estimator::kSlateIps);
  EXPECT_DOUBLE_EQ(whole.value, (6.75 + 2.5 + 2) / 3);
  EXPECT_DOUBLE_EQ(whole.se, std::sqrt((3 * 3 + 1.25 * 1.25 + 1.75 * 1.75) / 2 / 3));
  EXPECT_EQ(evaluation->slate_weights.slates, 3u);
  EXPECT_EQ(evaluation->slate_weights.broken, 0u);
  EXPECT_DOUBLE_EQ(evaluation->slate_weights.mean, 3.75 / 3);
  EXPECT_DOUBLE_EQ(evaluation->slate_weights.max, 2.25);
  EXPECT_DOUBLE_EQ(evaluation->slate_weights.effective_sample_size,
                   3.75 * 3.75 / (2.25 * 2.25 + 0.25 + 1));
  EXPECT_DOUBLE_EQ(evaluation->slate_weights.mean_se,
                   std::sqrt((1 + 0.75 * 0.75 + 0.25 * 0.25) / 2 / 3));
}

TEST_F(SlatesTest, ARewardOfTheWholeSlateMayStandAtAnyPosition) {
  Add(0, 1, "a", 0.5, 0);
  Add(0, 2, "b", 0.5, 6);
  Add(1, 1, "b", 0.5, 6);
  Add(1, 2, "b", 0.5, 0);
  const auto evaluation = Evaluate(rows, target, Slates());
  FULCRUM_ASSERT_OK(evaluation);
  EXPECT_DOUBLE_EQ(evaluation->Find(Estimator::kSlateIps)->value, (2.25 * 6 + 0.75 * 6) / 2);
  // The cascade believes that the second position has no part in the first one's reward.
  EXPECT_DOUBLE_EQ(evaluation->Find(Estimator::kRips)->value, (2.25 * 6 + 0.5 * 6) / 2);
}

TEST_F(SlatesTest, RowsOfTheirOwnAreSlatesOfOneWhateverTheirPosition) {
  Add(kNoDecision, 2, "a", 0.5, 1);
  Add(kNoDecision, 1, "a", 0.5, 3);
  EvaluateOptions options = Slates();
  options.estimators.push_back(Estimator::kIps);
  const auto evaluation = Evaluate(rows, target, options);
  FULCRUM_ASSERT_OK(evaluation);
  for (const Estimate& one : evaluation->estimates) {
    EXPECT_DOUBLE_EQ(one.value, (0.5 + 4.5) / 2);
    EXPECT_DOUBLE_EQ(one.se, evaluation->estimates.back().se);
  }
}

// Position 2 was not shown: what stood there is unknown, and the product with it.
TEST_F(SlatesTest, LeavesOutSlatesThatMissAPosition) {
  AddEven(2000);
  const auto before = Evaluate(rows, target, Slates());
  FULCRUM_ASSERT_OK(before);
  EXPECT_THAT(before->warnings, IsEmpty());
  Add(5000, 1, "a", 0.5, 100);
  Add(5000, 3, "a", 0.5, 100);
  Add(5001, 2, "a", 0.5, 100);
  const Target longer = Target::Table({{0.75, 0.25}, {0.25, 0.75}, {1, 0}});
  const auto after = Evaluate(rows, longer, Slates());
  FULCRUM_ASSERT_OK(after);
  for (const Estimator estimator : kSlate) {
    EXPECT_DOUBLE_EQ(after->Find(estimator)->value, before->Find(estimator)->value);
    EXPECT_DOUBLE_EQ(after->Find(estimator)->se, before->Find(estimator)->se);
  }
  EXPECT_EQ(after->slate_weights.slates, 2000u);
  EXPECT_EQ(after->slate_weights.broken, 2u);
  EXPECT_THAT(Codes(*after), ElementsAre("broken_slates"));
  EXPECT_TRUE(after->verdict.ok);
}

TEST_F(SlatesTest, JudgesTheProductsOfTheWeights) {
  // Each position alone is worth 640 rows of 800, the slates 256 of 400.
  AddEven(400);
  const auto few = Evaluate(rows, target, Slates());
  FULCRUM_ASSERT_OK(few);
  EXPECT_NEAR(few->effective_sample_size, 640, 1e-9);
  EXPECT_NEAR(few->slate_weights.effective_sample_size, 256, 1e-9);
  EXPECT_THAT(Codes(*few), ElementsAre("low_sample_size", "slate_low_sample_size"));
  rows.rows.resize(600);  // 300 slates: 192
  const auto fewer = Evaluate(rows, target, Slates());
  FULCRUM_ASSERT_OK(fewer);
  EXPECT_THAT(Codes(*fewer), ElementsAre("low_sample_size", "slate_sample_size_too_small"));
  EXPECT_FALSE(fewer->verdict.ok);
  EXPECT_THAT(fewer->verdict.reason, HasSubstr("192.0 slates of 300"));
}

// Row by row all is well; only together do the positions not fit what was logged.
TEST_F(SlatesTest, RefusesAMeanProductThatIsOff) {
  for (uint32_t i = 0; i < 4000; ++i) {
    const char* const both = i % 2 == 0 ? "a" : "b";
    Add(i, 1, both, 0.5, 1);
    Add(i, 2, both, 0.5, 1);
  }
  const auto evaluation = Evaluate(rows, target, Slates());
  FULCRUM_ASSERT_OK(evaluation);
  EXPECT_DOUBLE_EQ(evaluation->mean_weight, 1);
  EXPECT_DOUBLE_EQ(evaluation->slate_weights.mean, 0.75);
  EXPECT_THAT(Codes(*evaluation), ElementsAre("slate_mean_weight"));
  EXPECT_FALSE(evaluation->verdict.ok);
}

TEST_F(SlatesTest, SaysWhatTheOtherEstimatorsAreOf) {
  AddEven(2000);
  EvaluateOptions options;
  options.resamples = 50;
  const auto other = Evaluate(rows, target, options);
  FULCRUM_ASSERT_OK(other);
  EXPECT_THAT(Codes(*other), ElementsAre("slates"));
  EXPECT_TRUE(other->verdict.ok);
  const auto logged = Evaluate(rows, Target::Logged(), options);
  FULCRUM_ASSERT_OK(logged);
  EXPECT_THAT(logged->warnings, IsEmpty());
  EXPECT_THAT(ToText(*logged), ::testing::Not(HasSubstr("slates")));
}

TEST_F(SlatesTest, TheTextSaysThatTheUnitIsTheSlate) {
  AddEven(2000);
  const auto evaluation = Evaluate(rows, target, Slates());
  FULCRUM_ASSERT_OK(evaluation);
  const std::string text = ToText(*evaluation);
  EXPECT_THAT(text, HasSubstr("rips                  1"));
  EXPECT_THAT(text, HasSubstr("of 2000 slates (rips and slate_ips are per slate)"));
}

}  // namespace
}  // namespace fulcrum::evaluation
