// The oracle of static worlds, against playing it and against every other policy.
#include "simulation/oracle.h"

#include <cmath>

#include "simulation/bundle_text.h"
#include "simulation/visits.h"
#include "tests/support/status_matchers.h"

namespace fulcrum::simulation {
namespace {

std::vector<std::string> StaticWorlds() {
  std::vector<std::string> names;
  for (const std::string& name : WorldNames()) {
    if (FindWorld(name)->IsStatic()) names.push_back(name);
  }
  return names;
}

class StaticWorld : public ::testing::TestWithParam<std::string> {
 protected:
  const World world = *FindWorld(GetParam());
  // In micros per shown visit.
  double Budget() const {
    return static_cast<double>(BudgetOf(world, 1'000'000)) / 1'000'000 / world.timing.shown;
  }
  const Oracle oracle = SolveOracle(world, Budget());
};

INSTANTIATE_TEST_SUITE_P(All, StaticWorld, ::testing::ValuesIn(StaticWorlds()),
                         [](const auto& test) { return test.param; });

// A policy's value and spend, by playing it: what the oracle computes, counted.
TEST_P(StaticWorld, OracleValueIsWhatItEarns) {
  constexpr int kVisits = 400'000;
  Visits visits(world, 11, kUsersDefault);
  base::RandomStream coins(5);
  double shown = 0, reward = 0, spent = 0, regret = 0;
  for (int i = 0; i < kVisits; ++i) {
    const Visit visit = visits.Next();
    if (!visit.shown) continue;
    ++shown;
    double left = coins.NextUniform();
    size_t arm = 0;
    while (left >= oracle.choice[visit.cell][arm] && arm < world.neutral()) {
      left -= oracle.choice[visit.cell][arm++];
    }
    reward += visit.Earns(world, arm) ? 1 : 0;
    if (arm != world.neutral() && world.arms[arm].campaign == world.budgeted) {
      spent += static_cast<double>(world.arms[arm].cost_micros);
    }
    regret += RegretOf(world, oracle, visit.cell, arm);
  }
  EXPECT_NEAR(reward / shown, oracle.value,
              5 * std::sqrt(oracle.value * (1 - oracle.value) / shown));
  EXPECT_NEAR(spent / shown, oracle.spend, 5 * 1e6 * 0.5 / std::sqrt(shown));
  EXPECT_NEAR(regret, 0, 1e-6) << "what the oracle does is no loss";
}

TEST_P(StaticWorld, NoPolicyWithinTheBudgetBeatsTheOracle) {
  base::RandomStream random(9);
  int affordable = 0;
  for (int trial = 0; trial < 20'000; ++trial) {
    double value = 0, spend = 0, regret = 0;
    for (size_t cell = 0; cell < world.cells.size(); ++cell) {
      const size_t arm = random.NextBelow(static_cast<uint32_t>(world.arms.size()) + 1);
      const double share = world.cells[cell].share;
      value += share * world.Credited(cell, arm);
      regret += share * RegretOf(world, oracle, cell, arm);
      if (arm != world.neutral() && world.arms[arm].campaign == world.budgeted) {
        spend += share * static_cast<double>(world.arms[arm].cost_micros);
      }
    }
    EXPECT_GE(regret, -1e-12);
    if (!world.budgeted.empty() && spend > Budget()) continue;
    ++affordable;
    EXPECT_LE(value, oracle.value + 1e-12);
    // Duality: the loss in value is the regret and what the money left over was worth.
    EXPECT_NEAR(oracle.value - value, regret + oracle.price * (oracle.spend - spend), 1e-9);
  }
  EXPECT_GT(affordable, 100);
}

TEST(Oracle, TheBudgetOfTheStationaryWorldBinds) {
  const World world = *FindWorld("stationary");
  const double budget = 0.25e6 / world.timing.shown;
  const Oracle oracle = SolveOracle(world, budget);
  EXPECT_GT(oracle.price, 0);
  EXPECT_NEAR(oracle.spend, budget, 1);
  EXPECT_GT(SolveOracle(world, 1e6).value, oracle.value);
  EXPECT_EQ(SolveOracle(world, 1e6).price, 0);
}

}  // namespace
}  // namespace fulcrum::simulation
