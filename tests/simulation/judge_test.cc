// The oracle of worlds that move, against trying everything.
#include "simulation/judge.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "tests/support/status_matchers.h"

namespace fulcrum::simulation {
namespace {

using ::testing::ElementsAre;

// All slates: distinct arms, and the neutral action nowhere but at the end.
void EachSlate(const World& world, std::vector<size_t>* slate,
               const std::function<void(const std::vector<size_t>&)>& visit) {
  for (size_t arm = 0; arm <= world.neutral(); ++arm) {
    if (std::find(slate->begin(), slate->end(), arm) != slate->end()) continue;
    slate->push_back(arm);
    if (arm == world.neutral() || slate->size() == world.positions.size()) {
      visit(*slate);
    } else {
      EachSlate(world, slate, visit);
    }
    slate->pop_back();
  }
}

double ValueOf(const World& world, const Visit& visit, const std::vector<size_t>& slate) {
  double value = 0;
  for (size_t i = 0; i < slate.size(); ++i) {
    value += world.Credited(visit.time, visit.cell, slate[i], {i, 0});
  }
  return value;
}

World WithoutBudget(const std::string& name) {
  World world = *FindWorld(name);
  world.budgeted.clear();
  return world;
}

TEST(Judge, TheBestSlateIsTheBestOfAll) {
  for (const std::string& name : WorldNames()) {
    World world = WithoutBudget(name);
    if (name == "slates") {
      // Doing nothing is worth something too: now at the end, now at once.
      for (std::vector<double>& row : world.conversion) row.back() = 0.11;
      world.cells.push_back({"idle", 0, 0.1});
      world.conversion.push_back(std::vector<double>(world.arms.size() + 1, 0.1));
      world.conversion.back().back() = 0.9;
      world.cells[0].share -= 0.1;
    }
    const Oracle oracle = SolveOracle(world, 0);
    Visits visits(world, 5, kUsersDefault);
    for (int i = 0; i < 60; ++i) {
      const Visit visit = visits.Next();
      double best = 0;
      std::vector<size_t> slate;
      EachSlate(world, &slate, [&](const std::vector<size_t>& other) {
        best = std::max(best, ValueOf(world, visit, other));
      });
      const Judge judge(world, oracle, kUsersDefault);
      EXPECT_NEAR(ValueOf(world, visit, judge.Best(visit)), best, 1e-15) << name;
      if (world.IsStatic()) {
        EXPECT_NEAR(oracle.best[visit.cell], best, 1e-15) << name;
      }
    }
  }
}

TEST(Judge, WhatIsExpectedIsLostOrTheOracles) {
  base::RandomStream random(3);
  for (const std::string& name : WorldNames()) {
    const World world = WithoutBudget(name);
    const Oracle oracle = SolveOracle(world, 0);
    Judge judge(world, oracle, 50);
    Visits visits(world, 5, 50);
    double lost = 0;
    for (int i = 0; i < 2000; ++i) {
      const Visit visit = visits.Next();
      std::vector<size_t> slate = {random.NextBelow(static_cast<uint32_t>(world.arms.size()))};
      while (slate.size() < world.positions.size())
        slate.push_back((slate.back() + 1) % world.neutral());
      const Judge::Verdict verdict = judge.Show(visit, slate);
      EXPECT_NEAR(verdict.expected + verdict.regret, verdict.oracle, 1e-12) << name;
      lost += verdict.regret;
      EXPECT_GE(lost, -1e-9) << name << ": ahead of the oracle";
    }
    EXPECT_GT(lost, 10) << name;
  }
}

TEST(Judge, TheOracleLosesNothing) {
  for (const std::string& name : WorldNames()) {
    const World world = WithoutBudget(name);
    const Oracle oracle = SolveOracle(world, 0);
    Judge judge(world, oracle, 50);
    Visits visits(world, 6, 50);
    for (int i = 0; i < 1000; ++i) {
      const Visit visit = visits.Next();
      EXPECT_NEAR(judge.Show(visit, judge.Best(visit)).regret, 0, 1e-12) << name;
    }
  }
}

// The most that `left` visits of one user can earn, by trying all sequences.
double MostOf(const World& world, const Visit& visit, std::vector<uint32_t>* seen, int left) {
  if (left == 0) return 0;
  double most = 0;
  for (size_t arm = 0; arm <= world.neutral(); ++arm) {
    const uint32_t before = arm == world.neutral() ? 0 : (*seen)[arm]++;
    const double value = world.Credited(visit.time, visit.cell, arm, {0, before}) +
                         MostOf(world, visit, seen, left - 1);
    if (arm != world.neutral()) --(*seen)[arm];
    most = std::max(most, value);
  }
  return most;
}

TEST(Judge, UnderFatigueTheOracleIsBestForEveryNumberOfVisits) {
  World world = *FindWorld("fatigue");
  world.arms.resize(3);
  for (double neutral : {0.01, 0.1, 0.2}) {
    world.conversion = {{0.36, 0.28, 0.22, neutral}, {0.36, 0.1, 0.34, neutral}};
    for (size_t cell : {0u, 1u}) {
      const Oracle oracle = SolveOracle(world, 0);
      Judge judge(world, oracle, 1);
      Visit visit;
      visit.time = WorldStart();
      visit.cell = cell;
      double earned = 0;
      for (int visits = 1; visits <= 8; ++visits) {
        earned += judge.Show(visit, {0}).oracle;
        std::vector<uint32_t> seen(world.arms.size(), 0);
        EXPECT_NEAR(earned, MostOf(world, visit, &seen, visits), 1e-12) << visits << " visits";
      }
    }
  }
}

TEST(Judge, UnderFatigueEachUserIsCountedAlone) {
  const World world = *FindWorld("fatigue");
  const Oracle oracle = SolveOracle(world, 0);
  Judge judge(world, oracle, 2);
  Visit visit;
  visit.time = WorldStart();
  judge.Show(visit, {2});
  EXPECT_THAT(judge.Best(visit), ElementsAre(1)) << "it has shown arm 0: 0.36 * 0.75 < 0.28";
  judge.Show(visit, {2});
  EXPECT_EQ(judge.At(visit, 2, 0).seen, 2u);
  EXPECT_EQ(judge.At(visit, 1, 0).seen, 0u);
  visit.user = 1;
  EXPECT_EQ(judge.At(visit, 2, 0).seen, 0u);
  EXPECT_THAT(judge.Best(visit), ElementsAre(0));
}

TEST(Judge, TheOracleFollowsTheShift) {
  const World world = *FindWorld("shifting");
  const Oracle oracle = SolveOracle(world, 0);
  const Judge judge(world, oracle, 1);
  Visit visit;
  for (const size_t best : {0u, 2u, 4u}) {
    visit.time = WorldStart() + best / 2 * absl::Minutes(30) + absl::Minutes(1);
    EXPECT_THAT(judge.Best(visit), ElementsAre(best));
  }
}

}  // namespace
}  // namespace fulcrum::simulation
