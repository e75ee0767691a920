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
#include "evaluation/evaluate.h"
#include "simulation/frozen.h"

namespace fulcrum::simulation {

// A mistake planted between the decider and the log, for showing that it would be found.
enum class Fault : uint8_t {
  kNone,
  kMaskIgnored,  // the logged probabilities forget that masked arms could not be drawn
  kLargestOff,   // the largest probability is logged 5 % too small, the others scaled up
  kRedrawn  // 6 % of the draws are refused and drawn again, under the first draw's probabilities
};

struct CoverageOptions {
  std::string directory;  // scratch: bundle and ledger
  uint64_t replications = 2000;
  uint64_t rows = 4000;  // per replication
  int resamples = 200;   // of the bootstrap; 0: normal intervals alone
  double level = 0.95;
  uint64_t seed = 2026;
  Fault fault = Fault::kNone;
  const base::Clock* clock = nullptr;
};

// One estimator for one target in one setting.
struct CoverageCell {
  std::string setting;
  TargetKind target = TargetKind::kUniform;
  evaluation::Estimator estimator = evaluation::Estimator::kIps;
  double truth = 0;
  uint64_t replications = 0;
  uint64_t covered = 0;         // by the bootstrap interval
  uint64_t covered_normal = 0;  // by value +- z se
  double mean = 0;              // of the values
  double sd = 0;                // of the values over the replications
  double mean_se = 0;           // of the standard errors as estimated
  double sample_size = 0;       // effective, mean over the replications

  double Coverage() const {
    return static_cast<double>(covered) / static_cast<double>(replications);
  }
  double CoverageNormal() const {
    return static_cast<double>(covered_normal) / static_cast<double>(replications);
  }
  double StandardError() const;  // of `mean`
};

// IPS, SNIPS, DR and DM for all targets in one setting. `progress` may be empty.
absl::StatusOr<std::vector<CoverageCell>> RunCoverage(
    const FrozenSetting& setting, const CoverageOptions& options,
    const std::function<void(uint64_t replications)>& progress = {});

const CoverageCell& CellOf(const std::vector<CoverageCell>& cells, TargetKind target,
                           evaluation::Estimator estimator);

// A row of a Markdown table under CoverageHeader().
std::string CoverageHeader();
std::string CoverageRow(const CoverageCell& cell);

}  // namespace fulcrum::simulation
