// Against brute force (tests/policy/utility_reference.h), on the families of both kinds of
// posterior, each arm with its own value and price.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "gtest/gtest.h"
#include "policy/utility_quadrature.h"
#include "tests/policy/utility_families.h"
#include "tests/policy/utility_reference.h"

namespace fulcrum::policy {
namespace {

constexpr double kAccuracy = 2e-6;

struct Worst {
  double error = 0;
  int panels = 0;
};

template <typename Arm>
void Compare(const std::vector<Arm>& arms, double known, Worst& worst) {
  const testing::UtilityReference<Arm> reference(arms, known);
  ASSERT_LT(reference.defect(), 1e-9);
  UtilityQuadrature quadrature;
  std::vector<double> p(arms.size());
  const QuadratureReport report = quadrature.Compute(arms, known, absl::MakeSpan(p));
  EXPECT_FALSE(report.capped);
  EXPECT_LT(report.defect, 1e-3);
  worst.panels = std::max(worst.panels, report.panels);
  worst.error = std::max(worst.error, std::abs(report.known_wins - reference.known_wins()));
  for (size_t i = 0; i < arms.size(); ++i) {
    worst.error = std::max(worst.error, std::abs(p[i] - reference.wins(i)));
  }
}

// Small choices several times, large ones once: the reference is slow.
template <typename Family, typename Make>
void CompareSizes(Family family, Make make) {
  for (const size_t size : {2U, 5U, 20U}) {
    Worst worst;
    for (uint64_t round = 0; round < (size == 20 ? 1 : 3); ++round) {
      const auto arms = make(family, size, round);
      for (const double known : {kNoKnownUtility, 0.25}) Compare(arms, known, worst);
    }
    std::printf("K = %2zu: max error %.1e, at most %d panels\n", size, worst.error, worst.panels);
    EXPECT_LE(worst.error, kAccuracy) << "K = " << size;
  }
}

class LogitParity : public ::testing::TestWithParam<int> {};

TEST_P(LogitParity, IsWithinTwoMillionths) {
  CompareSizes(static_cast<testing::GaussFamily>(GetParam()), testing::MakeLogitArms);
}

INSTANTIATE_TEST_SUITE_P(Families, LogitParity, ::testing::Range(0, testing::kGaussFamilies),
                         [](const auto& family) {
                           return std::string(testing::kGaussFamilyNames[family.param]);
                         });

class ValuedBetaParity : public ::testing::TestWithParam<int> {};

TEST_P(ValuedBetaParity, IsWithinTwoMillionths) {
  CompareSizes(static_cast<testing::BetaFamily>(GetParam()), testing::MakeValuedBetaArms);
}

INSTANTIATE_TEST_SUITE_P(Families, ValuedBetaParity, ::testing::Range(0, testing::kBetaFamilies),
                         [](const auto& family) {
                           return std::string(testing::kGoldenFamilies[family.param]);
                         });

// Offers that share an end: the same value and price, or a price of nothing.
TEST(UtilityParity, OffersThatShareAnEnd) {
  Worst worst;
  const std::vector<BetaArm> both = {{0.3, 0.2, 2, 0.5}, {0.7, 0.6, 2, 0.5}, {1, 1, 1.5, 0.4}};
  const std::vector<BetaArm> lower = {{0.05, 3, 1, 0.5}, {0.1, 2, 2, 0.5}, {0.2, 9, 3, 0.5}};
  const std::vector<BetaArm> free = {{0.3, 30, 1, 0}, {0.3, 10, 20, 0}, {0.3, 40, 300, 0}};
  for (const auto& arms : {both, lower, free}) {
    for (const double known : {kNoKnownUtility, 0.25}) Compare(arms, known, worst);
  }
  std::printf("max error %.1e\n", worst.error);
  EXPECT_LE(worst.error, kAccuracy);
}

}  // namespace
}  // namespace fulcrum::policy
