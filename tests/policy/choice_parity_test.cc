// Against golden values of an independent, much finer computation (tests/golden/policy).
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "gtest/gtest.h"
#include "tests/policy/beta_choice.h"
#include "tests/policy/golden_choice.h"

namespace fulcrum::policy {
namespace {

using testing::BetaChoice;

class ChoiceParity : public ::testing::TestWithParam<const char*> {};

TEST_P(ChoiceParity, IsWithinTwoMillionths) {
  const auto choices = testing::ReadGoldenChoices(FULCRUM_SOURCE_DIR, GetParam());
  ASSERT_EQ(choices.size(), 10U);  // K in {2, 5, 20, 50, 200}, each against both kinds of baseline
  for (const testing::GoldenChoice& choice : choices) {
    const std::vector<double> computed = BetaChoice(choice.arms, choice.baseline);
    ASSERT_EQ(computed.size(), choice.probabilities.size());
    double worst = 0;
    for (size_t i = 0; i < computed.size(); ++i) {
      worst = std::max(worst, std::abs(computed[i] - choice.probabilities[i]));
    }
    std::printf("%-20s max error %.2e\n", choice.name.c_str(), worst);
    EXPECT_LE(worst, 2e-6) << choice.name;
  }
}

INSTANTIATE_TEST_SUITE_P(Families, ChoiceParity, ::testing::ValuesIn(testing::kGoldenFamilies),
                         [](const auto& family) { return std::string(family.param); });

}  // namespace
}  // namespace fulcrum::policy
