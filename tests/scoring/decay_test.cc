#include "scoring/decay.h"

#include <cmath>

#include "base/random.h"
#include "tests/support/status_matchers.h"

namespace fulcrum::scoring {
namespace {

constexpr int64_t kDay = 86'400'000'000;
constexpr int64_t kStart = 1'574'553'600'000'000;

TEST(Decay, WithoutAHalfLifeNothingIsForgotten) {
  Decay decay;
  EXPECT_FALSE(decay.AdvanceTo(kStart).stepped);
  EXPECT_FALSE(decay.AdvanceTo(kStart + 1000 * kDay).stepped);
  EXPECT_EQ(decay.Weight(kStart) * decay.Discount(), 1);
}

TEST(Decay, HalfIsLeftAfterAHalfLife) {
  Decay decay(kDay);
  EXPECT_FALSE(decay.AdvanceTo(kStart).stepped) << "the first decision";
  EXPECT_EQ(decay.Weight(kStart) * decay.Discount(), 1);
  EXPECT_TRUE(decay.AdvanceTo(kStart + kDay).stepped);
  EXPECT_EQ(decay.Weight(kStart) * decay.Discount(), 0.5);
  EXPECT_EQ(decay.Weight(kStart + kDay) * decay.Discount(), 1);
  decay.AdvanceTo(kStart + 3 * kDay);
  EXPECT_EQ(decay.Weight(kStart) * decay.Discount(), 0.125);
  EXPECT_FALSE(decay.AdvanceTo(kStart + kDay).stepped) << "time does not go back";
  EXPECT_EQ(decay.Weight(kStart) * decay.Discount(), 0.125);
}

// Whatever the age, also of what comes late and of what is older than the landmark; and to the
// accuracy of a step.
TEST(Decay, AWeightIsThatOfTheAge) {
  base::RandomStream random(1);
  Decay decay(kDay);
  int64_t now = kStart;
  int turns = 0;
  for (int i = 0; i < 20'000; ++i) {
    now += static_cast<int64_t>(random.NextBelow(static_cast<uint32_t>(kDay / 64 / 1000))) * 1000;
    turns += decay.AdvanceTo(now).halvings > 0 ? 1 : 0;
    const int64_t age = static_cast<int64_t>(random.NextUniform() * 90 * kDay);
    const double exact = std::exp2(-static_cast<double>(age) / kDay);
    const double weight = decay.Weight(now - age) * decay.Discount();
    EXPECT_GE(weight, exact * (1 - 1e-12)) << i;
    EXPECT_LE(weight, exact * std::exp2(1.0 / 32) * (1 + 1e-12)) << i;
  }
  EXPECT_GT(turns, 1);
}

// Where the landmark is leaves no trace but a power of two.
TEST(Decay, TheLandmarkMovesExactly) {
  base::RandomStream random(2);
  Decay moved(kDay);
  moved.AdvanceTo(kStart);
  const Decay fixed = moved;
  const Decay::Move move = moved.AdvanceTo(kStart + 70 * kDay + 12345);
  EXPECT_EQ(move.halvings, 64);
  EXPECT_EQ(moved.landmark_us(), kStart + 64 * kDay);
  for (int i = 0; i < 1000; ++i) {
    const int64_t time = kStart + static_cast<int64_t>(random.NextUniform() * 60 * kDay);
    EXPECT_EQ(std::ldexp(moved.Weight(time), 64), fixed.Weight(time));
  }
}

// A log may say anything.
TEST(Decay, NoTimeIsTooFar) {
  for (const int64_t first : {INT64_MIN, int64_t{0}, INT64_MAX}) {
    for (const int64_t half_life : {int64_t{1}, kDay, INT64_MAX}) {
      Decay decay(half_life);
      decay.AdvanceTo(first);
      for (const int64_t time : {INT64_MIN, int64_t{0}, kStart, INT64_MAX}) {
        decay.AdvanceTo(time);
        EXPECT_TRUE(decay.IsPossible());
        EXPECT_GT(decay.Discount(), 0);
        for (const int64_t of : {INT64_MIN, int64_t{0}, kStart, INT64_MAX}) {
          EXPECT_TRUE(std::isfinite(decay.Weight(of)));
          EXPECT_GE(decay.Weight(of), 0);
        }
      }
    }
  }
}

TEST(Decay, ComesBackFromItsParts) {
  Decay decay(kDay);
  decay.AdvanceTo(kStart);
  decay.AdvanceTo(kStart + 100 * kDay + 7'654'321);
  const Decay again(decay.half_life_us(), decay.landmark_us(), decay.step());
  EXPECT_TRUE(again.IsPossible());
  EXPECT_EQ(again, decay);
  EXPECT_FALSE(Decay(-1, 0, 0).IsPossible());
  EXPECT_FALSE(Decay(0, 5, 0).IsPossible());
  EXPECT_FALSE(Decay(kDay, 0, -1).IsPossible());
  EXPECT_FALSE(Decay(kDay, 0, int64_t{64} * 32).IsPossible());
  EXPECT_FALSE(Decay(kDay, INT64_MIN, 1).IsPossible());
}

}  // namespace
}  // namespace fulcrum::scoring
