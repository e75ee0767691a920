// One line of a coverage study: what an estimator said of a known value, run after run.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "evaluation/evaluate.h"

namespace fulcrum::simulation {

// Running mean and variance (Welford, Technometrics 1962).
struct Moments {
  double count = 0, mean = 0, squares = 0;

  void Add(double value);
  double Sd() const;
};

// One estimator for one target in one setting.
struct CoverageCell {
  std::string setting;
  std::string target;
  evaluation::Estimator estimator = evaluation::Estimator::kIps;
  double truth = 0;  // mean over the replications, where each has its own
  uint64_t replications = 0;
  uint64_t covered = 0;         // by the interval that `fulcrum evaluate` reports
  uint64_t covered_normal = 0;  // by value +- z se
  double mean = 0;              // of the values
  double sd = 0;                // of the values less the truth, over the replications
  double mean_se = 0;           // of the standard errors as estimated
  double sample_size = 0;       // effective, mean over the replications

  double Coverage() const {
    return static_cast<double>(covered) / static_cast<double>(replications);
  }
  double CoverageNormal() const {
    return static_cast<double>(covered_normal) / static_cast<double>(replications);
  }
  double Bias() const { return mean - truth; }
  double StandardError() const;  // of `mean`
};

// A cell while its runs come in.
class CoverageTally {
 public:
  CoverageTally(std::string setting, std::string target, evaluation::Estimator estimator,
                double truth = 0);
  // Of a replication whose truth is the tally's, or its own.
  void Add(const evaluation::Evaluation& evaluated) { Add(evaluated, cell_.truth); }
  void Add(const evaluation::Evaluation& evaluated, double truth);
  CoverageCell Finish() const;

 private:
  CoverageCell cell_;
  Moments truths_, off_, errors_, sizes_;
};

std::vector<CoverageCell> FinishAll(const std::vector<CoverageTally>& tallies);

// A row of a Markdown table under CoverageHeader().
std::string CoverageHeader();
std::string CoverageRow(const CoverageCell& cell);

}  // namespace fulcrum::simulation
