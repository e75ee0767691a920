// Errors in units in the last place against the C library's long double functions.
#include <algorithm>
#include <cmath>
#include <limits>

#include "base/math.h"
#include "base/random.h"
#include "gtest/gtest.h"

namespace fulcrum::base {
namespace {

double ErrorInUlps(double value, long double exact) {
  const int exponent = std::max(std::ilogb(static_cast<double>(exact)), -1022);
  return static_cast<double>(std::abs(value - exact) / std::ldexp(1.0L, exponent - 52));
}

template <typename Function, typename Exact, typename Argument>
double WorstError(Function function, Exact exact, Argument argument) {
  RandomStream random(3);
  double worst = 0;
  for (int i = 0; i < 300000; ++i) {
    const double x = argument(random);
    const long double truth = exact(static_cast<long double>(x));
    if (truth == 0) continue;
    worst = std::max(worst, ErrorInUlps(function(x), truth));
  }
  ::testing::Test::RecordProperty("worst_ulps", std::to_string(worst));
  std::printf("worst error %.3f ulp\n", worst);
  return worst;
}

auto Between(double low, double high) {
  return [=](RandomStream& random) { return low + (high - low) * random.NextUniform(); };
}

// Both signs, magnitudes over many powers of two.
auto Magnitudes(int low, int high, bool negative) {
  return [=](RandomStream& random) {
    const int exponent =
        low + static_cast<int>(random.NextBelow(static_cast<uint32_t>(high - low)));
    const double x = std::ldexp(1 + random.NextUniform(), exponent);
    return negative && random.NextBelow(2) == 0 ? -x : x;
  };
}

class MathError : public ::testing::Test {
 protected:
  void SetUp() override {
    if (std::numeric_limits<long double>::digits < 64) GTEST_SKIP() << "long double is a double";
  }
};

long double ExactSigmoid(long double x) {
  return 1 / (1 + std::exp(-x));
}
long double ExactLogit(long double p) {
  return p > 0.3L && p < 0.7L ? std::log1p((2 * p - 1) / (1 - p)) : std::log(p / (1 - p));
}

TEST_F(MathError, Exp) {
  const auto exact = [](long double x) { return std::exp(x); };
  EXPECT_LT(WorstError(Exp, exact, Between(-745, 709.7)), 1.2);
  EXPECT_LT(WorstError(Exp, exact, Between(-1, 1)), 1.2);
}

TEST_F(MathError, Expm1) {
  const auto exact = [](long double x) { return std::expm1(x); };
  EXPECT_LT(WorstError(Expm1, exact, Between(-40, 40)), 3);
  EXPECT_LT(WorstError(Expm1, exact, Between(-1, 1)), 3);
  EXPECT_LT(WorstError(Expm1, exact, Magnitudes(-80, 1, true)), 3);
}

TEST_F(MathError, Log) {
  const auto exact = [](long double x) { return std::log(x); };
  EXPECT_LT(WorstError(Log, exact, Magnitudes(-1074, 1023, false)), 1.4);
  EXPECT_LT(WorstError(Log, exact, Between(0.4, 3)), 1.4);
}

TEST_F(MathError, Log1p) {
  const auto exact = [](long double x) { return std::log1p(x); };
  EXPECT_LT(WorstError(Log1p, exact, Between(-0.9999, 4)), 1.5);
  EXPECT_LT(WorstError(Log1p, exact, Magnitudes(-80, 100, false)), 1.5);
  EXPECT_LT(WorstError(Log1p, exact, Magnitudes(-80, -1, true)), 1.5);
}

TEST_F(MathError, Sigmoid) {
  EXPECT_LT(WorstError(Sigmoid, ExactSigmoid, Between(-40, 40)), 2.5);
  EXPECT_LT(WorstError(Sigmoid, ExactSigmoid, Between(-700, 0)), 2.5);
}

TEST_F(MathError, Logit) {
  EXPECT_LT(WorstError(Logit, ExactLogit, Between(0, 1)), 2.5);
  EXPECT_LT(WorstError(Logit, ExactLogit, Between(0.49, 0.51)), 2.5);
  EXPECT_LT(WorstError(Logit, ExactLogit, Magnitudes(-900, -1, false)), 2.5);
}

TEST(MathProperty, IsMonotoneOnNeighbours) {
  RandomStream random(11);
  for (int i = 0; i < 100000; ++i) {
    const double x = 60 * random.NextUniform() - 30;
    const double next = x + 1e-12;
    ASSERT_LE(Exp(x), Exp(next));
    ASSERT_LE(Sigmoid(x), Sigmoid(next));
    const double p = random.NextUniform() * 0.999 + 1e-4;
    ASSERT_LE(Log(p), Log(p + 1e-12));
    ASSERT_LE(Logit(p), Logit(p + 1e-12));
  }
}

}  // namespace
}  // namespace fulcrum::base
