#include "base/random.h"

#include <array>
#include <set>

#include "gtest/gtest.h"
#include "tests/support/statistics.h"

namespace fulcrum::base {
namespace {

// Known answers published with Random123 (kat_vectors, philox4x32, 10 rounds).
TEST(Philox, GivesTheKnownAnswers) {
  using Block = std::array<uint32_t, 4>;
  EXPECT_EQ(Philox4x32({0, 0, 0, 0}, {0, 0}),
            (Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(Philox4x32({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}),
            (Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(Philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

// The mapping is part of the log format: these values never change.
TEST(MixKey, IsPinned) {
  EXPECT_EQ(MixKey("", "", 0), 13708973088165800891ULL);
  EXPECT_EQ(MixKey("salt", "draw", 1), 8413696887661985628ULL);
  EXPECT_EQ(MixKey("salt", "draw", 2), 12590945835454190877ULL);
  EXPECT_EQ(MixKey("home-2026", "holdout", 0xffffffff), 4164387669302508734ULL);
}

TEST(MixKey, KeepsItsPartsApart) {
  const std::set<uint64_t> keys = {MixKey("ab", "c", 1), MixKey("a", "bc", 1), MixKey("abc", "", 1),
                                   MixKey("", "abc", 1), MixKey("ab", "c", 256)};
  EXPECT_EQ(keys.size(), 5U);
}

TEST(RandomStream, RepeatsForASeedAndDiffersBetweenSeeds) {
  RandomStream a(5);
  RandomStream b(5);
  RandomStream c(6);
  bool differs = false;
  for (int i = 0; i < 100; ++i) {
    const uint64_t value = a.Next64();
    EXPECT_EQ(value, b.Next64());
    differs = differs || value != c.Next64();
  }
  EXPECT_TRUE(differs);
  RandomStream zero(0);
  EXPECT_EQ(zero.Next32(), 0x6627e8d5U);  // Philox of counter 0, key 0
}

TEST(RandomStream, UniformsLookUniform) {
  RandomStream random(1);
  std::vector<double> values(20000);
  for (double& value : values) {
    value = random.NextUniform();
    ASSERT_GE(value, 0);
    ASSERT_LT(value, 1);
  }
  EXPECT_GT(testing::KolmogorovSmirnovPValue(values), 1e-4);
}

TEST(RandomStream, BelowABoundIsEven) {
  RandomStream random(2);
  std::array<double, 7> counts{};
  for (int i = 0; i < 70000; ++i) counts[random.NextBelow(7)] += 1;
  double statistic = 0;
  for (const double count : counts) statistic += (count - 10000) * (count - 10000) / 10000;
  EXPECT_GT(testing::ChiSquarePValue(statistic, 6), 1e-4);
  // The largest bound for which refusing matters most: half of all values are refused.
  for (int i = 0; i < 1000; ++i) ASSERT_LT(random.NextBelow(0x80000001U), 0x80000001U);
  EXPECT_EQ(random.NextBelow(1), 0U);
}

}  // namespace
}  // namespace fulcrum::base
