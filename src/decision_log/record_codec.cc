#include "decision_log/record_codec.h"

#include <bit>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "decision_log/choice_codec.h"
#include "decision_log/proto_enum.h"
#include "fulcrum/log/v1/decision_log.pb.h"

namespace fulcrum::decision_log {
namespace {

namespace pb = ::fulcrum::log::v1;

absl::StatusOr<DecisionId> IdFromProto(const std::string& bytes) {
  auto id = DecisionId::FromBytes(bytes);
  if (!id.ok()) return absl::DataLossError(id.status().message());
  return id;
}

void UserRefToProto(const UserRef& ref, std::string* bytes) {
  if (ref == UserRef{}) {
    bytes->clear();
  } else {
    bytes->assign(reinterpret_cast<const char*>(ref.data()), ref.size());
  }
}

absl::Status UserRefFromProto(const std::string& bytes, UserRef* ref) {
  *ref = UserRef{};
  if (bytes.empty()) return absl::OkStatus();
  if (bytes.size() != ref->size()) {
    return absl::DataLossError(
        absl::StrCat("user_ref has ", bytes.size(), " bytes instead of ", ref->size()));
  }
  std::memcpy(ref->data(), bytes.data(), ref->size());
  return absl::OkStatus();
}

void ToProto(const Versions& versions, pb::Versions* proto) {
  proto->set_bundle(versions.bundle);
  proto->set_model(versions.model);
  proto->set_schema(versions.schema);
  proto->set_posterior_lsn(versions.posterior_lsn);
  proto->set_price_version(versions.price_version);
}

Versions VersionsFromProto(const pb::Versions& proto) {
  return Versions{.bundle = proto.bundle(),
                  .model = proto.model(),
                  .schema = proto.schema(),
                  .posterior_lsn = proto.posterior_lsn(),
                  .price_version = proto.price_version()};
}

void ToProto(const StageTimes& times, pb::StageTimes* proto) {
  proto->set_edge_us(times.edge_us);
  proto->set_features_us(times.features_us);
  proto->set_scoring_us(times.scoring_us);
  proto->set_orchestration_us(times.orchestration_us);
  proto->set_log_us(times.log_us);
}

StageTimes TimesFromProto(const pb::StageTimes& proto) {
  return StageTimes{.edge_us = proto.edge_us(),
                    .features_us = proto.features_us(),
                    .scoring_us = proto.scoring_us(),
                    .orchestration_us = proto.orchestration_us(),
                    .log_us = proto.log_us()};
}

void ToProto(const DecisionRecord& record, pb::DecisionRecord* proto) {
  proto->set_decision_id(record.id.ToBytes());
  proto->set_request_id(record.request_id);
  proto->set_principal(record.principal);
  proto->set_surface(record.surface);
  UserRefToProto(record.user_ref, proto->mutable_user_ref());
  proto->set_occurred_us(record.occurred_us);
  proto->set_context_hash(record.context_hash);
  proto->set_segment(record.segment);
  proto->set_slate_size(record.slate_size);
  proto->set_answer(EnumToProto<pb::Answer>(record.answer));
  proto->set_degradation(EnumToProto<pb::Degradation>(record.degradation));
  proto->set_log_pending(record.log_pending);
  ToProto(record.versions, proto->mutable_versions());
  proto->set_neutral_known(record.neutral_known);
  proto->set_neutral_value(record.neutral_value);
  proto->set_neutral_alpha(record.neutral_alpha);
  proto->set_neutral_beta(record.neutral_beta);
  proto->set_neutral_mean(record.neutral_mean);
  proto->set_neutral_sd(record.neutral_sd);
  proto->set_log_odds(record.log_odds);
  proto->set_exploration_floor(record.exploration_floor);
  proto->set_features_missing(record.features_missing);
  proto->set_features_stale(record.features_stale);
  ToProto(record.times, proto->mutable_times());
  proto->set_latency_budget_us(record.latency_budget_us);
  proto->set_replayable(EnumToProto<pb::Replayable>(record.replayable));
  proto->set_replayable_reason(record.replayable_reason);
  proto->set_exposure_required(record.exposure_required);
  proto->set_exposure_window_us(record.exposure_window_us);
  proto->set_attribution_window_us(record.attribution_window_us);
  proto->set_reward_kind(record.reward_kind);
  // What every record once was takes no bytes.
  if (record.detail != Detail::kWhole) proto->set_detail(EnumToProto<pb::Detail>(record.detail));
  if (record.detail_ticks != kTicksTotal) proto->set_detail_ticks(record.detail_ticks);
  for (const std::string& rule : record.redacted) proto->add_redacted(rule);
  ChoiceToProto(record, proto);
}

absl::Status FromProto(const pb::DecisionRecord& proto, DecisionRecord* record) {
  FULCRUM_ASSIGN_OR_RETURN(record->id, IdFromProto(proto.decision_id()));
  record->request_id = proto.request_id();
  record->principal = proto.principal();
  record->surface = proto.surface();
  FULCRUM_RETURN_IF_ERROR(UserRefFromProto(proto.user_ref(), &record->user_ref));
  record->occurred_us = proto.occurred_us();
  record->context_hash = proto.context_hash();
  record->segment = proto.segment();
  record->slate_size = proto.slate_size();
  FULCRUM_ASSIGN_OR_RETURN(record->answer,
                           EnumFromProto(proto.answer(), Answer::kBaseline, "answer"));
  FULCRUM_ASSIGN_OR_RETURN(record->degradation,
                           EnumFromProto(proto.degradation(), Degradation::kPaused, "degradation"));
  record->log_pending = proto.log_pending();
  record->versions = VersionsFromProto(proto.versions());
  record->neutral_known = proto.neutral_known();
  record->neutral_value = proto.neutral_value();
  record->neutral_alpha = proto.neutral_alpha();
  record->neutral_beta = proto.neutral_beta();
  record->neutral_mean = proto.neutral_mean();
  record->neutral_sd = proto.neutral_sd();
  record->log_odds = proto.log_odds();
  record->exploration_floor = proto.exploration_floor();
  record->features_missing = proto.features_missing();
  record->features_stale = proto.features_stale();
  record->times = TimesFromProto(proto.times());
  record->latency_budget_us = proto.latency_budget_us();
  FULCRUM_ASSIGN_OR_RETURN(record->replayable,
                           EnumFromProto(proto.replayable(), Replayable::kFull, "replayable"));
  record->replayable_reason = proto.replayable_reason();
  record->exposure_required = proto.exposure_required();
  record->exposure_window_us = proto.exposure_window_us();
  record->attribution_window_us = proto.attribution_window_us();
  record->reward_kind = proto.reward_kind();
  if (proto.detail() != pb::DETAIL_UNSPECIFIED) {
    FULCRUM_ASSIGN_OR_RETURN(record->detail,
                             EnumFromProto(proto.detail(), Detail::kUnknown, "detail"));
  }
  if (proto.detail_ticks() != 0) record->detail_ticks = proto.detail_ticks();
  record->redacted.assign(proto.redacted().begin(), proto.redacted().end());
  return ChoiceFromProto(proto, record);
}

void ToProto(const ExposureRecord& record, pb::ExposureRecord* proto) {
  proto->set_decision_id(record.decision_id.ToBytes());
  proto->set_position(record.position);
  proto->set_occurred_us(record.occurred_us);
  proto->set_principal(record.principal);
}

absl::Status FromProto(const pb::ExposureRecord& proto, ExposureRecord* record) {
  record->position = proto.position();
  record->occurred_us = proto.occurred_us();
  record->principal = proto.principal();
  FULCRUM_ASSIGN_OR_RETURN(record->decision_id, IdFromProto(proto.decision_id()));
  return absl::OkStatus();
}

void ToProto(const OutcomeRecord& record, pb::OutcomeRecord* proto) {
  proto->set_decision_id(record.decision_id.ToBytes());
  proto->set_position(record.position);
  proto->set_outcome_id(record.outcome_id);
  proto->set_kind(record.kind);
  proto->set_value(record.value);
  proto->set_currency(record.currency);
  proto->set_occurred_us(record.occurred_us);
  proto->set_principal(record.principal);
  if (record.cost_micros.has_value()) proto->set_cost_micros(*record.cost_micros);
}

absl::Status FromProto(const pb::OutcomeRecord& proto, OutcomeRecord* record) {
  record->position = proto.position();
  record->outcome_id = proto.outcome_id();
  record->kind = proto.kind();
  record->value = proto.value();
  record->currency = proto.currency();
  record->occurred_us = proto.occurred_us();
  record->principal = proto.principal();
  if (proto.has_cost_micros()) record->cost_micros = proto.cost_micros();
  FULCRUM_ASSIGN_OR_RETURN(record->decision_id, IdFromProto(proto.decision_id()));
  return absl::OkStatus();
}

void ToProto(const SupersededRecord& record, pb::SupersededRecord* proto) {
  proto->set_decision_id(record.decision_id.ToBytes());
  proto->set_decision_lsn(record.decision_lsn);
  proto->set_served_action_id(record.served_action_id);
  for (const Debit& refund : record.refunds) DebitToProto(refund, proto->add_refunds());
  UserRefToProto(record.user_ref, proto->mutable_user_ref());
  proto->set_occurred_us(record.occurred_us);
}

absl::Status FromProto(const pb::SupersededRecord& proto, SupersededRecord* record) {
  record->decision_lsn = proto.decision_lsn();
  record->served_action_id = proto.served_action_id();
  record->occurred_us = proto.occurred_us();
  FULCRUM_ASSIGN_OR_RETURN(record->decision_id, IdFromProto(proto.decision_id()));
  FULCRUM_RETURN_IF_ERROR(UserRefFromProto(proto.user_ref(), &record->user_ref));
  for (const pb::Debit& refund : proto.refunds()) record->refunds.push_back(DebitFromProto(refund));
  return absl::OkStatus();
}

void ToProto(const UnshownRecord& record, pb::UnshownRecord* proto) {
  proto->set_decision_id(record.decision_id.ToBytes());
  proto->set_decision_lsn(record.decision_lsn);
  proto->mutable_positions()->Add(record.positions.begin(), record.positions.end());
  for (const Debit& refund : record.refunds) DebitToProto(refund, proto->add_refunds());
  UserRefToProto(record.user_ref, proto->mutable_user_ref());
  proto->set_occurred_us(record.occurred_us);
}

absl::Status FromProto(const pb::UnshownRecord& proto, UnshownRecord* record) {
  record->decision_lsn = proto.decision_lsn();
  record->positions.assign(proto.positions().begin(), proto.positions().end());
  record->occurred_us = proto.occurred_us();
  FULCRUM_ASSIGN_OR_RETURN(record->decision_id, IdFromProto(proto.decision_id()));
  FULCRUM_RETURN_IF_ERROR(UserRefFromProto(proto.user_ref(), &record->user_ref));
  for (const pb::Debit& refund : proto.refunds()) record->refunds.push_back(DebitFromProto(refund));
  return absl::OkStatus();
}

void ToProto(const SettlementRecord& record, pb::SettlementRecord* proto) {
  proto->set_decision_id(record.decision_id.ToBytes());
  proto->set_decision_lsn(record.decision_lsn);
  proto->set_position(record.position);
  for (const Debit& refund : record.refunds) DebitToProto(refund, proto->add_refunds());
  UserRefToProto(record.user_ref, proto->mutable_user_ref());
  proto->set_cause(EnumToProto<pb::SettlementCause>(record.cause));
  proto->set_cause_lsn(record.cause_lsn);
  proto->set_occurred_us(record.occurred_us);
}

absl::Status FromProto(const pb::SettlementRecord& proto, SettlementRecord* record) {
  FULCRUM_ASSIGN_OR_RETURN(record->decision_id, IdFromProto(proto.decision_id()));
  record->decision_lsn = proto.decision_lsn();
  record->position = proto.position();
  for (const pb::Debit& refund : proto.refunds()) record->refunds.push_back(DebitFromProto(refund));
  FULCRUM_RETURN_IF_ERROR(UserRefFromProto(proto.user_ref(), &record->user_ref));
  FULCRUM_ASSIGN_OR_RETURN(record->cause,
                           EnumFromProto(proto.cause(), SettlementCause::kCorrected, "cause"));
  record->cause_lsn = proto.cause_lsn();
  record->occurred_us = proto.occurred_us();
  return absl::OkStatus();
}

void ToProto(const PosteriorUpdateRecord& record, pb::PosteriorUpdateRecord* proto) {
  proto->set_folded_lsn(record.folded_lsn);
  proto->set_bundle(record.bundle);
  proto->set_model(record.model);
  proto->set_digest(record.digest);
  proto->set_occurred_us(record.occurred_us);
}

absl::Status FromProto(const pb::PosteriorUpdateRecord& proto, PosteriorUpdateRecord* record) {
  *record = PosteriorUpdateRecord{.folded_lsn = proto.folded_lsn(),
                                  .bundle = proto.bundle(),
                                  .model = proto.model(),
                                  .digest = proto.digest(),
                                  .occurred_us = proto.occurred_us()};
  return absl::OkStatus();
}

void ToProto(const PriceUpdateRecord& record, pb::PriceUpdateRecord* proto) {
  proto->set_version(record.version);
  for (const Price& price : record.prices) {
    pb::Price* const one = proto->add_prices();
    one->set_row(price.row);
    one->set_window_start_us(price.window_start_us);
    one->set_price(price.price);
  }
  proto->set_occurred_us(record.occurred_us);
}

absl::Status FromProto(const pb::PriceUpdateRecord& proto, PriceUpdateRecord* record) {
  *record = {.version = proto.version(), .occurred_us = proto.occurred_us()};
  for (const pb::Price& one : proto.prices()) {
    record->prices.push_back(
        {.row = one.row(), .window_start_us = one.window_start_us(), .price = one.price()});
  }
  return absl::OkStatus();
}

void ToProto(const LeaseRecord& record, pb::LeaseRecord* proto) {
  proto->set_row(record.row);
  proto->set_window_start_us(record.window_start_us);
  proto->set_amount(record.amount);
  proto->set_leased(record.leased);
  proto->set_limit(record.limit);
  proto->set_occurred_us(record.occurred_us);
}

absl::Status FromProto(const pb::LeaseRecord& proto, LeaseRecord* record) {
  *record = LeaseRecord{.row = proto.row(),
                        .window_start_us = proto.window_start_us(),
                        .amount = proto.amount(),
                        .leased = proto.leased(),
                        .limit = proto.limit(),
                        .occurred_us = proto.occurred_us()};
  return absl::OkStatus();
}

void ToProto(const IdentityRecord& record, pb::IdentityRecord* proto) {
  proto->set_change(static_cast<pb::IdentityChange>(record.change));
  UserRefToProto(record.user_ref, proto->mutable_user_ref());
  UserRefToProto(record.into, proto->mutable_into());
  proto->set_occurred_us(record.occurred_us);
}

absl::Status FromProto(const pb::IdentityRecord& proto, IdentityRecord* record) {
  if (proto.change() != pb::IDENTITY_CHANGE_MERGED &&
      proto.change() != pb::IDENTITY_CHANGE_PURGED) {
    return absl::DataLossError(absl::StrCat("change ", proto.change(), " is unknown"));
  }
  record->change = static_cast<IdentityChange>(proto.change());
  record->occurred_us = proto.occurred_us();
  FULCRUM_RETURN_IF_ERROR(UserRefFromProto(proto.user_ref(), &record->user_ref));
  return UserRefFromProto(proto.into(), &record->into);
}

void ToProto(const AuditRecord& record, pb::AuditRecord* proto) {
  proto->set_actor(record.actor);
  proto->set_action(record.action);
  proto->set_target(record.target);
  for (const AuditDetail& detail : record.details) {
    pb::AuditDetail* const one = proto->add_details();
    one->set_name(detail.name);
    one->set_value(detail.value);
  }
  proto->set_occurred_us(record.occurred_us);
}

absl::Status FromProto(const pb::AuditRecord& proto, AuditRecord* record) {
  *record = {.actor = proto.actor(), .action = proto.action(), .target = proto.target()};
  for (const pb::AuditDetail& one : proto.details()) {
    record->details.push_back({.name = one.name(), .value = one.value()});
  }
  record->occurred_us = proto.occurred_us();
  return absl::OkStatus();
}

// Whoever reads a log parses the same few types again and again, and a cleared message keeps the
// memory of its strings and arrays; to get that anew for each record took a third of the time of
// drawing a log's decisions again. A payload of unusual length gets a message of its own, so that
// no thread keeps more than this.
constexpr size_t kReusedBytesMax = size_t{64} << 10;

// Calls `use` with an empty message.
template <typename Proto, typename Use>
auto WithMessage(size_t payload_bytes, const Use& use) {
  if (payload_bytes > kReusedBytesMax) {
    Proto own;
    return use(&own);
  }
  thread_local Proto reused;
  reused.Clear();
  return use(&reused);
}

template <typename Proto, typename Record>
absl::Status Decode(std::string_view payload, LogEvent* event) {
  return WithMessage<Proto>(payload.size(), [&](Proto* message) -> absl::Status {
    if (!message->ParseFromArray(payload.data(), static_cast<int>(payload.size()))) {
      return absl::DataLossError(
          absl::StrCat("the payload is not a ", Proto::descriptor()->full_name()));
    }
    return FromProto(*message, &event->emplace<Record>());
  });
}

absl::Status DecodeEvent(RecordType type, std::string_view payload, LogEvent* event) {
  switch (type) {
    case RecordType::kDecision:
      return Decode<pb::DecisionRecord, DecisionRecord>(payload, event);
    case RecordType::kExposure:
      return Decode<pb::ExposureRecord, ExposureRecord>(payload, event);
    case RecordType::kOutcome:
      return Decode<pb::OutcomeRecord, OutcomeRecord>(payload, event);
    case RecordType::kSuperseded:
      return Decode<pb::SupersededRecord, SupersededRecord>(payload, event);
    case RecordType::kUnshown:
      return Decode<pb::UnshownRecord, UnshownRecord>(payload, event);
    case RecordType::kPosteriorUpdate:
      return Decode<pb::PosteriorUpdateRecord, PosteriorUpdateRecord>(payload, event);
    case RecordType::kPriceUpdate:
      return Decode<pb::PriceUpdateRecord, PriceUpdateRecord>(payload, event);
    case RecordType::kLease:
      return Decode<pb::LeaseRecord, LeaseRecord>(payload, event);
    case RecordType::kAudit:
      return Decode<pb::AuditRecord, AuditRecord>(payload, event);
    case RecordType::kIdentity:
      return Decode<pb::IdentityRecord, IdentityRecord>(payload, event);
    case RecordType::kSettlement:
      return Decode<pb::SettlementRecord, SettlementRecord>(payload, event);
    default:
      return absl::DataLossError(
          absl::StrCat("a record of type ", static_cast<int>(type), " is not an event"));
  }
}

}  // namespace

RecordType TypeOf(const LogEvent& event) {
  constexpr RecordType kTypes[] = {
      RecordType::kDecision,    RecordType::kExposure,  RecordType::kOutcome,
      RecordType::kSuperseded,  RecordType::kUnshown,   RecordType::kPosteriorUpdate,
      RecordType::kPriceUpdate, RecordType::kLease,     RecordType::kAudit,
      RecordType::kIdentity,    RecordType::kSettlement};
  static_assert(std::variant_size_v<LogEvent> == std::size(kTypes));
  return kTypes[event.index()];
}

// Clearing a message keeps the memory of its strings and arrays.
struct RecordEncoder::Scratch {
  pb::DecisionRecord decision;
  pb::ExposureRecord exposure;
  pb::OutcomeRecord outcome;
  pb::SupersededRecord superseded;
  pb::UnshownRecord unshown;
  pb::PosteriorUpdateRecord posterior_update;
  pb::PriceUpdateRecord price_update;
  pb::LeaseRecord lease;
  pb::AuditRecord audit;
  pb::IdentityRecord identity;
  pb::SettlementRecord settlement;
  pb::FeatureSnapshot snapshot;
  std::string payload;

  pb::DecisionRecord* For(const DecisionRecord&) { return &decision; }
  pb::ExposureRecord* For(const ExposureRecord&) { return &exposure; }
  pb::OutcomeRecord* For(const OutcomeRecord&) { return &outcome; }
  pb::SupersededRecord* For(const SupersededRecord&) { return &superseded; }
  pb::UnshownRecord* For(const UnshownRecord&) { return &unshown; }
  pb::PosteriorUpdateRecord* For(const PosteriorUpdateRecord&) { return &posterior_update; }
  pb::PriceUpdateRecord* For(const PriceUpdateRecord&) { return &price_update; }
  pb::LeaseRecord* For(const LeaseRecord&) { return &lease; }
  pb::AuditRecord* For(const AuditRecord&) { return &audit; }
  pb::IdentityRecord* For(const IdentityRecord&) { return &identity; }
  pb::SettlementRecord* For(const SettlementRecord&) { return &settlement; }

  template <typename Proto>
  std::string_view Serialize(const Proto& proto) {
    payload.clear();
    FULCRUM_CHECK(proto.AppendToString(&payload));
    return payload;
  }
};

RecordEncoder::RecordEncoder() : scratch_(std::make_unique<Scratch>()) {}
RecordEncoder::~RecordEncoder() = default;

std::string_view RecordEncoder::Encode(const LogEvent& event) {
  return std::visit(
      [this](const auto& record) {
        auto* const proto = scratch_->For(record);
        proto->Clear();
        ToProto(record, proto);
        return scratch_->Serialize(*proto);
      },
      event);
}

std::string_view RecordEncoder::Encode(const FeatureSnapshot& snapshot) {
  pb::FeatureSnapshot* const proto = &scratch_->snapshot;
  proto->Clear();
  proto->set_decision_id(snapshot.decision_id.ToBytes());
  proto->set_model(snapshot.model);
  proto->set_columns(snapshot.columns);
  proto->mutable_value_bits()->Reserve(static_cast<int>(snapshot.values.size()));
  for (const double value : snapshot.values) {
    proto->mutable_value_bits()->AddAlreadyReserved(std::bit_cast<uint64_t>(value));
  }
  for (const double term : snapshot.basis) {
    proto->add_basis_bits(std::bit_cast<uint64_t>(term));
  }
  for (const uint32_t column : snapshot.masked_columns) proto->add_masked_columns(column);
  return scratch_->Serialize(*proto);
}

absl::StatusOr<LogEvent> DecodeEvent(RecordType type, std::string_view payload) {
  LogEvent event;
  FULCRUM_RETURN_IF_ERROR(DecodeEvent(type, payload, &event));
  return event;
}

absl::Status ParseEvent(RecordType type, std::string_view payload, LogEvent* event) {
  FULCRUM_RETURN_IF_ERROR(DecodeEvent(type, payload, event));
  const absl::Status check = CheckEvent(*event);
  return check.ok() ? check : absl::DataLossError(check.message());
}

absl::StatusOr<LogEvent> ParseEvent(RecordType type, std::string_view payload) {
  LogEvent event;
  FULCRUM_RETURN_IF_ERROR(ParseEvent(type, payload, &event));
  return event;
}

namespace {

absl::StatusOr<FeatureSnapshot> DecodeSnapshot(std::string_view payload,
                                               pb::FeatureSnapshot* proto) {
  if (!proto->ParseFromArray(payload.data(), static_cast<int>(payload.size()))) {
    return absl::DataLossError("the payload is not a fulcrum.log.v1.FeatureSnapshot");
  }
  FeatureSnapshot snapshot;
  snapshot.model = proto->model();
  snapshot.columns = proto->columns();
  FULCRUM_ASSIGN_OR_RETURN(snapshot.decision_id, IdFromProto(proto->decision_id()));
  snapshot.values.reserve(static_cast<size_t>(proto->value_bits_size()));
  for (const uint64_t bits : proto->value_bits()) {
    snapshot.values.push_back(std::bit_cast<double>(bits));
  }
  for (const uint64_t bits : proto->basis_bits()) {
    snapshot.basis.push_back(std::bit_cast<double>(bits));
  }
  snapshot.masked_columns.assign(proto->masked_columns().begin(), proto->masked_columns().end());
  return snapshot;
}

}  // namespace

absl::StatusOr<FeatureSnapshot> ParseSnapshot(std::string_view payload) {
  FULCRUM_ASSIGN_OR_RETURN(
      FeatureSnapshot snapshot,
      WithMessage<pb::FeatureSnapshot>(payload.size(), [&](pb::FeatureSnapshot* message) {
        return DecodeSnapshot(payload, message);
      }));
  const absl::Status check = CheckSnapshot(snapshot);
  if (!check.ok()) return absl::DataLossError(check.message());
  return snapshot;
}

}  // namespace fulcrum::decision_log
