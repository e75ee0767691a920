// Arms of no family: any mix of scales and of distances.
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

struct Case {
  std::vector<GaussArm> arms;
  double known = kNoKnownValue;
};

Case RandomCase(base::RandomStream& random, uint32_t most_arms) {
  const double narrowest = testing::NextLogUniform(random, 1e-6, 1);
  const double spread = testing::NextLogUniform(random, 1e-3, 10);
  const bool centred = random.NextBelow(2) == 0;  // then narrow arms compete with wide ones
  Case made;
  made.arms.resize(2 + random.NextBelow(most_arms - 1));
  for (GaussArm& arm : made.arms) {
    const double sd = testing::NextLogUniform(random, narrowest, 1);
    arm = {3 + spread * testing::NextNormal(random) * (centred ? sd : 1), sd};
  }
  // Some arms more than once.
  if (random.NextBelow(3) == 0) made.arms.back() = made.arms.front();
  if (random.NextBelow(3) == 0) made.known = made.arms[0].mean + testing::NextNormal(random);
  return made;
}

double LargestDifference(const std::vector<double>& a, const std::vector<double>& b) {
  double largest = 0;
  for (size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(a[i] - b[i]));
  return largest;
}

std::vector<double> Ask(GaussQuadrature& quadrature, const Case& asked) {
  std::vector<double> p(asked.arms.size() + 1);
  const QuadratureReport report =
      quadrature.Compute(asked.arms, asked.known, absl::MakeSpan(p).first(asked.arms.size()));
  EXPECT_FALSE(report.capped);
  EXPECT_LT(report.defect, 1e-3);
  p.back() = report.known_wins;
  return p;
}

TEST(GaussProperty, AgreesWithBruteForce) {
  base::RandomStream random(1);
  GaussQuadrature quadrature;
  double worst = 0;
  for (int round = 0; round < 150; ++round) {
    const Case asked = RandomCase(random, 12);
    const testing::GaussReference reference(asked.arms, asked.known);
    ASSERT_LT(reference.defect(), 1e-9);
    std::vector<double> expected;
    for (size_t i = 0; i < asked.arms.size(); ++i) expected.push_back(reference.wins(i));
    expected.push_back(reference.known_wins());
    worst = std::max(worst, LargestDifference(Ask(quadrature, asked), expected));
    ASSERT_LE(worst, kAccuracy) << "round " << round;
  }
  std::printf("max error %.1e\n", worst);
}

TEST(GaussProperty, FinerPanelsSayTheSame) {
  base::RandomStream random(2);
  GaussQuadrature quadrature;
  GaussQuadrature fine({.reach = 6, .panel_sds = 1.5, .most_panels = 1000});
  double worst = 0;
  for (int round = 0; round < 6000; ++round) {
    const Case asked = RandomCase(random, round % 10 == 0 ? 300 : 40);
    worst = std::max(worst, LargestDifference(Ask(quadrature, asked), Ask(fine, asked)));
    ASSERT_LE(worst, kAccuracy) << "round " << round;
  }
  std::printf("max difference %.1e\n", worst);
}

}  // namespace
}  // namespace fulcrum::policy
