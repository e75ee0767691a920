// The state of the charges to and from bytes: a ChargesState, then the open decisions by LSN, as
// messages of proto/fulcrum/log/v1/charges.proto.
#include <algorithm>
#include <array>
#include <cstring>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "decision_log/charges.h"
#include "decision_log/choice_codec.h"
#include "decision_log/proto_enum.h"
#include "decision_log/state_messages.h"
#include "fulcrum/log/v1/charges.pb.h"

namespace fulcrum::decision_log {
namespace {

namespace pb = ::fulcrum::log::v1;

// The counters in the order in which they are stored.
constexpr std::array kCounters = {
    &ChargeStats::decisions,         &ChargeStats::outcomes,         &ChargeStats::outcomes_late,
    &ChargeStats::outcomes_repeated, &ChargeStats::costs_above,      &ChargeStats::returns,
    &ChargeStats::returns_late,      &ChargeStats::returns_repeated, &ChargeStats::window_closed,
    &ChargeStats::returned,          &ChargeStats::unshown,          &ChargeStats::corrected};

absl::Status Damaged(const OpenCharges& decision, const char* what) {
  return absl::DataLossError(absl::StrCat("charges: decision ", decision.id.ToString(), " of LSN ",
                                          decision.lsn, " ", what));
}

void ToProto(const OpenCharge& charge, pb::OpenCharge* proto) {
  DebitToProto(charge.debit, proto->mutable_debit());
  proto->set_given(charge.given);
  proto->set_missing(charge.missing);
  if (charge.returned_us.has_value()) proto->set_returned_us(*charge.returned_us);
  if (charge.cause_lsn == 0) return;
  proto->set_cause_lsn(charge.cause_lsn);
  proto->set_cause(EnumToProto<pb::SettlementCause>(charge.cause));
}

void ToProto(const OpenCharges& decision, pb::OpenCharges* proto) {
  proto->set_lsn(decision.lsn);
  proto->set_decision_id(decision.id.ToBytes());
  if (decision.user_ref != UserRef{}) {
    proto->set_user_ref(decision.user_ref.data(), decision.user_ref.size());
  }
  proto->set_occurred_us(decision.occurred_us);
  proto->set_attribution_window_us(decision.attribution_window_us);
  proto->set_exposure_window_us(decision.exposure_window_us);
  proto->set_slate(decision.slate);
  for (const ChargedPosition& position : decision.positions) {
    pb::ChargedPosition* const added = proto->add_positions();
    added->set_position(position.position);
    added->set_awaits_exposure(position.awaits_exposure);
    for (const OpenCharge& charge : position.charges) ToProto(charge, added->add_charges());
  }
  for (const OpenCharges::Outcome& outcome : decision.outcomes) {
    pb::ChargingOutcome* const added = proto->add_outcomes();
    added->set_position(outcome.position);
    added->set_kind(outcome.kind);
    added->set_id(outcome.id);
    added->set_first_us(outcome.first_us);
    added->set_occurred_us(outcome.occurred_us);
    if (outcome.cost_micros.has_value()) added->set_cost_micros(*outcome.cost_micros);
  }
}

absl::StatusOr<OpenCharge> FromProto(const OpenCharges& decision, const pb::OpenCharge& proto) {
  OpenCharge charge;
  charge.debit = DebitFromProto(proto.debit());
  const Debit& debit = charge.debit;
  if (debit.row.empty() || debit.amount <= 0 || debit.limit < 0 || !IsFollowed(debit.terms) ||
      debit.terms.return_window_us < 0) {
    return Damaged(decision, "has an impossible debit");
  }
  charge.given = proto.given();
  if (charge.given < 0 || charge.given > debit.amount) {
    return Damaged(decision, "has given back what it had not taken");
  }
  charge.missing = proto.missing();
  if (proto.has_returned_us()) charge.returned_us = proto.returned_us();
  charge.cause_lsn = proto.cause_lsn();
  if (charge.cause_lsn == 0) return charge;
  FULCRUM_ASSIGN_OR_RETURN(
      charge.cause, EnumFromProto(proto.cause(), SettlementCause::kCorrected, "charges: a cause"));
  return charge;
}

absl::Status ReadPositions(const pb::OpenCharges& proto, OpenCharges* decision) {
  uint32_t last = 0;
  for (const pb::ChargedPosition& one : proto.positions()) {
    if (one.position() <= last || one.position() > decision->slate || one.charges().empty()) {
      return Damaged(*decision, "has an impossible position");
    }
    ChargedPosition position;
    position.position = last = one.position();
    position.awaits_exposure = one.awaits_exposure();
    for (const pb::OpenCharge& charge : one.charges()) {
      FULCRUM_ASSIGN_OR_RETURN(OpenCharge read, FromProto(*decision, charge));
      position.charges.push_back(std::move(read));
    }
    decision->positions.push_back(std::move(position));
  }
  if (decision->positions.empty()) return Damaged(*decision, "has no position");
  return absl::OkStatus();
}

absl::Status ReadOutcomes(const pb::OpenCharges& proto, OpenCharges* decision) {
  for (const pb::ChargingOutcome& one : proto.outcomes()) {
    if (one.position() > decision->slate || one.cost_micros() < 0 ||
        one.first_us() > one.occurred_us()) {
      return Damaged(*decision, "has an impossible outcome");
    }
    OpenCharges::Outcome outcome = {one.position(), one.kind(),        one.id(),
                                    one.first_us(), one.occurred_us(), {}};
    if (one.has_cost_micros()) outcome.cost_micros = one.cost_micros();
    if (!decision->outcomes.empty()) {
      const OpenCharges::Outcome& before = decision->outcomes.back();
      if (std::tie(before.position, before.kind, before.id) >=
          std::tie(outcome.position, outcome.kind, outcome.id)) {
        return Damaged(*decision, "has outcomes out of order");
      }
    }
    decision->outcomes.push_back(std::move(outcome));
  }
  return absl::OkStatus();
}

absl::StatusOr<OpenCharges> FromProto(const pb::OpenCharges& proto) {
  OpenCharges decision;
  decision.lsn = proto.lsn();
  auto id = DecisionId::FromBytes(proto.decision_id());
  if (!id.ok()) return absl::DataLossError(absl::StrCat("charges: ", id.status().message()));
  decision.id = *id;
  if (!proto.user_ref().empty()) {
    if (proto.user_ref().size() != decision.user_ref.size()) {
      return Damaged(decision, "has a user reference of the wrong length");
    }
    std::memcpy(decision.user_ref.data(), proto.user_ref().data(), decision.user_ref.size());
  }
  decision.occurred_us = proto.occurred_us();
  decision.attribution_window_us = proto.attribution_window_us();
  decision.exposure_window_us = proto.exposure_window_us();
  decision.slate = proto.slate();
  FULCRUM_RETURN_IF_ERROR(ReadPositions(proto, &decision));
  FULCRUM_RETURN_IF_ERROR(ReadOutcomes(proto, &decision));
  return decision;
}

}  // namespace

std::string Charges::Serialise() const {
  std::vector<const OpenCharges*> by_lsn;
  by_lsn.reserve(open_.size());
  for (const auto& [id, decision] : open_) by_lsn.push_back(decision.get());
  std::sort(by_lsn.begin(), by_lsn.end(),
            [](const OpenCharges* a, const OpenCharges* b) { return a->lsn < b->lsn; });
  pb::ChargesState state;
  state.set_lsn(lsn_);
  state.set_latest_us(latest_us_);
  state.set_decisions(by_lsn.size());
  for (const auto counter : kCounters) state.add_stats(stats_.*counter);
  std::string bytes;
  PutMessage(state, &bytes);
  pb::OpenCharges message;
  for (const OpenCharges* const decision : by_lsn) {
    message.Clear();
    ToProto(*decision, &message);
    PutMessage(message, &bytes);
  }
  return bytes;
}

absl::StatusOr<Charges> Charges::Parse(std::string_view bytes) {
  pb::ChargesState state;
  FULCRUM_RETURN_IF_ERROR(TakeMessage("charges", &bytes, &state));
  if (state.stats_size() != static_cast<int>(kCounters.size())) {
    return absl::DataLossError(
        absl::StrCat("charges: ", state.stats_size(), " counters, not ", kCounters.size()));
  }
  Charges charges;
  charges.lsn_ = state.lsn();
  charges.latest_us_ = state.latest_us();
  for (size_t i = 0; i < kCounters.size(); ++i) {
    charges.stats_.*kCounters[i] = state.stats(static_cast<int>(i));
  }
  Lsn last = 0;
  pb::OpenCharges message;
  for (uint64_t i = 0; i < state.decisions(); ++i) {
    FULCRUM_RETURN_IF_ERROR(TakeMessage("charges", &bytes, &message));
    FULCRUM_ASSIGN_OR_RETURN(OpenCharges decision, FromProto(message));
    if (decision.lsn <= last || decision.lsn > charges.lsn_) {
      return Damaged(decision, "is out of order");
    }
    last = decision.lsn;
    charges.Index(decision);
    const DecisionId id = decision.id;
    if (!charges.open_.emplace(id, std::make_unique<OpenCharges>(std::move(decision))).second) {
      return absl::DataLossError(
          absl::StrCat("charges: decision ", id.ToString(), " is there twice"));
    }
  }
  if (bytes.empty()) return charges;
  return absl::DataLossError("charges: goes on behind its last decision");
}

}  // namespace fulcrum::decision_log
