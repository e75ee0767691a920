#include "simulation/learning_endpoint.h"

#include <cmath>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "simulation/frozen.h"

namespace fulcrum::simulation {
namespace {

constexpr double kServedFloor = 0.02;  // the service's default

std::string NameOf(const DecisionRecord& record, size_t index) {
  return index < record.candidates.size() ? record.candidates[index].action_id : kNeutralActionId;
}

}  // namespace

const char* ToWord(PolicyKind policy) {
  switch (policy) {
    case PolicyKind::kThompson:
      return "thompson";
    case PolicyKind::kUniform:
      return "uniform";
    case PolicyKind::kGreedy:
      return "greedy";
    case PolicyKind::kEpsilonGreedy:
      return "epsilon-greedy";
  }
  return "";
}

absl::StatusOr<PolicyKind> PolicyNamed(const std::string& word) {
  std::string names;
  for (const PolicyKind policy : kPolicyKinds) {
    if (word == ToWord(policy)) return policy;
    absl::StrAppend(&names, names.empty() ? "" : ", ", ToWord(policy));
  }
  return absl::InvalidArgumentError(
      absl::StrCat("there is no policy '", word, "'; there are: ", names));
}

bool IsServed(PolicyKind policy) {
  return policy == PolicyKind::kThompson || policy == PolicyKind::kUniform;
}

double FloorOf(PolicyKind policy) {
  return policy == PolicyKind::kUniform ? 1.0 : kServedFloor;
}

LearningEndpoint::LearningEndpoint(InProcess* path, PolicyKind policy, uint64_t seed)
    : path_(path),
      policy_(policy),
      coins_(base::MixKey(ToWord(policy), "coins", static_cast<uint32_t>(seed))),
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
  if (fold_.changes() == published_changes_) return;
  published_changes_ = fold_.changes();
  published_ = std::make_shared<const scoring::Posteriors>(fold_.posteriors());
}

std::string LearningEndpoint::ReplacementFor(const DecisionRecord& record) {
  const std::vector<double> means = PosteriorMeans(record);
  std::vector<size_t> drawable;
  size_t best = means.size() - 1;
  for (size_t i = 0; i < means.size(); ++i) {
    if (std::isnan(means[i])) continue;
    drawable.push_back(i);
    if (means[i] > means[best]) best = i;
  }
  if (policy_ == PolicyKind::kEpsilonGreedy && coins_.NextUniform() < kEpsilon) {
    best = drawable[coins_.NextBelow(static_cast<uint32_t>(drawable.size()))];
  }
  return NameOf(record, best);
}

absl::StatusOr<Endpoint::Answer> LearningEndpoint::Decide(const Visit& visit) {
  Settle(visit.time);
  FULCRUM_ASSIGN_OR_RETURN(DecisionRecord record, path_->Decide(visit, published_));
  PositionRecord& position = record.positions[0];
  if (!IsServed(policy_)) {
    position.action_id = ReplacementFor(record);
    position.debits.clear();
  }
  Answer answer{record.id, position.action_id, true};
  fold_.Apply(path_->lsn(), std::move(record));
  return answer;
}

absl::Status LearningEndpoint::ReportExposure(DecisionId id, absl::Time occurred) {
  ExposureRecord record;
  record.decision_id = id;
  record.occurred_us = absl::ToUnixMicros(occurred);
  Log(record);
  return absl::OkStatus();
}

absl::Status LearningEndpoint::ReportOutcome(DecisionId id, absl::Time occurred) {
  OutcomeRecord record;
  record.decision_id = id;
  record.position = 1;
  record.outcome_id = kOutcomeId;
  record.kind = kRewardKind;
  record.value = 1;
  record.occurred_us = absl::ToUnixMicros(occurred);
  Log(record);
  return absl::OkStatus();
}

}  // namespace fulcrum::simulation
