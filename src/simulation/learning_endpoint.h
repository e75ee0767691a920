// The service's learning in this process: decisions by the real path under the bundle's policy,
// taught by the real fold over the same events.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "learning/outcome_fold.h"
#include "simulation/in_process.h"
#include "simulation/traffic.h"

namespace fulcrum::simulation {

class LearningEndpoint final : public Endpoint {
 public:
  // `path` outlives this and is used by nobody else.
  explicit LearningEndpoint(InProcess* path);

  absl::StatusOr<Answer> Decide(const Visit& visit) override;
  absl::Status ReportExposure(DecisionId id, uint32_t position, absl::Time occurred) override;
  absl::Status ReportOutcome(DecisionId id, uint32_t position, absl::Time occurred) override;

  const learning::OutcomeFold& fold() const { return fold_; }

 private:
  void Log(const LogEvent& event);
  // What the windows that ended by `now` have settled.
  void Settle(absl::Time now);

  InProcess* const path_;
  learning::OutcomeFold fold_;
  std::shared_ptr<const scoring::Posteriors> published_;
  uint64_t published_changes_ = 0;
  Lsn lsn_ = 0;
};

}  // namespace fulcrum::simulation
