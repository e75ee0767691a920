#include "decider/record.h"

#include <cstring>
#include <utility>

namespace fulcrum::decider {
namespace {

Answer AnswerOf(const Call& call) {
  return call.degradation == Degradation::kNone ? Answer::kFull : Answer::kDegraded;
}

Answer FallbackAnswerOf(const Call& call) {
  return call.surface->fallback_action >= 0 ? Answer::kEditorial : Answer::kNeutral;
}

// What every record says, drawn or not.
DecisionRecord Frame(const Call& call) {
  const domain::DecisionContext& context = call.context;
  DecisionRecord record;
  record.id = context.decision_id;
  record.request_id = context.request_id;
  record.principal = context.principal.name;
  record.surface = call.surface->id;
  record.occurred_us = absl::ToUnixMicros(context.now);
  record.context_hash = call.context_hash;
  record.slate_size = context.slate_size;
  record.versions = VersionsOf(call);
  record.latency_budget_us = absl::ToInt64Microseconds(context.latency_budget);
  return record;
}

// A user without a stored row gets a reference that names this decision only.
UserRef UserRefOf(const Call& call) {
  if (call.user.user_ref) return *call.user.user_ref;
  UserRef derived{};
  const std::string bytes = call.context.decision_id.ToBytes();
  std::memcpy(derived.data(), bytes.data(), derived.size());
  return derived;
}

}  // namespace

Versions VersionsOf(const Call& call) {
  Versions versions;
  versions.bundle = call.snapshot.bundle->version;
  versions.model = call.snapshot.model == nullptr ? 0 : call.snapshot.model->version();
  versions.schema = call.snapshot.bundle->schema_version;
  versions.posterior_lsn = call.snapshot.posteriors->lsn();
  return versions;
}

DecisionRecord MakeRecord(const Call& call) {
  DecisionRecord record = Frame(call);
  record.user_ref = UserRefOf(call);
  record.segment = call.scores.segment;
  record.answer = AnswerOf(call);
  record.degradation = call.degradation;
  record.neutral_known = call.surface->baseline_value.has_value();
  record.neutral_value = call.surface->baseline_value.value_or(0);
  record.neutral_alpha = record.neutral_known ? 0 : call.scores.neutral.alpha;
  record.neutral_beta = record.neutral_known ? 0 : call.scores.neutral.beta;
  record.exploration_floor = call.surface->exploration_floor;
  const config::Bundle& bundle = *call.snapshot.bundle;
  record.candidates.reserve(call.actions.size());
  for (size_t i = 0; i < call.actions.size(); ++i) {
    const config::Action& action = bundle.actions[static_cast<size_t>(call.actions[i])];
    const scoring::ScoredCandidate& scored = call.scores.candidates[i];
    record.candidates.push_back({action.id,
                                 bundle.campaigns[static_cast<size_t>(action.campaign)].id,
                                 call.contenders[i].mask, scored.score, scored.alpha, scored.beta});
  }
  record.positions = call.selection.positions;
  record.features_missing = call.features_missing;
  record.features_stale = call.features_stale;
  record.times = call.times;
  record.replayable = call.snapshot.archived ? Replayable::kFull : Replayable::kSelection;
  if (!call.snapshot.archived) record.replayable_reason = "artefacts not archived";
  return record;
}

std::optional<FeatureSnapshot> MakeSnapshot(const Call& call) {
  if (call.snapshot.model == nullptr) return std::nullopt;
  return FeatureSnapshot{call.context.decision_id, call.snapshot.model->version(),
                         call.scores.columns, call.scores.inputs};
}

const std::string& FallbackActionId(const Call& call) {
  static const auto* const kNeutral = new std::string(kNeutralActionId);
  const int32_t action = call.surface->fallback_action;
  return action < 0 ? *kNeutral : call.snapshot.bundle->actions[static_cast<size_t>(action)].id;
}

DecisionRecord MakeFallbackRecord(const Call& call, Degradation reason) {
  DecisionRecord record = Frame(call);
  // Only what is constant: the pipeline may still be writing the rest.
  const std::string bytes = call.context.decision_id.ToBytes();
  std::memcpy(record.user_ref.data(), bytes.data(), record.user_ref.size());
  record.answer = FallbackAnswerOf(call);
  record.degradation = reason;
  record.log_pending = true;
  PositionRecord position;
  position.action_id = FallbackActionId(call);
  record.positions.push_back(std::move(position));
  record.replayable_reason = "not drawn";
  return record;
}

}  // namespace fulcrum::decider
