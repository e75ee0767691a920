// One short cell of the coverage study and the planted faults; all of it: `make soak
// PART=coverage`.
#include "simulation/coverage.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "simulation/in_process.h"
#include "tests/support/environment.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace fulcrum::simulation {
namespace {

using evaluation::Estimator;

constexpr uint64_t kReplicationsFull = 2000;

class CoverageTest : public ::testing::Test {
 protected:
  CoverageTest() {
    options.replications = testing::FromEnvironment("FULCRUM_COVERAGE_REPLICATIONS", 200);
    options.rows = testing::FromEnvironment("FULCRUM_COVERAGE_ROWS", 1000);
    // Interval ends from B resamples leave out about 2/B more than they say; in the full run that
    // must not decide.
    options.resamples = options.replications >= kReplicationsFull ? 500 : 200;
    options.seed = testing::FromEnvironment("FULCRUM_COVERAGE_SEED", options.seed);
    options.clock = &clock_;
  }

  std::vector<CoverageCell> Run(const FrozenSetting& setting) {
    options.directory = temporary_.path() + "/" + setting.name + std::to_string(++runs_);
    auto cells = RunCoverage(setting, options);
    FULCRUM_EXPECT_OK(cells);
    return cells.ok() ? *std::move(cells) : std::vector<CoverageCell>();
  }

  CoverageOptions options;

 private:
  base::SystemClock clock_;
  testing::TemporaryDirectory temporary_;
  int runs_ = 0;
};

// The band that D30 asks for at 2,000 replications; wider by chance where there are fewer.
void ExpectCovered(const CoverageCell& cell) {
  const auto runs = static_cast<double>(cell.replications);
  const bool full = cell.replications >= kReplicationsFull;
  const double slack = full ? 0.02 : 0.02 + 3 * std::sqrt(0.95 * 0.05 / runs);
  EXPECT_NEAR(cell.Coverage(), 0.95, slack) << CoverageRow(cell);
  EXPECT_LT(std::fabs(cell.mean - cell.truth), 4 * cell.StandardError()) << CoverageRow(cell);
}

TEST_F(CoverageTest, IntervalsHoldTheTruth) {
  const bool all = options.replications >= kReplicationsFull;
  std::printf("%s", CoverageHeader().c_str());
  for (const FrozenSetting& setting : FrozenSettings()) {
    const std::vector<CoverageCell> cells = Run(setting);
    for (const CoverageCell& cell : cells) {
      std::printf("%s", CoverageRow(cell).c_str());
      if (cell.estimator != Estimator::kDm) ExpectCovered(cell);
    }
    std::fflush(stdout);
    if (all) {
      for (const CoverageCell& cell : cells) {
        std::printf("figure: %s %s %s = %.4f\n", cell.setting.c_str(), ToWord(cell.target),
                    evaluation::kEstimatorNames[static_cast<size_t>(cell.estimator)],
                    cell.Coverage());
      }
    }
    if (!all) break;
  }
}

struct Planted {
  Fault fault;
  TargetKind target;  // settled before any run: where the fault has most to spoil
  const char* name;
};

// How many of its own standard errors a fault moves the mean of IPS.
TEST_F(CoverageTest, EveryPlantedFaultMovesTheMeanOfIps) {
  constexpr Planted kPlanted[] = {{Fault::kMaskIgnored, TargetKind::kTable, "mask ignored"},
                                  {Fault::kLargestOff, TargetKind::kGreedy, "largest 5 % off"},
                                  {Fault::kRedrawn, TargetKind::kTable, "6 % drawn again"}};
  options.resamples = 0;
  const FrozenSetting masked = FrozenSettings()[0];
  const std::vector<CoverageCell> honest = Run(masked);
  for (const Planted& planted : kPlanted) {
    options.fault = planted.fault;
    const CoverageCell& right = CellOf(honest, planted.target, Estimator::kIps);
    const std::vector<CoverageCell> faulty = Run(masked);
    const CoverageCell& wrong = CellOf(faulty, planted.target, Estimator::kIps);
    const double errors = (wrong.mean - right.mean) / wrong.StandardError();
    std::printf("figure: fault '%s', target %s = %+.1f %% of the value, %.1f standard errors\n",
                planted.name, ToWord(planted.target), 100 * (wrong.mean / right.truth - 1), errors);
    EXPECT_GT(std::fabs(errors), 4) << planted.name;
  }
}

}  // namespace
}  // namespace fulcrum::simulation
