// A short form of the study of slates; all of it: `make soak PART=coverage-slates`.
#include "simulation/slate_coverage.h"

#include "tests/simulation/coverage_fixture.h"

namespace fulcrum::simulation {
namespace {

class SlateCoverageTest : public CoverageStudy {};

TEST_F(SlateCoverageTest, IntervalsHoldTheTruthWhereTheCascadeHolds) {
  for (const CoverageCell& cell : Report(RunSlateCoverage(options))) {
    ExpectCovered(cell, 0.93, 0.97);
    EXPECT_LT(std::fabs(cell.Bias()), 4 * cell.StandardError()) << CoverageRow(cell);
  }
}

}  // namespace
}  // namespace fulcrum::simulation
