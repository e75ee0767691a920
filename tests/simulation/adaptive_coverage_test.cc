// A short form of the study of logs whose policy learned; all of it: `make soak
// PART=coverage-adaptive`.
#include "simulation/adaptive_coverage.h"

#include "tests/simulation/coverage_fixture.h"

namespace fulcrum::simulation {
namespace {

class AdaptiveCoverageTest : public CoverageStudy {};

// Weighted AIPW is the one that is gated; the others are reported.
TEST_F(AdaptiveCoverageTest, IntervalsOfWeightedAipwHoldTheTruth) {
  options.rows = testing::FromEnvironment("FULCRUM_COVERAGE_ROWS", 2000);
  for (const CoverageCell& cell : Report(RunAdaptiveCoverage(options))) {
    if (cell.estimator == evaluation::Estimator::kAipw) ExpectCovered(cell, 0.92, 0.97);
  }
}

}  // namespace
}  // namespace fulcrum::simulation
