#include "base/math.h"

#include <bit>
#include <cmath>
#include <cstdio>
#include <limits>

#include "base/math_kernels.h"
#include "base/random.h"
#include "gtest/gtest.h"
#include "tests/support/without_fma.h"

namespace fulcrum::base {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

TEST(Math, ExpAtItsEnds) {
  EXPECT_EQ(Exp(0), 1);
  EXPECT_EQ(Exp(-0.0), 1);
  EXPECT_EQ(Exp(kInfinity), kInfinity);
  EXPECT_EQ(Exp(-kInfinity), 0);
  EXPECT_TRUE(std::isnan(Exp(kNan)));
  EXPECT_EQ(Exp(709.79), kInfinity);
  EXPECT_LT(Exp(709.78), kInfinity);
  EXPECT_EQ(Exp(-745.14), 0);
  EXPECT_EQ(Exp(-745.13), std::numeric_limits<double>::denorm_min());
  EXPECT_DOUBLE_EQ(Exp(-720), static_cast<double>(std::exp(-720.0L)));
}

TEST(Math, Expm1AndLog1pKeepSmallArguments) {
  for (const double x : {1e-300, 1e-20, -1e-20, 1e-9, 0.0}) {
    EXPECT_DOUBLE_EQ(Expm1(x), std::expm1(x)) << x;
    EXPECT_DOUBLE_EQ(Log1p(x), std::log1p(x)) << x;
  }
  EXPECT_EQ(Expm1(-800), -1);
  EXPECT_EQ(Expm1(800), kInfinity);
}

TEST(Math, LogAtItsEnds) {
  EXPECT_EQ(Log(1), 0);
  EXPECT_EQ(Log(0), -kInfinity);
  EXPECT_EQ(Log(kInfinity), kInfinity);
  EXPECT_TRUE(std::isnan(Log(-1)));
  EXPECT_TRUE(std::isnan(Log(kNan)));
  EXPECT_DOUBLE_EQ(Log(std::numeric_limits<double>::denorm_min()), -744.4400719213812);
  EXPECT_DOUBLE_EQ(Log(std::numeric_limits<double>::max()), 709.782712893384);
  EXPECT_EQ(Log1p(-1), -kInfinity);
  EXPECT_EQ(Log1p(kInfinity), kInfinity);
  EXPECT_TRUE(std::isnan(Log1p(-1.5)));
  EXPECT_TRUE(std::isnan(Log1p(kNan)));
}

TEST(Math, SigmoidAndLogitAreInverse) {
  EXPECT_EQ(Sigmoid(0), 0.5);
  EXPECT_EQ(Logit(0.5), 0);
  EXPECT_EQ(Sigmoid(-kInfinity), 0);
  EXPECT_EQ(Sigmoid(kInfinity), 1);
  EXPECT_EQ(Logit(0), -kInfinity);
  EXPECT_EQ(Logit(1), kInfinity);
  EXPECT_TRUE(std::isnan(Sigmoid(kNan)));
  EXPECT_DOUBLE_EQ(Logit(0.5 + 0x1p-40), 0x1p-38);
  for (double y = -30; y < 5; y += 0.37) EXPECT_NEAR(Logit(Sigmoid(y)), y, 1e-13) << y;
}

TEST(Math, KernelsGiveTheSameBits) {
  RandomStream random(7);
  for (int i = 0; i < 20000; ++i) {
    const double x = 1400 * random.NextUniform() - 700;
    const double f = 0.7 * random.NextUniform() - 0.29;
    ASSERT_EQ(ExpInRange(x), Exp(x));
    const Lanes pair = ExpInRange(Lanes{x, f});
    ASSERT_EQ(pair[0], Exp(x));
    ASSERT_EQ(pair[1], Exp(f));
    ASSERT_EQ(Log1pNearZero(f), Log1p(f));
    ASSERT_EQ(Log1pNearZero(Lanes{f, f})[1], Log1p(f));
  }
}

uint64_t HashOfManyResults() {
  uint64_t hash = 0xcbf29ce484222325ULL;
  const auto add = [&](double value) {
    hash = (hash ^ std::bit_cast<uint64_t>(value)) * 0x100000001b3ULL;
  };
  RandomStream random(20);
  for (int i = 0; i < 200000; ++i) {
    const double u = random.NextUniform();
    const double wide = 1500 * u - 750;
    add(Exp(wide));
    add(Exp(40 * u - 20));
    add(Expm1(2 * u - 1));
    add(Log(std::ldexp(0.5 + u, i % 2000 - 1000)));
    add(Log1p(3 * u - 0.99));
    add(Sigmoid(80 * u - 40));
    add(Logit(u));
  }
  return hash;
}

TEST(MathBits, ArePinned) {
  if (testing::InRerunWithoutFma()) {
    std::printf("the C library's exp here: %s\n", testing::LibraryExpHash().c_str());
  }
  EXPECT_EQ(HashOfManyResults(), 347886627057934036ULL);
}

TEST(MathBits, AreTheSameWithoutFma) {
  std::printf("the C library's exp here: %s\n", testing::LibraryExpHash().c_str());
  EXPECT_EQ(testing::RerunWithoutFma("MathBits.ArePinned"), 0);
}

}  // namespace
}  // namespace fulcrum::base
