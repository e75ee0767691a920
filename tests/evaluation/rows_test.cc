#include "evaluation/rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "evaluation/reward_model.h"

namespace fulcrum::evaluation {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(ActionTable, GivesANameOneNumber) {
  ActionTable actions;
  EXPECT_EQ(actions.Intern("hat"), 0u);
  EXPECT_EQ(actions.Intern("coat"), 1u);
  EXPECT_EQ(actions.Intern("hat"), 0u);
  EXPECT_EQ(actions.Name(1), "coat");
  EXPECT_EQ(actions.size(), 2u);
}

TEST(Distributions, KeepsEachOnce) {
  Distributions distributions;
  const uint32_t even = distributions.Add({3, 5}, {0.5, 0.5});
  const uint32_t only_actions = distributions.Add({3, 5}, {});
  const uint32_t skewed = distributions.Add({3, 5}, {0.25, 0.75});
  EXPECT_EQ(distributions.Add({3, 5}, {0.5, 0.5}), even);
  EXPECT_EQ(distributions.Add({3, 5}, {}), only_actions);
  EXPECT_EQ(distributions.size(), 3u);
  EXPECT_THAT(distributions.Get(skewed).actions, ElementsAre(3, 5));
  EXPECT_THAT(distributions.Get(skewed).probabilities, ElementsAre(0.25, 0.75));
  EXPECT_EQ(distributions.Get(skewed).Probability(5), 0.75);
  EXPECT_EQ(distributions.Get(skewed).Probability(4), 0);
  EXPECT_THAT(distributions.Get(only_actions).probabilities, IsEmpty());
  EXPECT_TRUE(distributions.Get(only_actions).Has(3));
  EXPECT_FALSE(distributions.Get(only_actions).Has(4));
  EXPECT_EQ(distributions.Get(only_actions).Probability(3), 0);
}

TEST(Distributions, HoldsMany) {
  Distributions distributions;
  for (uint32_t round = 0; round < 2; ++round) {
    for (uint32_t i = 0; i < 5000; ++i) {
      const double p = (i + 1) / 5001.0;
      ASSERT_EQ(distributions.Add({i % 7, 7}, {p, 1 - p}), i);
    }
  }
  EXPECT_EQ(distributions.size(), 5000u);
}

Row RowOf(uint32_t action, double reward) {
  Row row;
  row.action = action;
  row.reward = reward;
  row.propensity = 1;
  return row;
}

TEST(ShrunkRewards, LearnsFromTheOtherFolds) {
  RowSet rows;
  for (const char* name : {"a", "b", "never"}) rows.actions.Intern(name);
  rows.rows = {RowOf(0, 1), RowOf(0, 4), RowOf(1, 0), RowOf(1, 2), RowOf(0, 0)};
  const ShrunkRewards model(rows);
  // Fold 0 holds rows 0 and 3; outside it a earned 4 and 0, b 0, the mean is 4/3.
  EXPECT_DOUBLE_EQ(model.Predict(0, 0), (4 + 100 * 4.0 / 3) / 102);
  EXPECT_DOUBLE_EQ(model.Predict(3, 1), (100 * 4.0 / 3) / 101);
  EXPECT_DOUBLE_EQ(model.Predict(0, 2), 4.0 / 3);
  EXPECT_DOUBLE_EQ(model.Predict(0, 99), 4.0 / 3);
  // Fold 2 holds row 2 only.
  EXPECT_DOUBLE_EQ(model.Predict(2, 1), (2 + 100 * 7.0 / 4) / 101);
}

TEST(ShrunkRewards, ARowAloneIsNotPredictedByItself) {
  RowSet rows;
  rows.rows = {RowOf(rows.actions.Intern("a"), 9)};
  EXPECT_EQ(ShrunkRewards(rows).Predict(0, 0), 0);
}

}  // namespace
}  // namespace fulcrum::evaluation
