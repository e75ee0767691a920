// The join's state to and from bytes: a RewardJoinState, then the open decisions by LSN, as
// messages of proto/fulcrum/log/v1/reward_join.proto.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "decision_log/choice_codec.h"
#include "decision_log/reward_join.h"
#include "decision_log/state_messages.h"
#include "fulcrum/log/v1/reward_join.pb.h"

namespace fulcrum::decision_log {
namespace {

namespace pb = ::fulcrum::log::v1;

// The counters in the order in which they are stored.
constexpr std::array kCounters = {&JoinStats::decisions,      &JoinStats::exposures,
                                  &JoinStats::exposures_late, &JoinStats::exposures_repeated,
                                  &JoinStats::unshown,        &JoinStats::outcomes,
                                  &JoinStats::outcomes_late,  &JoinStats::outcomes_repeated,
                                  &JoinStats::outcomes_other, &JoinStats::unknown,
                                  &JoinStats::settled,        &JoinStats::corrected};

absl::Status Damaged(const OpenDecision& decision, const char* what) {
  return absl::DataLossError(absl::StrCat("reward join: decision ", decision.id.ToString(),
                                          " of LSN ", decision.lsn, " ", what));
}

void ToProto(const OpenDecision::Position& position, pb::OpenPosition* proto) {
  proto->set_action_id(position.action_id);
  proto->set_shown(static_cast<pb::Shown>(static_cast<int>(position.shown) + 1));
  proto->set_settled(position.settled);
  proto->mutable_basis()->Add(position.basis.begin(), position.basis.end());
  for (const Debit& debit : position.debits) DebitToProto(debit, proto->add_debits());
}

void ToProto(const OpenDecision& decision, pb::OpenDecision* proto) {
  proto->set_lsn(decision.lsn);
  proto->set_decision_id(decision.id.ToBytes());
  proto->set_surface(decision.surface);
  proto->set_segment(decision.segment);
  proto->set_reward_kind(decision.reward_kind);
  if (decision.user_ref != UserRef{}) {
    proto->set_user_ref(decision.user_ref.data(), decision.user_ref.size());
  }
  proto->set_occurred_us(decision.occurred_us);
  proto->set_exposure_window_us(decision.exposure_window_us);
  proto->set_attribution_window_us(decision.attribution_window_us);
  proto->set_closed(decision.closed);
  for (const auto& position : decision.positions) ToProto(position, proto->add_positions());
  for (const OpenDecision::Outcome& outcome : decision.outcomes) {
    pb::StandingOutcome* const added = proto->add_outcomes();
    added->set_id(outcome.id);
    added->set_position(outcome.position);
    added->set_occurred_us(outcome.occurred_us);
    added->set_value(outcome.value);
    added->set_first_us(outcome.first_us);
  }
}

absl::StatusOr<OpenDecision::Position> FromProto(const OpenDecision& decision,
                                                 const pb::OpenPosition& proto) {
  OpenDecision::Position position;
  if (proto.shown() < pb::SHOWN_PENDING || proto.shown() > pb::SHOWN_MISSING) {
    return Damaged(decision, "has a position of which is not said whether it was shown");
  }
  position.action_id = proto.action_id();
  position.shown = static_cast<Shown>(proto.shown() - pb::SHOWN_PENDING);
  position.settled = proto.settled();
  if (position.settled != (decision.closed && position.shown == Shown::kShown)) {
    return Damaged(decision, "has a position that is settled out of turn");
  }
  for (const double term : proto.basis()) {
    if (!std::isfinite(term)) return Damaged(decision, "has a basis that is not finite");
    position.basis.push_back(term);
  }
  if (!proto.debits().empty() && position.shown != Shown::kPending) {
    return Damaged(decision, "has debits of a position that is not pending any more");
  }
  for (const pb::Debit& debit : proto.debits()) {
    if (debit.row().empty() || debit.amount() <= 0 || debit.limit() < 0) {
      return Damaged(decision, "has an impossible debit");
    }
    position.debits.push_back(DebitFromProto(debit));
  }
  return position;
}

absl::Status ReadOutcomes(const pb::OpenDecision& proto, OpenDecision* decision) {
  for (const pb::StandingOutcome& one : proto.outcomes()) {
    if (one.position() == 0 || one.position() > decision->positions.size() ||
        !std::isfinite(one.value()) || one.first_us() > one.occurred_us()) {
      return Damaged(*decision, "has an impossible outcome");
    }
    if (!decision->outcomes.empty()) {
      const OpenDecision::Outcome& last = decision->outcomes.back();
      if (std::tie(last.position, last.id) >= std::forward_as_tuple(one.position(), one.id())) {
        return Damaged(*decision, "has outcomes out of order");
      }
    }
    decision->outcomes.push_back(
        {one.id(), one.position(), one.first_us(), one.occurred_us(), one.value()});
  }
  return absl::OkStatus();
}

absl::StatusOr<OpenDecision> FromProto(const pb::OpenDecision& proto) {
  OpenDecision decision;
  decision.lsn = proto.lsn();
  auto id = DecisionId::FromBytes(proto.decision_id());
  if (!id.ok()) return absl::DataLossError(absl::StrCat("reward join: ", id.status().message()));
  decision.id = *id;
  decision.surface = proto.surface();
  decision.segment = proto.segment();
  decision.reward_kind = proto.reward_kind();
  if (!proto.user_ref().empty()) {
    if (proto.user_ref().size() != decision.user_ref.size()) {
      return Damaged(decision, "has a user reference of the wrong length");
    }
    std::memcpy(decision.user_ref.data(), proto.user_ref().data(), decision.user_ref.size());
  }
  decision.occurred_us = proto.occurred_us();
  decision.exposure_window_us = proto.exposure_window_us();
  decision.attribution_window_us = proto.attribution_window_us();
  decision.closed = proto.closed();
  if (proto.positions().empty()) return Damaged(decision, "has no position");
  for (const pb::OpenPosition& one : proto.positions()) {
    FULCRUM_ASSIGN_OR_RETURN(OpenDecision::Position position, FromProto(decision, one));
    decision.positions.push_back(std::move(position));
  }
  FULCRUM_RETURN_IF_ERROR(ReadOutcomes(proto, &decision));
  return decision;
}

}  // namespace

std::string RewardJoin::Serialise() const {
  std::vector<const OpenDecision*> by_lsn;
  by_lsn.reserve(open_.size());
  for (const auto& [id, decision] : open_) by_lsn.push_back(decision.get());
  std::sort(by_lsn.begin(), by_lsn.end(),
            [](const OpenDecision* a, const OpenDecision* b) { return a->lsn < b->lsn; });
  pb::RewardJoinState state;
  state.set_lsn(lsn_);
  state.set_latest_us(latest_us_);
  state.set_decisions(by_lsn.size());
  for (const auto counter : kCounters) state.add_stats(stats_.*counter);
  std::string bytes;
  PutMessage(state, &bytes);
  pb::OpenDecision message;
  for (const OpenDecision* const decision : by_lsn) {
    message.Clear();
    ToProto(*decision, &message);
    PutMessage(message, &bytes);
  }
  return bytes;
}

absl::StatusOr<RewardJoin> RewardJoin::Parse(std::string_view bytes) {
  pb::RewardJoinState state;
  FULCRUM_RETURN_IF_ERROR(TakeMessage("reward join", &bytes, &state));
  if (state.stats_size() != static_cast<int>(kCounters.size())) {
    return absl::DataLossError(
        absl::StrCat("reward join: ", state.stats_size(), " counters, not ", kCounters.size()));
  }
  RewardJoin join;
  join.lsn_ = state.lsn();
  join.latest_us_ = state.latest_us();
  for (size_t i = 0; i < kCounters.size(); ++i) {
    join.stats_.*kCounters[i] = state.stats(static_cast<int>(i));
  }
  Lsn last = 0;
  pb::OpenDecision message;
  for (uint64_t i = 0; i < state.decisions(); ++i) {
    FULCRUM_RETURN_IF_ERROR(TakeMessage("reward join", &bytes, &message));
    FULCRUM_ASSIGN_OR_RETURN(OpenDecision decision, FromProto(message));
    if (decision.lsn <= last || decision.lsn > join.lsn_) {
      return Damaged(decision, "is out of order");
    }
    last = decision.lsn;
    join.Index(decision);
    const DecisionId id = decision.id;
    if (!join.open_.emplace(id, std::make_unique<OpenDecision>(std::move(decision))).second) {
      return absl::DataLossError(
          absl::StrCat("reward join: decision ", id.ToString(), " is there twice"));
    }
  }
  if (bytes.empty()) return join;
  return absl::DataLossError("reward join: goes on behind its last decision");
}

}  // namespace fulcrum::decision_log
