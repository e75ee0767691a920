#include "decision_log/choice_codec.h"

#include "base/status_macros.h"
#include "decision_log/proto_enum.h"

namespace fulcrum::decision_log {
namespace {

namespace pb = ::fulcrum::log::v1;

// Where it stands: in a record or in one of its shadows.
template <typename Proto>
void PolicyToProto(const Policy& policy, Proto* proto) {
  if (policy.kind != PolicyKind::kThompson) {
    proto->set_policy(EnumToProto<pb::PolicyKind>(policy.kind));
  }
  proto->set_policy_parameter(policy.parameter);
  proto->set_policy_uncertainty(policy.uncertainty);
}

template <typename Proto>
absl::Status PolicyFromProto(const Proto& proto, Policy* policy) {
  if (proto.policy() != pb::POLICY_KIND_UNSPECIFIED) {
    FULCRUM_ASSIGN_OR_RETURN(policy->kind,
                             EnumFromProto(proto.policy(), PolicyKind::kFixedShares, "policy"));
  }
  policy->parameter = proto.policy_parameter();
  policy->uncertainty = proto.policy_uncertainty();
  return absl::OkStatus();
}

void ShareToProto(const Share& share, pb::Share* proto) {
  proto->set_weight(share.weight);
  proto->set_min(share.min);
  if (share.max != 1) proto->set_max(share.max);
}

Share ShareFromProto(const pb::Share& proto) {
  return {proto.weight(), proto.min(), proto.has_max() ? proto.max() : 1};
}

void ToProto(const CandidateRecord& candidate, pb::Candidate* proto) {
  proto->set_action_id(candidate.action_id);
  proto->set_campaign_id(candidate.campaign_id);
  proto->set_mask(EnumToProto<pb::MaskReason>(candidate.mask));
  proto->set_score(candidate.score);
  proto->set_alpha(candidate.alpha);
  proto->set_beta(candidate.beta);
  proto->set_mean(candidate.mean);
  proto->set_sd(candidate.sd);
  if (candidate.share != Share{}) ShareToProto(candidate.share, proto->mutable_share());
}

absl::Status FromProto(const pb::Candidate& proto, CandidateRecord* candidate) {
  candidate->action_id = proto.action_id();
  candidate->campaign_id = proto.campaign_id();
  candidate->score = proto.score();
  candidate->alpha = proto.alpha();
  candidate->beta = proto.beta();
  candidate->mean = proto.mean();
  candidate->sd = proto.sd();
  if (proto.has_share()) candidate->share = ShareFromProto(proto.share());
  FULCRUM_ASSIGN_OR_RETURN(candidate->mask,
                           EnumFromProto(proto.mask(), MaskReason::kPaused, "candidate.mask"));
  return absl::OkStatus();
}

void ToProto(const PositionRecord& position, pb::Position* proto) {
  proto->set_action_id(position.action_id);
  proto->mutable_ticks()->Add(position.ticks.begin(), position.ticks.end());
  proto->set_seed(position.seed);
  for (const Debit& debit : position.debits) DebitToProto(debit, proto->add_debits());
  proto->mutable_basis()->Add(position.basis.begin(), position.basis.end());
  proto->set_drawn_ticks(position.drawn_ticks);
  for (const std::vector<Ticks>& ticks : position.shadow_ticks) {
    proto->add_shadows()->mutable_ticks()->Add(ticks.begin(), ticks.end());
  }
  proto->mutable_discounts()->Add(position.discounts.begin(), position.discounts.end());
  proto->mutable_excluded()->Add(position.excluded.begin(), position.excluded.end());
}

void FromProto(const pb::Position& proto, PositionRecord* position) {
  position->action_id = proto.action_id();
  position->seed = proto.seed();
  position->ticks.assign(proto.ticks().begin(), proto.ticks().end());
  for (const pb::Debit& debit : proto.debits()) position->debits.push_back(DebitFromProto(debit));
  position->basis.assign(proto.basis().begin(), proto.basis().end());
  position->drawn_ticks = proto.drawn_ticks();
  for (const pb::Distribution& shadow : proto.shadows()) {
    position->shadow_ticks.emplace_back(shadow.ticks().begin(), shadow.ticks().end());
  }
  position->discounts.assign(proto.discounts().begin(), proto.discounts().end());
  position->excluded.assign(proto.excluded().begin(), proto.excluded().end());
}

void ToProto(const DebitTerms& terms, pb::DebitTerms* proto) {
  proto->set_charged_on(terms.charged_on);
  for (const std::string& kind : terms.returned_on) proto->add_returned_on(kind);
  proto->set_return_window_us(terms.return_window_us);
  proto->set_kept_unshown(terms.kept_unshown);
  proto->set_in_cost(terms.in_cost);
}

DebitTerms FromProto(const pb::DebitTerms& proto) {
  return DebitTerms{.charged_on = proto.charged_on(),
                    .returned_on = {proto.returned_on().begin(), proto.returned_on().end()},
                    .return_window_us = proto.return_window_us(),
                    .kept_unshown = proto.kept_unshown(),
                    .in_cost = proto.in_cost()};
}

void ToProto(const ShadowRecord& shadow, pb::Shadow* proto) {
  proto->set_id(shadow.id);
  PolicyToProto(shadow.policy, proto);
  proto->set_exploration_floor(shadow.exploration_floor);
}

absl::Status FromProto(const pb::Shadow& proto, ShadowRecord* shadow) {
  shadow->id = proto.id();
  shadow->exploration_floor = proto.exploration_floor();
  return PolicyFromProto(proto, &shadow->policy);
}

template <typename Protos>
void FromProtos(const Protos& protos, std::vector<PositionRecord>* positions) {
  positions->reserve(static_cast<size_t>(protos.size()));
  for (const pb::Position& one : protos) FromProto(one, &positions->emplace_back());
}

}  // namespace

void DebitToProto(const Debit& debit, pb::Debit* proto) {
  proto->set_row(debit.row);
  proto->set_window_start_us(debit.window_start_us);
  proto->set_amount(debit.amount);
  proto->set_limit(debit.limit);
  proto->set_per_user(debit.per_user);
  proto->set_soft(debit.soft);
  proto->set_span_us(debit.span_us);
  if (debit.terms != DebitTerms{}) ToProto(debit.terms, proto->mutable_terms());
}

Debit DebitFromProto(const pb::Debit& proto) {
  return Debit{.row = proto.row(),
               .window_start_us = proto.window_start_us(),
               .amount = proto.amount(),
               .limit = proto.limit(),
               .per_user = proto.per_user(),
               .soft = proto.soft(),
               .span_us = proto.span_us(),
               .terms = FromProto(proto.terms())};
}

void ChoiceToProto(const DecisionRecord& record, pb::DecisionRecord* proto) {
  PolicyToProto(record.policy, proto);
  if (record.neutral_share != Share{}) {
    ShareToProto(record.neutral_share, proto->mutable_neutral_share());
  }
  proto->set_region(record.region);
  proto->set_relaxed(record.relaxed);
  for (const std::string& row : record.rows_in_scope) proto->add_rows_in_scope(row);
  proto->set_defer_until_us(record.defer_until_us);
  if (record.mode != Mode::kLive) proto->set_mode(EnumToProto<pb::Mode>(record.mode));
  proto->set_holdout_ticks(record.holdout_ticks);
  for (const ShadowRecord& one : record.shadows) ToProto(one, proto->add_shadows());
  for (const CandidateRecord& one : record.candidates) ToProto(one, proto->add_candidates());
  for (const PositionRecord& one : record.positions) ToProto(one, proto->add_positions());
  for (const PositionRecord& one : record.unserved) ToProto(one, proto->add_unserved());
}

absl::Status ChoiceFromProto(const pb::DecisionRecord& proto, DecisionRecord* record) {
  FULCRUM_RETURN_IF_ERROR(PolicyFromProto(proto, &record->policy));
  if (proto.has_neutral_share()) record->neutral_share = ShareFromProto(proto.neutral_share());
  record->region = proto.region();
  record->relaxed = proto.relaxed();
  record->rows_in_scope = {proto.rows_in_scope().begin(), proto.rows_in_scope().end()};
  record->defer_until_us = proto.defer_until_us();
  if (proto.mode() != pb::MODE_UNSPECIFIED) {
    FULCRUM_ASSIGN_OR_RETURN(record->mode, EnumFromProto(proto.mode(), Mode::kLogOnly, "mode"));
  }
  record->holdout_ticks = proto.holdout_ticks();
  for (const pb::Shadow& one : proto.shadows()) {
    FULCRUM_RETURN_IF_ERROR(FromProto(one, &record->shadows.emplace_back()));
  }
  record->candidates.reserve(static_cast<size_t>(proto.candidates_size()));
  for (const pb::Candidate& one : proto.candidates()) {
    FULCRUM_RETURN_IF_ERROR(FromProto(one, &record->candidates.emplace_back()));
  }
  FromProtos(proto.positions(), &record->positions);
  FromProtos(proto.unserved(), &record->unserved);
  return absl::OkStatus();
}

}  // namespace fulcrum::decision_log
