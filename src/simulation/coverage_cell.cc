#include "simulation/coverage_cell.h"

#include <cmath>
#include <utility>

#include "absl/strings/str_format.h"

namespace fulcrum::simulation {
namespace {

constexpr double kNormal95 = 1.959963984540054;

}  // namespace

void Moments::Add(double value) {
  const double before = value - mean;
  mean += before / ++count;
  squares += before * (value - mean);
}

double Moments::Sd() const {
  return count > 1 ? std::sqrt(squares / (count - 1)) : 0;
}

double CoverageCell::StandardError() const {
  return sd / std::sqrt(static_cast<double>(replications));
}

CoverageTally::CoverageTally(std::string setting, std::string target,
                             evaluation::Estimator estimator, double truth) {
  cell_.setting = std::move(setting);
  cell_.target = std::move(target);
  cell_.estimator = estimator;
  cell_.truth = truth;
}

void CoverageTally::Add(const evaluation::Evaluation& evaluated, double truth) {
  const evaluation::Estimate& estimate = *evaluated.Find(cell_.estimator);
  ++cell_.replications;
  const double off = estimate.value - truth;
  if (std::fabs(off) <= kNormal95 * estimate.se) ++cell_.covered_normal;
  if (estimate.ci_low <= truth && truth <= estimate.ci_high) ++cell_.covered;
  truths_.Add(truth);
  off_.Add(off);
  errors_.Add(estimate.se);
  sizes_.Add(evaluated.AsksOfSlates() ? evaluated.slate_weights.effective_sample_size
                                      : evaluated.effective_sample_size);
}

CoverageCell CoverageTally::Finish() const {
  CoverageCell cell = cell_;
  cell.truth = truths_.mean;
  cell.mean = truths_.mean + off_.mean;
  cell.sd = off_.Sd();
  cell.mean_se = errors_.mean;
  cell.sample_size = sizes_.mean;
  return cell;
}

std::vector<CoverageCell> FinishAll(const std::vector<CoverageTally>& tallies) {
  std::vector<CoverageCell> cells;
  cells.reserve(tallies.size());
  for (const CoverageTally& tally : tallies) cells.push_back(tally.Finish());
  return cells;
}

std::string CoverageHeader() {
  return "| setting | target | estimator | effective | truth | mean off by | in its se | sd | "
         "mean se | coverage | normal |\n|---|---|---|---|---|---|---|---|---|---|---|\n";
}

std::string CoverageRow(const CoverageCell& cell) {
  return absl::StrFormat(
      "| %s | %s | %s | %.0f | %.5f | %+.5f | %+.1f | %.5f | %.5f | %.4f | %.4f |\n", cell.setting,
      cell.target, evaluation::kEstimatorNames[static_cast<size_t>(cell.estimator)],
      cell.sample_size, cell.truth, cell.Bias(), cell.Bias() / cell.StandardError(), cell.sd,
      cell.mean_se, cell.Coverage(), cell.CoverageNormal());
}

}  // namespace fulcrum::simulation
