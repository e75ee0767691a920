#include "simulation/learning_endpoint.h"

#include <limits>
#include <utility>

#include "base/status_macros.h"

namespace fulcrum::simulation {

LearningEndpoint::LearningEndpoint(InProcess* path)
    : path_(path),
      fold_(learning::StartOf(path->bundle(), {}, nullptr)),
      published_(std::make_shared<const scoring::Posteriors>(fold_.posteriors())) {}

void LearningEndpoint::Log(const LogEvent& event) {
  lsn_ = path_->Log(event);
  fold_.Apply(lsn_, event);
}

void LearningEndpoint::Settle(absl::Time now) {
  // Nothing is on its way into this log: reports are folded as they come.
  const auto none = [](const DecisionId&, uint32_t) { return false; };
  for (const UnshownRecord& record : fold_.join().TakeUnshown(
           absl::ToUnixMicros(now), std::numeric_limits<size_t>::max(), none)) {
    Log(record);
  }
  for (const SettlementRecord& record : fold_.charges().TakeDue(absl::ToUnixMicros(now))) {
    Log(record);
  }
  if (fold_.changes() == published_changes_) return;
  published_changes_ = fold_.changes();
  published_ = std::make_shared<const scoring::Posteriors>(fold_.posteriors());
}

absl::StatusOr<Endpoint::Answer> LearningEndpoint::Decide(const Visit& visit) {
  Settle(visit.time);
  FULCRUM_ASSIGN_OR_RETURN(DecisionRecord record, path_->Decide(visit, published_));
  Answer answer{record.id, {}, true};
  for (const PositionRecord& position : record.positions) {
    answer.action_ids.push_back(position.action_id);
  }
  fold_.Apply(path_->lsn(), std::move(record));
  return answer;
}

absl::Status LearningEndpoint::ReportExposure(DecisionId id, uint32_t position,
                                              absl::Time occurred) {
  ExposureRecord record;
  record.decision_id = id;
  record.position = position;
  record.occurred_us = absl::ToUnixMicros(occurred);
  Log(record);
  return absl::OkStatus();
}

absl::Status LearningEndpoint::ReportOutcome(DecisionId id, uint32_t position,
                                             absl::Time occurred) {
  OutcomeRecord record;
  record.decision_id = id;
  record.position = position;
  record.outcome_id = kOutcomeId;
  record.kind = kRewardKind;
  record.value = 1;
  record.occurred_us = absl::ToUnixMicros(occurred);
  Log(record);
  return absl::OkStatus();
}

}  // namespace fulcrum::simulation
