// What each fault between the draw and the log does to IPS.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "simulation/chart.h"
#include "simulation/coverage.h"
#include "simulation/faults.h"

namespace fulcrum::simulation {

// What a fault is judged by: the target where it has much to spoil. Settled in pilot runs of
// another seed.
struct FaultCase {
  Fault fault;
  TargetKind target;
  const char* name;
};

struct FaultFinding {
  FaultCase planted;
  double truth = 0;
  // Mean over the replications of IPS, as a share of the truth off it; and its standard error.
  double honest = 0, honest_se = 0;
  double faulty = 0, faulty_se = 0;
  // Of the difference between the two on the same replications.
  double moved = 0, moved_se = 0;
  // Share of the logs that `fulcrum evaluate` refuses for their mean weight.
  double honest_refused = 0, faulty_refused = 0;
};

// All cases on the same decisions, in the setting `masked`.
absl::StatusOr<std::vector<FaultFinding>> RunFaults(const CoverageOptions& options);

// IPS of the target `uniform` in shares of the truth, against the number of rows, by what is
// logged: exact propensities, sampled ones, BanditDB's. Lines are means over the replications,
// bands one standard deviation of them.
absl::StatusOr<Chart> PropensityChart(const CoverageOptions& options);

}  // namespace fulcrum::simulation
