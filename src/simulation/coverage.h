// Do the estimators' intervals hold the truth as often as they say? Logs are made by the real
// decider on frozen posteriors, run after run, and handed to the code behind `fulcrum evaluate`;
// the value of each target policy is known exactly.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "simulation/coverage_cell.h"
#include "simulation/frozen.h"

namespace fulcrum::simulation {

struct CoverageOptions {
  std::string directory;  // scratch: bundle and ledger
  uint64_t replications = 2000;
  uint64_t rows = 4000;  // per replication
  int resamples = 200;   // of the bootstrap; 0: normal intervals alone
  double level = 0.95;
  uint64_t seed = 2026;
  const base::Clock* clock = nullptr;
};

// IPS, SNIPS, DR and DM for all targets in one setting. `progress` may be empty.
absl::StatusOr<std::vector<CoverageCell>> RunCoverage(
    const FrozenSetting& setting, const CoverageOptions& options,
    const std::function<void(uint64_t replications)>& progress = {});

// How `fulcrum evaluate` is to be asked in replication `number`, from 0.
evaluation::EvaluateOptions AskFor(const CoverageOptions& options,
                                   absl::Span<const evaluation::Estimator> estimators,
                                   uint64_t number);

const CoverageCell& CellOf(const std::vector<CoverageCell>& cells, TargetKind target,
                           evaluation::Estimator estimator);

}  // namespace fulcrum::simulation
