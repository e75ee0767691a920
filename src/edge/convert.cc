#include "edge/convert.h"

#include <cmath>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "edge/timestamp.h"

namespace fulcrum::edge {
namespace {

constexpr uint32_t kPositionMax = 10;
constexpr size_t kWordBytesMax = 64;
constexpr int64_t kCostMicrosMax = int64_t{1'000'000} * 1'000'000;

void SetMicros(int64_t microseconds, google::protobuf::Duration* duration) {
  duration->set_seconds(microseconds / 1000000);
  duration->set_nanos(static_cast<int32_t>(microseconds % 1000000) * 1000);
}

std::string Hex(uint64_t version) {
  return version == 0 ? std::string() : std::string(absl::StrFormat("%016x", version));
}

const char* ReasonOf(Answer answer, const decider::ServedAction& served) {
  switch (answer) {
    case Answer::kFull:
    case Answer::kDegraded:
      return served.ticks == kTicksTotal ? "sole_candidate" : "sampled";
    case Answer::kHeldOut:
      return "held_out";
    case Answer::kBaseline:
      return "baseline";
    default:
      return "fallback";
  }
}

void FillActions(const decider::Reply& reply, v1::DecideResponse* response) {
  uint32_t position = 0;
  double joint = 1;
  for (const decider::ServedAction& served : reply.actions) {
    v1::DecidedAction* action = response->add_actions();
    action->set_action_id(served.action_id);
    action->set_position(++position);
    action->set_propensity_ticks(served.ticks);
    action->set_propensity(PropensityOf(served.ticks));
    joint *= PropensityOf(served.ticks);
    action->set_marginal_propensity(served.marginal);
    if (served.score) action->set_score(*served.score);
    if (served.uplift) action->set_uplift(*served.uplift);
    action->add_reason_codes(ReasonOf(reply.answer, served));
  }
  response->set_joint_propensity(joint);
}

void FillTiming(const decider::Reply& reply, v1::Timing* timing) {
  SetMicros(reply.times.edge_us, timing->mutable_edge());
  SetMicros(reply.times.features_us, timing->mutable_features());
  SetMicros(reply.times.scoring_us, timing->mutable_scoring());
  SetMicros(reply.times.orchestration_us, timing->mutable_orchestration());
  SetMicros(reply.times.log_us, timing->mutable_log());
  SetMicros(reply.total_us, timing->mutable_total());
}

absl::StatusOr<int64_t> MicrosOf(bool present, const google::protobuf::Timestamp& stamp,
                                 absl::Time now) {
  if (!present) return absl::ToUnixMicros(now);
  FULCRUM_ASSIGN_OR_RETURN(const absl::Time occurred, OccurredAt(stamp));
  return absl::ToUnixMicros(occurred);
}

absl::StatusOr<DecisionId> DecisionIdOf(const std::string& text) {
  auto id = DecisionId::Parse(text);
  if (!id.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("decision_id: ", id.status().message()));
  }
  return id;
}

absl::Status CheckPosition(uint32_t position, uint32_t least) {
  if (position >= least && position <= kPositionMax) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("position: ", position, " is not in ", least, "..", kPositionMax));
}

absl::Status CheckWord(const char* field, const std::string& word) {
  if (!word.empty() && word.size() <= kWordBytesMax) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(field, ": must have 1 to 64 bytes"));
}

}  // namespace

void FillResponse(const decider::Reply& reply, v1::DecideResponse* response) {
  response->set_decision_id(reply.id.ToString());
  FillActions(reply, response);
  v1::PolicySignature* signature = response->mutable_signature();
  signature->set_bundle(Hex(reply.versions.bundle));
  signature->set_model(Hex(reply.versions.model));
  signature->set_schema(reply.versions.schema);
  signature->set_posterior_lsn(reply.versions.posterior_lsn);
  FillTiming(reply, response->mutable_timing());
  response->set_degraded(reply.degradation != Degradation::kNone);
  // The two enums have the same numbers (static_assert below).
  response->set_degradation_reason(static_cast<v1::DegradationReason>(reply.degradation));
  response->set_log_pending(reply.log_pending);
  response->set_features_missing(reply.features_missing);
  response->set_features_stale(reply.features_stale);
  if (reply.defer_until_us != 0) {
    SetTimestamp(absl::FromUnixMicros(reply.defer_until_us), response->mutable_defer_until());
  }
}

static_assert(static_cast<int>(Degradation::kDeadline) == v1::DEGRADATION_REASON_DEADLINE);
static_assert(static_cast<int>(Degradation::kFeatureError) == v1::DEGRADATION_REASON_FEATURE_ERROR);
static_assert(static_cast<int>(Degradation::kFeatureStale) == v1::DEGRADATION_REASON_FEATURE_STALE);
static_assert(static_cast<int>(Degradation::kNoCandidate) == v1::DEGRADATION_REASON_NO_CANDIDATE);
static_assert(static_cast<int>(Degradation::kLedgerUnavailable) ==
              v1::DEGRADATION_REASON_LEDGER_UNAVAILABLE);
static_assert(static_cast<int>(Degradation::kDisk) == v1::DEGRADATION_REASON_DISK);
static_assert(static_cast<int>(Degradation::kShed) == v1::DEGRADATION_REASON_SHED);
static_assert(static_cast<int>(Degradation::kPaused) == v1::DEGRADATION_REASON_PAUSED);

absl::StatusOr<ExposureRecord> ExposureOf(const v1::ReportExposureRequest& request,
                                          const domain::Principal& principal, absl::Time now) {
  ExposureRecord record;
  FULCRUM_ASSIGN_OR_RETURN(record.decision_id, DecisionIdOf(request.decision_id()));
  FULCRUM_RETURN_IF_ERROR(CheckPosition(request.position(), 1));
  record.position = request.position();
  FULCRUM_ASSIGN_OR_RETURN(record.occurred_us,
                           MicrosOf(request.has_occurred_at(), request.occurred_at(), now));
  record.principal = principal.name;
  return record;
}

absl::StatusOr<OutcomeRecord> OutcomeOf(const v1::ReportOutcomeRequest& request,
                                        const domain::Principal& principal, absl::Time now) {
  OutcomeRecord record;
  FULCRUM_ASSIGN_OR_RETURN(record.decision_id, DecisionIdOf(request.decision_id()));
  FULCRUM_RETURN_IF_ERROR(CheckPosition(request.position(), 0));
  FULCRUM_RETURN_IF_ERROR(CheckWord("outcome_id", request.outcome_id()));
  FULCRUM_RETURN_IF_ERROR(CheckWord("kind", request.kind()));
  if (!std::isfinite(request.value())) {
    return absl::InvalidArgumentError("value: must be a finite number");
  }
  if (!request.currency().empty() && request.currency().size() != 3) {
    return absl::InvalidArgumentError("currency: must be a code of three letters (ISO 4217)");
  }
  record.position = request.position();
  record.outcome_id = request.outcome_id();
  record.kind = request.kind();
  record.value = request.value();
  record.currency = request.currency();
  FULCRUM_ASSIGN_OR_RETURN(record.occurred_us,
                           MicrosOf(request.has_occurred_at(), request.occurred_at(), now));
  record.principal = principal.name;
  if (request.has_cost_micros()) {
    if (request.cost_micros() < 0 || request.cost_micros() > kCostMicrosMax) {
      return absl::InvalidArgumentError(
          absl::StrCat("cost_micros: must be 0 to ", kCostMicrosMax, " micros"));
    }
    record.cost_micros = request.cost_micros();
  }
  return record;
}

grpc::Status ToGrpc(const absl::Status& status) {
  // The two sets of codes have the same numbers.
  return grpc::Status(static_cast<grpc::StatusCode>(status.raw_code()),
                      std::string(status.message()));
}

absl::StatusOr<domain::Principal> PrincipalOf(const std::string& peer) {
  using domain::Role;
  const bool here = absl::StartsWith(peer, "unix:") || absl::StartsWith(peer, "ipv4:127.") ||
                    absl::StartsWith(peer, "ipv6:[::1]") ||
                    absl::StartsWith(peer, "ipv6:%5B::1%5D");
  if (!here) {
    return absl::PermissionDeniedError(
        "only callers on this machine are served until roles are enforced");
  }
  return domain::Principal{
      "loopback", {Role::kDecide, Role::kIngest, Role::kOperate, Role::kAnalyse, Role::kPlan}};
}

}  // namespace fulcrum::edge
