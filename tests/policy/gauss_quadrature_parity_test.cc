// Against brute force (tests/policy/gauss_reference.h), on the eight families.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "gtest/gtest.h"
#include "policy/gauss_quadrature.h"
#include "tests/policy/gauss_families.h"
#include "tests/policy/gauss_reference.h"

namespace fulcrum::policy {
namespace {

constexpr double kAccuracy = 2e-6;

struct Worst {
  double error = 0;
  double defect = 0;
  int panels = 0;
};

void Compare(GaussQuadrature& quadrature, const std::vector<GaussArm>& arms, double known,
             const testing::GaussReference& reference, Worst& worst) {
  std::vector<double> p(arms.size());
  const QuadratureReport report = quadrature.Compute(arms, known, absl::MakeSpan(p));
  EXPECT_FALSE(report.capped);
  worst.defect = std::max(worst.defect, report.defect);
  worst.panels = std::max(worst.panels, report.panels);
  worst.error = std::max(worst.error, std::abs(report.known_wins - reference.known_wins()));
  for (size_t i = 0; i < arms.size(); ++i) {
    worst.error = std::max(worst.error, std::abs(p[i] - reference.wins(i)));
  }
}

class GaussParity : public ::testing::TestWithParam<int> {};

TEST_P(GaussParity, IsWithinTwoMillionths) {
  for (const size_t size : testing::kGaussSizes) {
    GaussQuadrature quadrature;
    Worst worst;
    for (uint64_t round = 0; round < 2; ++round) {
      const auto arms =
          testing::MakeGaussArms(static_cast<testing::GaussFamily>(GetParam()), size, round);
      for (const double known : testing::KnownValuesFor(arms)) {
        const testing::GaussReference reference(arms, known);
        ASSERT_LT(reference.defect(), 1e-9);
        Compare(quadrature, arms, known, reference, worst);
      }
    }
    std::printf("K = %3zu: max error %.1e, max defect %.1e, at most %d panels\n", size, worst.error,
                worst.defect, worst.panels);
    EXPECT_LE(worst.error, kAccuracy) << "K = " << size;
    EXPECT_LE(worst.defect, 1e-3) << "K = " << size;
  }
}

INSTANTIATE_TEST_SUITE_P(Families, GaussParity, ::testing::Range(0, testing::kGaussFamilies),
                         [](const auto& family) {
                           return std::string(testing::kGaussFamilyNames[family.param]);
                         });

}  // namespace
}  // namespace fulcrum::policy
