// The worlds, their oracle and their traffic, before any service.
#include "simulation/world.h"

#include <cmath>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "simulation/bundle_text.h"
#include "simulation/oracle.h"
#include "simulation/truth.h"
#include "simulation/visits.h"
#include "tests/support/status_matchers.h"

namespace fulcrum::simulation {
namespace {

using ::fulcrum::testing::StatusIs;
using ::testing::HasSubstr;

class EachWorld : public ::testing::TestWithParam<std::string> {
 protected:
  const World world = *FindWorld(GetParam());
  // In micros per shown visit.
  double Budget() const {
    return static_cast<double>(BudgetOf(world, 1'000'000)) / 1'000'000 / world.timing.shown;
  }
  const Oracle oracle = SolveOracle(world, Budget());
};

INSTANTIATE_TEST_SUITE_P(All, EachWorld, ::testing::ValuesIn(WorldNames()),
                         [](const auto& test) { return test.param; });

TEST_P(EachWorld, HoldsTogether) {
  double share = 0;
  ASSERT_EQ(world.conversion.size(), world.cells.size());
  for (size_t cell = 0; cell < world.cells.size(); ++cell) {
    share += world.cells[cell].share;
    ASSERT_EQ(world.conversion[cell].size(), world.arms.size() + 1);
    for (const double rate : world.conversion[cell]) {
      EXPECT_GT(rate, 0);
      EXPECT_LT(rate, 1);
    }
  }
  EXPECT_NEAR(share, 1, 1e-12);
  for (size_t i = 1; i < world.arms.size(); ++i) EXPECT_LT(world.arms[i - 1].id, world.arms[i].id);
}

TEST_P(EachWorld, VisitsFollowTheTruth) {
  constexpr int kVisits = 200'000;
  Visits visits(world, 7, kUsersDefault);
  std::vector<double> of_cell(world.cells.size()), earned(world.cells.size());
  double shown = 0;
  for (int i = 0; i < kVisits; ++i) {
    const Visit visit = visits.Next();
    ++of_cell[visit.cell];
    shown += visit.shown ? 1 : 0;
    earned[visit.cell] += visit.Earns(world, 0) ? 1 : 0;
  }
  const auto near = [](double count, double of, double rate) {
    EXPECT_NEAR(count / of, rate, 5 * std::sqrt(rate * (1 - rate) / of));
  };
  near(shown, kVisits, world.timing.shown);
  for (size_t cell = 0; cell < world.cells.size(); ++cell) {
    near(of_cell[cell], kVisits, world.cells[cell].share);
    near(earned[cell], of_cell[cell], world.timing.shown * world.Credited(cell, 0));
  }
}

TEST_P(EachWorld, SameSeedSameVisits) {
  Visits first(world, 3, 100), again(world, 3, 100), other(world, 4, 100);
  int different = 0;
  for (int i = 0; i < 100; ++i) {
    const Visit a = first.Next(), b = again.Next(), c = other.Next();
    EXPECT_EQ(a.time, b.time);
    EXPECT_EQ(a.luck, b.luck);
    EXPECT_EQ(a.outcome_lag, b.outcome_lag);
    different += a.luck != c.luck ? 1 : 0;
  }
  EXPECT_GT(different, 90);
}

// A policy's value and spend, by playing it: what the oracle computes, counted.
TEST_P(EachWorld, OracleValueIsWhatItEarns) {
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

TEST_P(EachWorld, NoPolicyWithinTheBudgetBeatsTheOracle) {
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

TEST(Worlds, AnUnknownNameIsToldWhatThereIs) {
  EXPECT_THAT(FindWorld("atlantis").status(),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("stationary, contextual")));
}

// Two worlds that differ in the truth alone look the same to the service.
TEST_P(EachWorld, TheServiceIsToldNothingOfTheTruth) {
  World other = world;
  for (std::vector<double>& row : other.conversion) {
    for (double& rate : row) rate = 0.5 * rate + 0.01;
  }
  other.timing.outcome_delay *= 2;
  other.timing.shown /= 2;
  BundleOptions options;
  options.budget_micros = BudgetOf(world, 1000);
  EXPECT_EQ(BundleYaml(world, options), BundleYaml(other, options));
  EXPECT_EQ(UsersCsv(world, 50), UsersCsv(other, 50));
  EXPECT_NE(TruthJson(world, oracle), TruthJson(other, oracle));
  for (const double rate : world.conversion[0]) {
    EXPECT_THAT(TruthJson(world, oracle), HasSubstr(absl::StrCat(rate)));
  }
}

}  // namespace
}  // namespace fulcrum::simulation
