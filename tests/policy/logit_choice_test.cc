// ChoiceProbabilities of arms with values and prices: which computation answers, and what is
// refused.
#include <cmath>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "policy/beta_quadrature.h"
#include "policy/choice.h"
#include "policy/gauss_quadrature.h"
#include "policy/utility_quadrature.h"
#include "tests/policy/utility_families.h"

namespace fulcrum::policy {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::Pointwise;

constexpr double kAccuracy = 2e-6;

template <typename Arm>
std::vector<double> Ask(const std::vector<Arm>& arms, const Baseline& baseline) {
  return ChoiceProbabilities(std::vector<Posterior>(arms.begin(), arms.end()), baseline);
}

Baseline Known(double value) {
  return {.known_value = value, .posterior = {}};
}

Baseline Believed(const Posterior& posterior) {
  return {.known_value = {}, .posterior = posterior};
}

// Records of decisions before there were values and prices replay to the bit.
TEST(LogitChoice, BetaArmsOfValueOneAndPriceNilHaveTheBitsOfThePlainQuadrature) {
  const auto arms = testing::MakeBetaArms(testing::BetaFamily::kSmall, 12);
  BetaQuadrature quadrature;
  std::vector<double> plain(arms.size());
  const auto report = quadrature.Compute(arms, std::log(0.25 / 0.75), absl::MakeSpan(plain));
  const std::vector<double> asked = Ask(arms, Known(0.25));
  for (size_t i = 0; i < arms.size(); ++i) EXPECT_EQ(asked[i], plain[i]);
  EXPECT_EQ(asked.back(), report.known_wins);
}

TEST(LogitChoice, OneValueAndPriceCompareTheRates) {
  const auto same = [](auto arms) {
    for (auto& arm : arms) arm.value = 4, arm.price = 1;
    return arms;
  };
  const auto betas = testing::MakeBetaArms(testing::BetaFamily::kSmall, 12);
  EXPECT_EQ(Ask(same(betas), Known(0)), Ask(betas, Known(0.25)));
  EXPECT_EQ(Ask(same(betas), Known(3)).back(), 1);
  EXPECT_EQ(Ask(same(betas), Known(-1)).back(), 0);
  const auto logits = [&] {
    auto arms = testing::MakeLogitArms(testing::GaussFamily::kComparable, 12);
    for (auto& arm : arms) arm.value = 1, arm.price = 0;
    return arms;
  }();
  std::vector<GaussArm> gauss;
  for (const LogitArm& arm : logits) gauss.push_back({arm.mean, arm.sd});
  EXPECT_EQ(Ask(same(logits), Known(1)), Ask(gauss, Known(0)));  // a rate of one half
  EXPECT_EQ(Ask(same(logits), Believed(LogitArm{0, 1, 4, 1})),
            Ask(gauss, Believed(GaussArm{0, 1})));
}

TEST(LogitChoice, ClosedFormsAgreeWithTheQuadratures) {
  for (const double sd : {1e-6, 0.03, 1.0, 3.0}) {
    for (const double z : {-4.0, -0.3, 0.0, 1.0, 3.0}) {
      const double known = 2 / (1 + std::exp(z * sd)) - 0.5;  // z deviations below the mean
      const LogitArm arm = {0, sd, 2, 0.5};
      const auto closed = Ask<LogitArm>({arm}, Known(known));
      UtilityQuadrature quadrature;
      double p = 0;
      quadrature.Compute({arm}, known, absl::MakeSpan(&p, 1));
      EXPECT_NEAR(closed[0], p, kAccuracy) << sd << ' ' << z;
      EXPECT_NEAR(closed[0], 0.5 * std::erfc(-z / std::sqrt(2.0)), 1e-9) << sd << ' ' << z;
      EXPECT_DOUBLE_EQ(closed[0] + closed[1], 1);

      const LogitArm other = {-z * std::sqrt(sd * sd + 0.25), 0.5, 2, 0.5};
      const auto two = Ask<LogitArm>({arm}, Believed(other));
      double both[2];
      quadrature.Compute({arm, other}, kNoKnownUtility, absl::MakeSpan(both));
      EXPECT_THAT(two, Pointwise(DoubleNear(kAccuracy), both)) << sd << ' ' << z;
      EXPECT_NEAR(two[0], 0.5 * std::erfc(-z / std::sqrt(2.0)), 1e-9) << sd << ' ' << z;
    }
  }
  EXPECT_THAT(Ask<LogitArm>({{0, 1, 2, 0.5}}, Known(-0.5)), ElementsAre(1, 0));
  EXPECT_THAT(Ask<LogitArm>({{0, 1, 2, 0.5}}, Known(1.5)), ElementsAre(0, 1));
}

TEST(LogitChoice, TheNeutralActionIsOneMoreArmOrAKnownUtility) {
  const auto arms = testing::MakeLogitArms(testing::GaussFamily::kComparable, 6);
  const std::vector<LogitArm> but_last(arms.begin(), arms.end() - 1);
  UtilityQuadrature quadrature;
  std::vector<double> all(6);
  quadrature.Compute(arms, kNoKnownUtility, absl::MakeSpan(all));
  EXPECT_EQ(Ask(but_last, Believed(arms.back())), all);
  const auto report = quadrature.Compute(arms, 0.4, absl::MakeSpan(all));
  all.push_back(report.known_wins);
  EXPECT_EQ(Ask(arms, Known(0.4)), all);
  EXPECT_THAT(Ask<LogitArm>({}, Known(0.4)), ElementsAre(1));
}

TEST(LogitChoice, IsValidAsksForEveryParameter) {
  EXPECT_TRUE(IsValid(LogitArm{}));
  EXPECT_TRUE(IsValid(BetaArm{1, 1, 0.1, -3}));
  for (const double bad : {0.0, -1.0, std::nan(""), static_cast<double>(INFINITY)}) {
    EXPECT_FALSE(IsValid(LogitArm{0, bad, 1, 0})) << bad;
    EXPECT_FALSE(IsValid(LogitArm{0, 1, bad, 0})) << bad;
    EXPECT_FALSE(IsValid(BetaArm{1, 1, bad, 0})) << bad;
  }
  EXPECT_FALSE(IsValid(LogitArm{std::nan(""), 1, 1, 0}));
  EXPECT_FALSE(IsValid(LogitArm{0, 1, 1, INFINITY}));
  EXPECT_FALSE(IsValid(BetaArm{1, 1, 1, std::nan("")}));
}

TEST(LogitChoiceDeathTest, BrokenArgumentsStopTheProcess) {
  EXPECT_DEATH(Ask<LogitArm>({{0, 0, 1, 0}}, Known(0)), "");
  EXPECT_DEATH(Ask<LogitArm>({{0, 1, 0, 0}}, Known(0)), "");
  EXPECT_DEATH(Ask<LogitArm>({{0, 1, 1, 0}}, Known(std::nan(""))), "");
  EXPECT_DEATH(Ask<LogitArm>({{0, 1, 1, 0}}, Believed(GaussArm{0, 1})), "");
  EXPECT_DEATH(Ask<BetaArm>({{1, 1, 1, std::nan("")}}, Known(0)), "");
}

}  // namespace
}  // namespace fulcrum::policy
