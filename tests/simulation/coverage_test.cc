// A short form of the coverage study; all of it: `make soak`, the parts `coverage` and
// `coverage-policies`.
#include "simulation/coverage.h"

#include <ostream>

#include "tests/simulation/coverage_fixture.h"

namespace fulcrum::simulation {

void PrintTo(const FrozenSetting& setting, std::ostream* out) {
  *out << setting.name;
}

namespace {

using evaluation::Estimator;

class CoverageTest : public CoverageStudy, public ::testing::WithParamInterface<FrozenSetting> {};

TEST_P(CoverageTest, IntervalsHoldTheTruth) {
  for (const CoverageCell& cell : Report(RunCoverage(GetParam(), options))) {
    if (cell.estimator == Estimator::kDm) continue;
    ExpectCovered(cell, 0.93, 0.97);
    EXPECT_LT(std::fabs(cell.Bias()), 4 * cell.StandardError()) << CoverageRow(cell);
  }
}

INSTANTIATE_TEST_SUITE_P(Settings, CoverageTest, ::testing::ValuesIn(FrozenSettings()),
                         [](const auto& setting) { return setting.param.name; });

}  // namespace
}  // namespace fulcrum::simulation
