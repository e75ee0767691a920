#include <algorithm>
#include <memory>
#include <numeric>

#include "base/random.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "policy/choice.h"

namespace fulcrum::policy {
namespace {

using ::testing::ElementsAre;

TEST(Ticks, MixTheFloorOverWhatIsFeasible) {
  constexpr Ticks kEighth = kTicksTotal / 8;
  EXPECT_THAT(ToTicks({0.5, 0.25, 0.25}, {true, true, true}, 0),
              ElementsAre(4 * kEighth, 2 * kEighth, 2 * kEighth));
  EXPECT_THAT(ToTicks({1, 0, 0}, {true, true, false}, 0.5),
              ElementsAre(6 * kEighth, 2 * kEighth, 0));
  EXPECT_THAT(ToTicks({0.25, 0.25, 0.5}, {true, true, false}, 0),
              ElementsAre(4 * kEighth, 4 * kEighth, 0));
}

TEST(Ticks, ASoleActionHasAll) {
  EXPECT_THAT(ToTicks({0.2, 0.8}, {true, false}, 0.1), ElementsAre(kTicksTotal, 0));
  EXPECT_THAT(ToTicks({1}, {true}, 1), ElementsAre(kTicksTotal));
}

TEST(Ticks, EveryFeasibleEntryCanBeDrawn) {
  EXPECT_THAT(ToTicks({1, 0, 1e-300}, {true, true, true}, 0), ElementsAre(kTicksTotal - 2, 1, 1));
}

TEST(Ticks, FallBackToUniformWhereNothingFeasibleHasMass) {
  EXPECT_THAT(ToTicks({1, 0, 0}, {false, true, true}, 0),
              ElementsAre(0, kTicksTotal / 2, kTicksTotal / 2));
}

TEST(Ticks, SumExactlyForRandomDistributions) {
  base::RandomStream random(3);
  for (int round = 0; round < 2000; ++round) {
    const size_t size = 1 + random.NextBelow(300);
    std::vector<double> p(size);
    std::unique_ptr<bool[]> feasible(new bool[size]);
    for (size_t i = 0; i < size; ++i) {
      p[i] = random.NextBelow(4) == 0 ? 0 : random.NextUniform();
      feasible[i] = random.NextBelow(3) != 0;
    }
    feasible[random.NextBelow(static_cast<uint32_t>(size))] = true;
    const double floor = random.NextBelow(2) == 0 ? 0 : random.NextUniform();
    const std::vector<Ticks> ticks = ToTicks(p, absl::MakeConstSpan(feasible.get(), size), floor);
    ASSERT_EQ(std::accumulate(ticks.begin(), ticks.end(), Ticks{0}), kTicksTotal);
    double mass = 0;
    double count = 0;
    for (size_t i = 0; i < size; ++i) {
      if (feasible[i]) mass += p[i];
      if (feasible[i]) count += 1;
    }
    const size_t largest =
        static_cast<size_t>(std::max_element(ticks.begin(), ticks.end()) - ticks.begin());
    for (size_t i = 0; i < size; ++i) {
      ASSERT_EQ(ticks[i] > 0, feasible[i]);
      if (!feasible[i] || mass == 0 || i == largest) continue;
      const double exact = (1 - floor) * p[i] / mass + floor / count;
      ASSERT_NEAR(PropensityOf(ticks[i]), exact, 0x1.01p-32);
    }
  }
}

TEST(Ticks, AHugeSlateOfEqualsStillSums) {
  const std::vector<double> p(65535, 1.0);
  std::unique_ptr<bool[]> feasible(new bool[p.size()]);
  std::fill_n(feasible.get(), p.size(), true);
  const std::vector<Ticks> ticks = ToTicks(p, absl::MakeConstSpan(feasible.get(), p.size()), 0.01);
  EXPECT_EQ(std::accumulate(ticks.begin(), ticks.end(), Ticks{0}), kTicksTotal);
}

TEST(TicksDeathTest, NothingFeasibleStopsTheProcess) {
  EXPECT_DEATH(ToTicks({1}, {false}, 0), "");
  EXPECT_DEATH(ToTicks({1}, {true}, 1.5), "");
}

TEST(Draw, TakesTheFirstIndexWhoseSumExceedsTheUniform) {
  const DecisionId id(0x0189'0a5d'ac96'774bULL, 0xbcce'b302'099a'8057ULL);
  const uint64_t seed = DrawSeed("salt", 1);
  const uint32_t uniform =
      base::Philox4x32({0x099a8057, 0xbcceb302, 0xac96774b, 0x01890a5d},
                       {static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)})[0];
  ASSERT_GT(uniform, 0U);
  EXPECT_EQ(Draw({uniform, kTicksTotal - uniform}, id, seed), 1U);
  EXPECT_EQ(Draw({uniform + Ticks{1}, kTicksTotal - uniform - 1}, id, seed), 0U);
  EXPECT_EQ(Draw({0, kTicksTotal, 0}, id, seed), 1U);
  EXPECT_EQ(Draw({0, 0, kTicksTotal}, id, seed), 2U);
}

// The draws of a log can be repeated for ever: these values never change.
TEST(Draw, IsPinned) {
  const std::vector<Ticks> even(16, kTicksTotal / 16);
  std::vector<size_t> drawn;
  for (uint64_t i = 0; i < 8; ++i) {
    drawn.push_back(Draw(even, DecisionId(i, 77), DrawSeed("salt", 1)));
  }
  EXPECT_THAT(drawn, ElementsAre(0, 0, 14, 11, 1, 5, 10, 14));
  EXPECT_EQ(DrawSeed("salt", 1), base::MixKey("salt", "draw", 1));
}

}  // namespace
}  // namespace fulcrum::policy
