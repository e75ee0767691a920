// The judge is judged first: known values, and what it must and must not find.
#include "tests/support/statistics.h"

#include <cmath>

#include "base/random.h"
#include "gtest/gtest.h"

namespace fulcrum::testing {
namespace {

TEST(Statistics, ChiSquareHasKnownQuantiles) {
  // The 5 %, 1 % and 0.1 % points of the usual tables.
  EXPECT_NEAR(ChiSquarePValue(3.841458820694124, 1), 0.05, 1e-12);
  EXPECT_NEAR(ChiSquarePValue(9.210340371976182, 2), 0.01, 1e-12);
  EXPECT_NEAR(ChiSquarePValue(29.58829844507442, 10), 0.001, 1e-12);
  EXPECT_NEAR(ChiSquarePValue(124.3421134, 100), 0.05, 1e-9);
  // With 2 degrees it is exp(-x / 2), far into the tail.
  for (const double x : {0.01, 1.0, 30.0, 300.0}) {
    EXPECT_NEAR(ChiSquarePValue(x, 2) / std::exp(-x / 2), 1, 1e-11) << x;
  }
  EXPECT_EQ(ChiSquarePValue(0, 5), 1);
}

TEST(Statistics, UpperGammaMatchesTheErrorFunction) {
  for (double x = 0.05; x < 20; x *= 1.3) {
    EXPECT_NEAR(UpperGamma(0.5, x) / std::erfc(std::sqrt(x)), 1, 1e-12) << x;
  }
}

TEST(Statistics, NormalHasKnownQuantiles) {
  EXPECT_NEAR(NormalPValue(1.959963984540054), 0.05, 1e-14);
  EXPECT_NEAR(NormalPValue(-3.290526731491926), 0.001, 1e-14);
}

TEST(Statistics, KolmogorovSmirnovHasKnownQuantiles) {
  // n values at (i + shift) / n are at distance (1 - shift) / n or shift / n.
  const auto evenly = [](int n, double shift) {
    std::vector<double> values;
    for (int i = 0; i < n; ++i) values.push_back((i + 0.5) / n * (1 - shift));
    return values;
  };
  // Asymptotic 5 % point: sqrt(n) D = 1.3581.
  const int n = 10000;
  EXPECT_NEAR(KolmogorovSmirnovPValue(evenly(n, 1.3581 / 100)), 0.05, 0.002);
  EXPECT_GT(KolmogorovSmirnovPValue(evenly(n, 0)), 0.999);
  EXPECT_LT(KolmogorovSmirnovPValue(evenly(n, 0.05)), 1e-10);
}

constexpr Ticks kHalf = kTicksTotal / 2;

TEST(Statistics, FrozenCountsArePearsons) {
  EXPECT_NEAR(FrozenPValue({kHalf, kHalf}, {530, 470}), ChiSquarePValue(3.6, 1), 1e-14);
}

TEST(Statistics, FrozenCountsMergeSmallCells) {
  // 1600 draws: expectations 1575, 12.5, 12.5 -> 1575 and 25.
  const Ticks one = kTicksTotal / 128;
  EXPECT_NEAR(FrozenPValue({kTicksTotal - 2 * one, one, one}, {1565, 25, 10}),
              ChiSquarePValue(100.0 / 1575 + 100.0 / 25, 1), 1e-12);
  // What stays too small joins the smallest that is not: 1570, 25, 5 -> 1570 and 30.
  const Ticks tenth = kTicksTotal / 320;
  EXPECT_NEAR(
      FrozenPValue({kTicksTotal - 5 * (kTicksTotal / 256) - tenth, 5 * (kTicksTotal / 256), tenth},
                   {1560, 35, 5}),
      ChiSquarePValue(3.75 * 3.75 / 1563.75 + 3.75 * 3.75 / 36.25, 1), 1e-6);
  // One cell is left: nothing to test.
  EXPECT_LT(FrozenPValue({kTicksTotal - one, one}, {1599, 1}), 0);
  EXPECT_LT(FrozenPValue({kTicksTotal}, {1000}), 0);
}

TEST(Statistics, AnImpossibleDrawIsFound) {
  EXPECT_EQ(FrozenPValue({kHalf, kHalf, 0}, {500, 499, 1}), 0);
  VaryingDraws draws;
  draws.Add({0, 1}, {kTicksTotal, 0}, 1);
  EXPECT_EQ(draws.PValue(), 0);
}

TEST(Statistics, VaryingDrawsUseTheMostRandomAction) {
  VaryingDraws draws;
  for (int i = 0; i < 400; ++i) {
    draws.Add({0, 1, 7}, {kHalf, kHalf - 1, 1}, i < 230 ? 0U : 1U);
  }
  EXPECT_NEAR(draws.PValue(), NormalPValue(3), 1e-6);  // (230 - 200) / sqrt(400 / 4)
  EXPECT_LT(VaryingDraws().PValue(), 0);
}

TEST(Statistics, FairCoinsPassAndLoadedOnesDoNot) {
  for (const bool loaded : {false, true}) {
    base::RandomStream random(4);
    DrawnAgainstLogged judge;
    for (int c = 0; c < 300; ++c) {
      VaryingDraws draws;
      for (int i = 0; i < 1000; ++i) {
        const double p = 0.2 + 0.6 * random.NextUniform();
        const Ticks ticks = static_cast<Ticks>(p * static_cast<double>(kTicksTotal));
        const bool first = random.NextUniform() < (loaded ? 0.97 * p : p);
        draws.Add({3, 5}, {ticks, kTicksTotal - ticks}, first ? 0 : 1);
      }
      ASSERT_TRUE(judge.AddVarying(draws));
    }
    EXPECT_EQ(judge.Passes(), !loaded) << judge.Report();
  }
}

}  // namespace
}  // namespace fulcrum::testing
