// What the coverage studies share: short in CI, 2,000 replications in `make soak`.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "simulation/coverage.h"
#include "tests/support/environment.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace fulcrum::simulation {

inline constexpr uint64_t kReplicationsFull = 2000;

// P(X <= count) for X binomial with `trials` and `probability`.
inline double AtMost(uint64_t count, uint64_t trials, double probability) {
  double sum = 0;
  const auto n = static_cast<double>(trials);
  for (uint64_t i = 0; i <= count; ++i) {
    const auto k = static_cast<double>(i);
    sum += std::exp(std::lgamma(n + 1) - std::lgamma(k + 1) - std::lgamma(n - k + 1) +
                    k * std::log(probability) + (n - k) * std::log1p(-probability));
  }
  return sum;
}

class CoverageStudy : public ::testing::Test {
 protected:
  CoverageStudy() {
    options.replications = testing::FromEnvironment("FULCRUM_COVERAGE_REPLICATIONS", 100);
    options.rows = testing::FromEnvironment("FULCRUM_COVERAGE_ROWS", 1000);
    // Interval ends from B resamples leave out about 2/B more than they say; in the full run that
    // must not decide.
    options.resamples = full() ? 500 : 200;
    options.seed = testing::FromEnvironment("FULCRUM_COVERAGE_SEED", options.seed);
    options.clock = &clock_;
    options.directory = temporary_.path();
  }

  bool full() const { return options.replications >= kReplicationsFull; }

  // Prints the cells, in the full run as figures too.
  std::vector<CoverageCell> Report(absl::StatusOr<std::vector<CoverageCell>> cells) const {
    FULCRUM_EXPECT_OK(cells);
    if (!cells.ok()) return {};
    std::printf("%s", CoverageHeader().c_str());
    for (const CoverageCell& cell : *cells) std::printf("%s", CoverageRow(cell).c_str());
    for (const CoverageCell& cell : *cells) {
      if (!full()) break;
      std::printf("figure: %s %s %s = %.4f\n", cell.setting.c_str(), cell.target.c_str(),
                  evaluation::kEstimatorNames[static_cast<size_t>(cell.estimator)],
                  cell.Coverage());
    }
    std::fflush(stdout);
    return *std::move(cells);
  }

  // The band of the full run. In a short one a cell fails if its count would be rarer than 1 in
  // 10,000 at the end of the band that it is beyond.
  void ExpectCovered(const CoverageCell& cell, double low, double high) const {
    if (full()) {
      EXPECT_GE(cell.Coverage(), low) << CoverageRow(cell);
      EXPECT_LE(cell.Coverage(), high) << CoverageRow(cell);
    } else {
      const uint64_t missed = cell.replications - cell.covered;
      EXPECT_GT(AtMost(cell.covered, cell.replications, low), 1e-4) << CoverageRow(cell);
      EXPECT_GT(AtMost(missed, cell.replications, 1 - high), 1e-4) << CoverageRow(cell);
    }
  }

  CoverageOptions options;

 private:
  base::SystemClock clock_;
  testing::TemporaryDirectory temporary_;
};

}  // namespace fulcrum::simulation
