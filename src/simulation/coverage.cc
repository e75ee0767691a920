#include "simulation/coverage.h"

#include <iterator>
#include <memory>
#include <utility>

#include "base/status_macros.h"
#include "simulation/frozen_path.h"

namespace fulcrum::simulation {
namespace {

using evaluation::Estimator;

constexpr Estimator kEstimated[] = {Estimator::kIps, Estimator::kSnips, Estimator::kDr,
                                    Estimator::kDm};

absl::Status Replicate(const CoverageOptions& options, uint64_t number, FrozenPath* path,
                       std::vector<CoverageTally>* tallies) {
  evaluation::RowSet rows;
  FULCRUM_RETURN_IF_ERROR(
      path->Play(options.rows, [&](const DecisionRecord& record, const Visit& visit) {
        path->AddRow(record, visit, &rows);
      }));
  size_t tally = 0;
  for (const TargetKind target : kTargetKinds) {
    const evaluation::Target policy = path->TargetFor(target, &rows);
    FULCRUM_ASSIGN_OR_RETURN(
        const evaluation::Evaluation evaluated,
        evaluation::Evaluate(rows, policy, AskFor(options, kEstimated, number)));
    for (size_t i = 0; i < std::size(kEstimated); ++i) (*tallies)[tally++].Add(evaluated);
  }
  return absl::OkStatus();
}

}  // namespace

evaluation::EvaluateOptions AskFor(const CoverageOptions& options,
                                   absl::Span<const Estimator> estimators, uint64_t number) {
  evaluation::EvaluateOptions asked;
  asked.estimators.assign(estimators.begin(), estimators.end());
  asked.resamples = options.resamples;
  asked.level = options.level;
  asked.seed = number + 1;
  asked.threads = 1;
  return asked;
}

absl::StatusOr<std::vector<CoverageCell>> RunCoverage(
    const FrozenSetting& setting, const CoverageOptions& options,
    const std::function<void(uint64_t)>& progress) {
  FULCRUM_ASSIGN_OR_RETURN(
      const std::unique_ptr<FrozenPath> path,
      FrozenPath::Start(setting, options.directory, options.seed, options.clock));
  std::vector<CoverageTally> tallies;  // target by target, estimator by estimator
  for (const TargetKind target : kTargetKinds) {
    FULCRUM_ASSIGN_OR_RETURN(const double truth, path->TruthOf(target));
    for (const Estimator estimator : kEstimated) {
      tallies.emplace_back(setting.name, ToWord(target), estimator, truth);
    }
  }
  for (uint64_t number = 0; number < options.replications; ++number) {
    FULCRUM_RETURN_IF_ERROR(Replicate(options, number, path.get(), &tallies));
    if (progress) progress(number + 1);
  }
  return FinishAll(tallies);
}

const CoverageCell& CellOf(const std::vector<CoverageCell>& cells, TargetKind target,
                           Estimator estimator) {
  size_t index = 0;
  while (cells[index].target != ToWord(target) || cells[index].estimator != estimator) ++index;
  return cells[index];
}

}  // namespace fulcrum::simulation
