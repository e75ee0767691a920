#include "decider/record.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "decider/diversion.h"

namespace fulcrum::decider {
namespace {

Answer AnswerOf(const Call& call) {
  return call.degradation == Degradation::kNone ? Answer::kFull : Answer::kDegraded;
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

void WriteNeutral(const Call& call, DecisionRecord* record) {
  record->neutral_known = call.surface->baseline_value.has_value();
  if (record->neutral_known) {
    record->neutral_value = *call.surface->baseline_value;
    return;
  }
  record->neutral_alpha = call.scores.neutral.alpha;
  record->neutral_beta = call.scores.neutral.beta;
  record->neutral_mean = call.scores.neutral.mean;
  record->neutral_sd = call.scores.neutral.sd;
}

// How the choice followed from the posteriors.
void WriteChoice(const Call& call, DecisionRecord* record) {
  const config::Surface& surface = *call.surface;
  const config::Choice& choice = surface.ChoiceIn(call.region);
  record->policy = choice.policy;
  record->exploration_floor = choice.exploration_floor;
  record->neutral_share = choice.ShareOf(config::kNeutralAction);
  record->region = call.region;
  record->mode = surface.mode;
  record->relaxed = call.selection.relaxed;
  for (const int32_t row : call.selection.rows_in_scope) {
    record->rows_in_scope.push_back(call.snapshot.bundle->constraints[static_cast<size_t>(row)].id);
  }
  if (surface.holdout) record->holdout_ticks = surface.holdout->ticks;
  for (const config::Shadow& shadow : surface.shadows) {
    record->shadows.push_back({shadow.id, shadow.policy, shadow.exploration_floor});
  }
}

void WriteCandidates(const Call& call, DecisionRecord* record) {
  const config::Bundle& bundle = *call.snapshot.bundle;
  record->candidates.reserve(call.actions.size());
  for (size_t i = 0; i < call.actions.size(); ++i) {
    const config::Action& action = bundle.actions[static_cast<size_t>(call.actions[i])];
    const scoring::ScoredCandidate& scored = call.scores.candidates[i];
    record->candidates.push_back(
        {.action_id = action.id,
         .campaign_id = bundle.campaigns[static_cast<size_t>(action.campaign)].id,
         .mask = call.contenders[i].mask,
         .score = scored.score,
         .alpha = scored.alpha,
         .beta = scored.beta,
         .mean = scored.mean,
         .sd = scored.sd,
         .share = call.contenders[i].share});
  }
}

// What a linear posterior learns from, once the position has earned its reward: x of what was
// drawn, also if its value was known. Needs the candidates.
void WriteBasis(const Call& call, DecisionRecord* record) {
  if (!call.surface->linear) return;
  for (PositionRecord& position : record->positions) {
    const auto drawn = std::find_if(
        record->candidates.begin(), record->candidates.end(),
        [&](const CandidateRecord& one) { return one.action_id == position.action_id; });
    const bool neutral = drawn == record->candidates.end();
    const double score = neutral ? scoring::NeutralScore(*call.surface) : drawn->score;
    const scoring::Terms terms = scoring::ArmTerms(*call.surface, score, call.scores.basis);
    position.basis.assign(terms.begin(), terms.end());
  }
}

// The probability with which the record's detail is to be kept. Under pressure it falls from the
// surface's share at the threshold to a 64th of that when the queue is full; never to 0, so that
// what is kept can stand for what is not.
Ticks DetailTicks(const config::Surface& surface, double log_fill) {
  constexpr double kLeast = 1.0 / 64;
  double pass = surface.detail_share;
  if (surface.log_pressure == config::LogPressure::kDropDetail &&
      log_fill >= domain::kLogPressure) {
    pass *= std::max((1 - log_fill) / (1 - domain::kLogPressure), kLeast);
  }
  return std::max(static_cast<Ticks>(pass * static_cast<double>(kTicksTotal)), Ticks{1});
}

// How the decision will be credited.
void WriteReward(const config::Surface& surface, DecisionRecord* record) {
  record->exposure_required = surface.exposure_required;
  if (surface.exposure_required) {
    record->exposure_window_us = absl::ToInt64Microseconds(surface.exposure_window);
  }
  record->attribution_window_us = absl::ToInt64Microseconds(surface.attribution_window);
  record->reward_kind = surface.reward_kind;
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
  record.log_odds = call.scores.log_odds;
  record.answer = AnswerOf(call);
  record.degradation = call.degradation;
  WriteNeutral(call, &record);
  WriteChoice(call, &record);
  WriteCandidates(call, &record);
  record.positions = call.selection.positions;
  record.defer_until_us = call.selection.defer_until_us;
  if (IsDiverted(call)) {
    record.defer_until_us = 0;  // what is served does not hang on it
    record.answer = InsteadAnswer(call);
    record.unserved = std::exchange(record.positions, InsteadPositions(call));
  }
  WriteBasis(call, &record);
  WriteReward(*call.surface, &record);
  record.detail_ticks = DetailTicks(*call.surface, call.log_fill);
  record.features_missing = call.features_missing;
  record.features_stale = call.features_stale;
  record.times = call.times;
  if (!call.snapshot.archived) record.replayable_reason = "artefacts not archived";
  if (call.snapshot.model_paused) record.replayable_reason = "the model was paused";
  record.replayable = record.replayable_reason.empty() ? Replayable::kFull : Replayable::kSelection;
  return record;
}

std::optional<FeatureSnapshot> MakeSnapshot(const Call& call) {
  const scoring::Model* const model = call.snapshot.model.get();
  if (model == nullptr && !call.surface->linear) return std::nullopt;
  return FeatureSnapshot{call.context.decision_id, model == nullptr ? 0 : model->version(),
                         call.scores.columns, call.scores.inputs, call.scores.basis};
}

DecisionRecord MakeFallbackRecord(const Call& call, Degradation reason) {
  DecisionRecord record = Frame(call);
  // Only what is constant: the pipeline may still be writing the rest.
  const std::string bytes = call.context.decision_id.ToBytes();
  std::memcpy(record.user_ref.data(), bytes.data(), record.user_ref.size());
  record.answer = InsteadAnswer(call);
  record.degradation = reason;
  record.log_pending = true;
  record.mode = call.surface->mode;
  if (call.surface->holdout) record.holdout_ticks = call.surface->holdout->ticks;
  record.positions = InsteadPositions(call);
  record.replayable_reason = "not drawn";
  return record;
}

}  // namespace fulcrum::decider
