// What goes wrong with propensities that are not the draw's, where the exact ones are right. A
// short form; all of it: `make soak PART=faults`.
#include "simulation/fault_study.h"

#include "simulation/slate_coverage.h"
#include "tests/simulation/coverage_fixture.h"

namespace fulcrum::simulation {
namespace {

constexpr double kErrorsMin = 4;  // a fault moves IPS by more of its standard errors than this

class FaultStudy : public CoverageStudy {
 protected:
  FaultStudy() { options.resamples = 0; }
};

TEST_F(FaultStudy, EveryFaultMovesIpsAndNoneDoesNot) {
  const auto findings = RunFaults(options);
  FULCRUM_ASSERT_OK(findings);
  for (const FaultFinding& one : *findings) {
    std::printf(
        "figure: %s, target %s = %+.2f %% (se %.2f) off the truth, refused %.1f %%; exact "
        "%+.2f (%.2f), refused %.1f; moved by %.0f errors\n",
        one.planted.name, ToWord(one.planted.target), 100 * one.faulty, 100 * one.faulty_se,
        100 * one.faulty_refused, 100 * one.honest, 100 * one.honest_se, 100 * one.honest_refused,
        std::fabs(one.moved / one.moved_se));
    EXPECT_LT(one.honest_refused, 0.02) << one.planted.name;
    EXPECT_LT(std::fabs(one.honest), 4 * one.honest_se) << one.planted.name;
    EXPECT_GT(std::fabs(one.moved), kErrorsMin * one.moved_se) << one.planted.name;
  }
}

TEST_F(FaultStudy, TheFirstDrawsProbabilitiesAtEveryPositionMoveRips) {
  const std::string directory = options.directory;
  const auto run = [&](bool first_draw_everywhere) {
    options.directory = directory + (first_draw_everywhere ? "/faulty" : "/exact");
    return RunSlateCoverage(options, first_draw_everywhere);
  };
  const auto exact = run(false);
  const auto faulty = run(true);
  FULCRUM_ASSERT_OK(exact);
  FULCRUM_ASSERT_OK(faulty);
  const auto estimator = evaluation::Estimator::kRips;
  const CoverageCell& right = CellOf(*exact, TargetKind::kUniform, estimator);
  const CoverageCell& wrong = CellOf(*faulty, TargetKind::kUniform, estimator);
  const double percent = 100 / right.truth;
  std::printf(
      "figure: first draw's at every position, target uniform = %+.2f %% (se %.2f) off the "
      "truth, exact %+.2f (%.2f)\n",
      percent * wrong.Bias(), percent * wrong.StandardError(), percent * right.Bias(),
      percent * right.StandardError());
  EXPECT_LT(std::fabs(right.Bias()), 4 * right.StandardError());
  EXPECT_GT(std::fabs(wrong.Bias()), kErrorsMin * wrong.StandardError());
}

}  // namespace
}  // namespace fulcrum::simulation
