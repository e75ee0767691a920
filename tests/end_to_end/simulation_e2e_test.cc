// `fulcrum simulate` against the real service: repeatable, within its budget, settled to the last
// visit; and one cell of the coverage study over gRPC, log and all.
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "apps/simulate_service.h"
#include "base/clock.h"
#include "decision_log/verify.h"
#include "evaluation/log_rows.h"
#include "fulcrum/decision_log_reader.h"
#include "simulation/coverage.h"
#include "simulation/frozen_model.h"
#include "tests/end_to_end/decision_events.h"
#include "tests/support/environment.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace fulcrum {
namespace {

using evaluation::Estimator;
using simulation::BundleOptions;
using simulation::TargetKind;
using simulation::TrafficResult;
using simulation::World;

class SimulationTest : public ::testing::Test {
 protected:
  struct Run {
    TrafficResult traffic;
    std::string log_directory;
    int64_t budget = 0;
  };

  Run Play(const std::string& name, uint64_t decisions, uint64_t seed) {
    Run run;
    const World world = *simulation::FindWorld(name);
    BundleOptions bundle;
    run.budget = bundle.budget_micros = simulation::BudgetOf(world, decisions);
    auto service = apps::SimulatedService::Start(absl::StrCat(temporary_.path(), "/", ++runs_),
                                                 world, bundle, simulation::kUsersDefault, seed);
    FULCRUM_EXPECT_OK(service);
    if (!service.ok()) return run;
    apps::ClientEndpoint endpoint((*service)->client(), &world);
    simulation::TrafficOptions options;
    options.decisions = decisions;
    options.seed = seed;
    auto traffic =
        simulation::PlayTraffic(world, simulation::SolveOracle(world, 0), options, endpoint);
    FULCRUM_EXPECT_OK(traffic);
    if (traffic.ok()) run.traffic = *std::move(traffic);
    FULCRUM_EXPECT_OK((*service)->Stop());
    run.log_directory = (*service)->log_directory();
    EXPECT_EQ(run.traffic.fallbacks, 0u) << "the machine stalled";
    return run;
  }

  static std::vector<DecisionRecord> DecisionsIn(const std::string& log_directory) {
    std::vector<DecisionRecord> decisions;
    for (const LogEvent& event : testing::DecisionEventsOf(log_directory)) {
      if (auto* record = std::get_if<DecisionRecord>(&event)) decisions.push_back(*record);
    }
    return decisions;
  }

  testing::TemporaryDirectory temporary_;
  int runs_ = 0;
};

double RewardOf(const evaluation::RowSet& rows) {
  double reward = 0;
  for (const evaluation::Row& row : rows.rows) reward += row.reward;
  return reward;
}

// What time and the users' random salts put into a record, and nothing else, is taken out.
DecisionRecord Repeatable(DecisionRecord record) {
  record.times = {};
  record.user_ref = {};
  record.latency_budget_us = 0;
  return record;
}

TEST_F(SimulationTest, SameSeedSameDecisions) {
  for (const char* name : {"stationary", "seasonal", "slates"}) {
    const std::vector<DecisionRecord> first = DecisionsIn(Play(name, 800, 7).log_directory);
    const std::vector<DecisionRecord> again = DecisionsIn(Play(name, 800, 7).log_directory);
    ASSERT_EQ(first.size(), 802u);
    ASSERT_EQ(again.size(), first.size());
    for (size_t i = 0; i < first.size(); ++i) {
      ASSERT_EQ(Repeatable(first[i]), Repeatable(again[i])) << name << ", decision " << i;
    }
    EXPECT_GT(first.back().versions.posterior_lsn, 500u) << "it did learn on the way";
  }
}

TEST_F(SimulationTest, AnotherSeedOtherDecisions) {
  const std::vector<DecisionRecord> first = DecisionsIn(Play("stationary", 20, 7).log_directory);
  const std::vector<DecisionRecord> other = DecisionsIn(Play("stationary", 20, 8).log_directory);
  ASSERT_EQ(first.size(), other.size());
  EXPECT_NE(Repeatable(first[0]), Repeatable(other[0]));
}

TEST_F(SimulationTest, EveryVisitSettlesAsTheWorldSays) {
  const Run run = Play("stationary", 1500, 3);
  const auto rows = evaluation::ReadLogRows(run.log_directory, {});
  FULCRUM_ASSERT_OK(rows);
  EXPECT_EQ(rows->rows.size(), run.traffic.shown);
  // Of the two closing decisions, which nobody is shown, only the first has lived to be missing.
  EXPECT_EQ(rows->excluded.at("missing"), 1500 - run.traffic.shown + 1);
  EXPECT_EQ(rows->excluded.at("pending"), 1u);
  EXPECT_EQ(RewardOf(*rows), static_cast<double>(run.traffic.reward));
  EXPECT_GT(run.traffic.exposure_repeats, 20u);
  EXPECT_GT(run.traffic.outcomes_out_of_order, 20u);
  EXPECT_GT(run.traffic.shown_late, 2u);
  EXPECT_LE(run.traffic.spent_micros, run.budget);
  EXPECT_GT(run.traffic.spent_micros, run.budget * 9 / 10) << "the budget did not bind";
  const auto verified = decision_log::VerifyLog(base::PosixFileSystem(), run.log_directory);
  FULCRUM_ASSERT_OK(verified);
  EXPECT_TRUE(verified->clean());
}

// The worlds that move: rates, tired users, slow conversions, and three positions at a time.
TEST_F(SimulationTest, EveryRewardOfTheOtherWorldsIsCredited) {
  for (const char* name : {"shifting", "seasonal", "fatigue", "delayed", "many_arms", "slates"}) {
    const Run run = Play(name, 400, 5);
    const auto rows = evaluation::ReadLogRows(run.log_directory, {});
    FULCRUM_ASSERT_OK(rows);
    EXPECT_EQ(RewardOf(*rows), static_cast<double>(run.traffic.reward)) << name;
    EXPECT_GT(run.traffic.reward, 5u) << name;
    EXPECT_NEAR(static_cast<double>(run.traffic.reward), run.traffic.expected_reward,
                5 * std::sqrt(run.traffic.expected_reward))
        << name;
    const uint64_t positions = simulation::FindWorld(name)->positions.size();
    EXPECT_GE(rows->rows.size(), run.traffic.shown) << name;
    EXPECT_LE(rows->rows.size(), run.traffic.shown * positions) << name;
    if (positions > 1) {
      EXPECT_GT(rows->rows.size(), run.traffic.shown * (positions - 1)) << name;
    }
  }
}

// --- one cell over gRPC ---

// Plays the runs of a frozen setting against the service and gives its log.
std::string PlayFrozen(const std::string& work, const simulation::FrozenSetting& setting,
                       uint64_t replications, uint64_t rows) {
  auto service = apps::SimulatedService::Start(work, setting.world,
                                               simulation::FrozenBundle(setting.exploration_floor),
                                               simulation::kUsersDefault, 1);
  FULCRUM_EXPECT_OK(service);
  if (!service.ok()) return "";
  apps::ClientEndpoint endpoint((*service)->client(), &setting.world);
  base::RandomStream random(20260701);
  simulation::Visit visit;
  uint64_t number = 0;
  for (uint64_t run = 0; run < replications; ++run) {
    for (const simulation::Visit& next :
         simulation::FrozenRun(setting.world, simulation::kUsersDefault, rows, &random)) {
      visit = next;
      visit.number = ++number;
      const auto answer = endpoint.Decide(visit);
      FULCRUM_EXPECT_OK(answer);
      if (!answer.ok()) return "";
      EXPECT_TRUE(answer->drawn);
      if (!visit.Converts(setting.world, setting.world.IndexOf(answer->action_ids.front())))
        continue;
      FULCRUM_EXPECT_OK(endpoint.ReportOutcome(answer->id, 1, visit.time));
    }
  }
  visit.number = ++number;
  visit.time = simulation::WorldStart() + absl::Hours(24) + simulation::kFrozenWindow;
  FULCRUM_EXPECT_OK(endpoint.Decide(visit));
  FULCRUM_EXPECT_OK((*service)->Stop());
  return (*service)->log_directory();
}

evaluation::RowSet RowsOfRun(const evaluation::RowSet& all, uint64_t run, uint64_t rows) {
  evaluation::RowSet part = all;
  part.rows.assign(all.rows.begin() + static_cast<ptrdiff_t>(run * rows),
                   all.rows.begin() + static_cast<ptrdiff_t>((run + 1) * rows));
  return part;
}

TEST_F(SimulationTest, ACoverageCellOverGrpcAgreesWithTheOneInProcess) {
  const uint64_t replications = testing::FromEnvironment("FULCRUM_COVERAGE_GRPC_REPLICATIONS", 12);
  const uint64_t rows = testing::FromEnvironment("FULCRUM_COVERAGE_GRPC_ROWS", 500);
  const simulation::FrozenSetting setting = simulation::FrozenSettings()[0];
  const base::SystemClock clock;
  simulation::CoverageOptions options;
  options.directory = temporary_.path() + "/in-process";
  options.replications = 4 * replications;
  options.rows = rows;
  options.resamples = 0;
  options.clock = &clock;
  const auto in_process = simulation::RunCoverage(setting, options);
  FULCRUM_ASSERT_OK(in_process);
  const simulation::CoverageCell& cell =
      simulation::CellOf(*in_process, TargetKind::kUniform, Estimator::kIps);

  const std::string log = PlayFrozen(temporary_.path() + "/grpc", setting, replications, rows);
  const auto all = evaluation::ReadLogRows(log, {});
  FULCRUM_ASSERT_OK(all);
  ASSERT_EQ(all->rows.size(), replications * rows);
  std::vector<double> values;
  uint64_t covered = 0;
  for (uint64_t run = 0; run < replications; ++run) {
    evaluation::EvaluateOptions evaluate;
    evaluate.resamples = 0;
    const auto evaluated =
        evaluation::Evaluate(RowsOfRun(*all, run, rows), evaluation::Target::Uniform(), evaluate);
    FULCRUM_ASSERT_OK(evaluated);
    const evaluation::Estimate& ips = *evaluated->Find(Estimator::kIps);
    values.push_back(ips.value);
    covered += std::fabs(ips.value - cell.truth) <= 1.96 * ips.se ? 1 : 0;
  }
  double mean = 0;
  for (const double value : values) mean += value / static_cast<double>(values.size());
  // The spread is that of the cell in process, known from more runs.
  const double error = cell.sd / std::sqrt(static_cast<double>(replications));
  const double both = std::sqrt(error * error + cell.StandardError() * cell.StandardError());
  std::printf(
      "figure: IPS of uniform over gRPC %.5f, in process %.5f, truth %.5f, one standard error "
      "%.5f; covered %d of %d = %.3f\n",
      mean, cell.mean, cell.truth, both, static_cast<int>(covered), static_cast<int>(replications),
      static_cast<double>(covered) / static_cast<double>(replications));
  EXPECT_NEAR(mean, cell.mean, 4 * both);
  EXPECT_NEAR(mean, cell.truth, 4 * error);
  const auto runs = static_cast<double>(replications);
  EXPECT_NEAR(static_cast<double>(covered), cell.CoverageNormal() * runs,
              4 * std::sqrt(runs * 0.95 * 0.05) + 1);
}

}  // namespace
}  // namespace fulcrum
