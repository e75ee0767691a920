// A frozen setting played by the real decider, run after run, and turned into rows.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "evaluation/rows.h"
#include "evaluation/target.h"
#include "simulation/frozen.h"
#include "simulation/in_process.h"

namespace fulcrum::simulation {

// For one thread.
class FrozenPath {
 public:
  // `directory` is scratch for the bundle and the ledger. The same setting and seed, the same runs.
  static absl::StatusOr<std::unique_ptr<FrozenPath>> Start(const FrozenSetting& setting,
                                                           const std::string& directory,
                                                           uint64_t seed, const base::Clock* clock);

  // The expected reward of a decision under `target`: summed over all that can come.
  absl::StatusOr<double> TruthOf(TargetKind target);

  // The next run: `decisions` visits over one day.
  absl::Status Play(uint64_t decisions,
                    absl::FunctionRef<void(const DecisionRecord&, const Visit&)> on_decision);

  // `record` as a row, with what follows the action that it names.
  void AddRow(const DecisionRecord& record, const Visit& visit, evaluation::RowSet* rows) const;
  // Also what `target` does there, for evaluation::Target::PerRow().
  void AddRow(const DecisionRecord& record, const Visit& visit, TargetKind target,
              evaluation::RowSet* rows) const;
  evaluation::Target TargetFor(TargetKind target, evaluation::RowSet* rows) const;

 private:
  FrozenPath(const FrozenSetting& setting, uint64_t seed);
  absl::Status Open(const std::string& directory, const base::Clock* clock);

  const FrozenSetting setting_;
  base::RandomStream random_;
  std::shared_ptr<const scoring::Posteriors> posteriors_;
  std::unique_ptr<InProcess> path_;
};

}  // namespace fulcrum::simulation
