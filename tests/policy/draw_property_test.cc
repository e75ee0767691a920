// What is drawn follows what is logged: 500 random configurations x 2,000 draws with fresh decision
// ids, judged from ticks and counts alone. The same test finds three planted faults.
#include <algorithm>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>

#include "absl/time/time.h"
#include "base/random.h"
#include "gtest/gtest.h"
#include "policy/policies.h"
#include "policy/position.h"
#include "tests/support/made_policy.h"
#include "tests/support/statistics.h"

namespace fulcrum::policy {
namespace {

constexpr size_t kConfigurations = 500;
constexpr uint64_t kDraws = 2000;

struct Configuration {
  std::vector<Ticks> logged;    // with the mask
  std::vector<Ticks> unmasked;  // as if everything were feasible
  uint64_t seed = 0;
};

Configuration RandomConfiguration(PolicyKind kind, base::RandomStream& random) {
  std::vector<Posterior> arms(1 + random.NextBelow(12));
  for (Posterior& arm : arms) {
    const double trials = random.NextBelow(400);
    const double successes = trials * 0.2 * random.NextUniform();
    arm = BetaArm{1 + successes, 1 + trials - successes};
  }
  Baseline baseline;
  if (random.NextBelow(2) == 0) baseline.known_value = 0.2 * random.NextUniform();
  baseline.posterior = BetaArm{3, 40};
  Configuration result;
  const Policy policy =
      fulcrum::testing::MadePolicy(static_cast<uint64_t>(kind), random.NextUniform());
  const size_t size = arms.size() + 1;
  std::vector<Share> shares(size);
  for (Share& share : shares) {
    share.weight = random.NextUniform();
    if (random.NextBelow(6) == 0) share.min = 0.05 * random.NextUniform();
    if (random.NextBelow(6) == 0) share.max = share.min + (1 - share.min) * random.NextUniform();
  }
  std::unique_ptr<bool[]> feasible(new bool[size]);
  std::unique_ptr<bool[]> all(new bool[size]);
  for (size_t i = 0; i < size; ++i) {
    all[i] = true;
    feasible[i] = random.NextBelow(4) != 0;
  }
  const double floor = random.NextBelow(3) == 0 ? 0 : 0.2 * random.NextUniform();
  const Rule rule{policy, floor, shares};
  const auto given = [&](const std::unique_ptr<bool[]>& left) {
    return DistributionOf(arms, absl::MakeConstSpan(left.get(), arms.size()), baseline, rule);
  };
  result.logged = given(feasible);
  result.unmasked = given(all);
  const std::string salt = "surface-" + std::to_string(random.NextBelow(1000));
  result.seed = DrawSeed(salt, 1 + random.NextBelow(4));
  return result;
}

// What is drawn for one decision of a configuration.
using Server = std::function<size_t(const Configuration&, DecisionId)>;

fulcrum::testing::DrawnAgainstLogged Judge(const Server& serve,
                                           PolicyKind kind = PolicyKind::kThompson) {
  base::RandomStream random(20260101);
  fulcrum::testing::DrawnAgainstLogged judge;
  int64_t millis = 1'700'000'000'000;
  while (judge.configurations() < kConfigurations) {
    const Configuration configuration = RandomConfiguration(kind, random);
    std::vector<uint64_t> drawn(configuration.logged.size(), 0);
    for (uint64_t i = 0; i < kDraws; ++i) {
      const DecisionId id = DecisionId::FromTimeAndRandom(absl::FromUnixMillis(millis++),
                                                          random.Next64(), random.Next64());
      ++drawn[serve(configuration, id)];
    }
    judge.AddFrozen(configuration.logged, drawn);
  }
  return judge;
}

size_t ServeRightly(const Configuration& configuration, DecisionId id) {
  return Draw(configuration.logged, id, configuration.seed);
}

size_t LargestOf(const std::vector<Ticks>& ticks) {
  return static_cast<size_t>(std::max_element(ticks.begin(), ticks.end()) - ticks.begin());
}

// The entry at `index` gets `ticks`; the others keep their proportions.
std::vector<Ticks> Rescaled(const std::vector<Ticks>& ticks, size_t index, Ticks value) {
  const Ticks others = kTicksTotal - ticks[index];
  if (others == 0) return ticks;
  std::vector<Ticks> result(ticks.size());
  Ticks sum = 0;
  const double factor = PropensityOf(kTicksTotal - value) / PropensityOf(others);
  size_t last = index;
  for (size_t i = 0; i < ticks.size(); ++i) {
    if (i == index || ticks[i] == 0) continue;
    result[i] = static_cast<Ticks>(static_cast<double>(ticks[i]) * factor);
    sum += result[i];
    if (last == index || result[i] > result[last]) last = i;
  }
  result[index] = value;
  result[last] += kTicksTotal - value - sum;
  return result;
}

class DrawPropertyOf : public ::testing::TestWithParam<uint64_t> {};

TEST_P(DrawPropertyOf, DrawnIsLogged) {
  const auto kind = static_cast<PolicyKind>(GetParam());
  const auto judge = Judge(ServeRightly, kind);
  EXPECT_TRUE(judge.Passes()) << judge.Report();
  std::printf("%s: %s\n", NameOf(kind), judge.Report().c_str());
}

INSTANTIATE_TEST_SUITE_P(EveryPolicy, DrawPropertyOf,
                         ::testing::Range(uint64_t{0}, fulcrum::testing::kPolicyKinds));

TEST(DrawProperty, FindsAnIgnoredMask) {
  // Draws that hit a masked action would be found at once; a redirection to the neutral action
  // hides them, and is found by the counts.
  const auto judge = Judge([](const Configuration& configuration, DecisionId id) {
    const size_t drawn = Draw(configuration.unmasked, id, configuration.seed);
    return configuration.logged[drawn] > 0 ? drawn : configuration.logged.size() - 1;
  });
  EXPECT_FALSE(judge.Passes()) << judge.Report();
  const auto open = Judge([](const Configuration& configuration, DecisionId id) {
    return Draw(configuration.unmasked, id, configuration.seed);
  });
  EXPECT_FALSE(open.Passes()) << open.Report();
}

TEST(DrawProperty, FindsTheLargestPropensityOffByFivePercent) {
  const auto judge = Judge([](const Configuration& configuration, DecisionId id) {
    const size_t largest = LargestOf(configuration.logged);
    const Ticks off = configuration.logged[largest] / 100 * 95;
    return Draw(Rescaled(configuration.logged, largest, off), id, configuration.seed);
  });
  EXPECT_FALSE(judge.Passes()) << judge.Report();
}

TEST(DrawProperty, FindsARedrawAfterRefusal) {
  uint64_t draws = 0;
  uint64_t refused = 0;
  base::RandomStream coin(5);
  const auto judge = Judge([&](const Configuration& configuration, DecisionId id) {
    ++draws;
    const size_t first = Draw(configuration.logged, id, configuration.seed);
    const size_t largest = LargestOf(configuration.logged);
    // A hold on the likeliest action fails in 6 % of all draws, and something else is drawn.
    const double p = PropensityOf(configuration.logged[largest]);
    if (first != largest || coin.NextUniform() >= 0.06 / p) return first;
    if (configuration.logged[largest] == kTicksTotal) return first;  // nothing else to draw
    ++refused;
    return Draw(Rescaled(configuration.logged, largest, 0), id, configuration.seed + 1);
  });
  EXPECT_GE(static_cast<double>(refused), 0.05 * static_cast<double>(draws));
  EXPECT_FALSE(judge.Passes()) << judge.Report();
}

}  // namespace
}  // namespace fulcrum::policy
