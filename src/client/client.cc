#include "fulcrum/client.h"

#include <grpcpp/grpcpp.h>

#include <utility>

#include "base/status_macros.h"
#include "client/channel.h"
#include "fulcrum/v1/decision_service.grpc.pb.h"

namespace fulcrum {
namespace {

using client::DeadlineIn;
using client::TimeOf;
using client::ToAbsl;

void SetTimestamp(absl::Time time, google::protobuf::Timestamp* stamp) {
  const int64_t micros = absl::ToUnixMicros(time);
  stamp->set_seconds(micros / 1000000);
  stamp->set_nanos(static_cast<int32_t>(micros % 1000000) * 1000);
}

int64_t Micros(const google::protobuf::Duration& duration) {
  return duration.seconds() * 1000000 + duration.nanos() / 1000;
}

v1::DecideRequest MessageOf(const DecisionRequest& request) {
  v1::DecideRequest message;
  message.set_request_id(request.request_id);
  message.set_user_id(request.user_id);
  message.set_surface(request.surface);
  for (const auto& [key, value] : request.context) {
    v1::ContextValue& field = (*message.mutable_context())[key];
    if (const auto* number = std::get_if<double>(&value)) {
      field.set_number(*number);
    } else {
      field.set_text(std::get<std::string>(value));
    }
  }
  for (const std::string& action_id : request.candidates) message.add_candidates(action_id);
  message.set_slate_size(request.slate_size);
  for (const BaselineAction& action : request.baseline_actions) {
    v1::BaselineAction* const field = message.add_baseline_actions();
    field->set_action_id(action.action_id);
    if (action.propensity) field->set_propensity(*action.propensity);
  }
  if (request.occurred_at) SetTimestamp(*request.occurred_at, message.mutable_occurred_at());
  return message;
}

absl::StatusOr<Decision> DecisionOf(const v1::DecideResponse& response) {
  Decision decision;
  FULCRUM_ASSIGN_OR_RETURN(decision.id, DecisionId::Parse(response.decision_id()));
  for (const v1::DecidedAction& served : response.actions()) {
    DecidedAction action;
    action.action_id = served.action_id();
    action.ticks = served.propensity_ticks();
    action.marginal_propensity = served.marginal_propensity();
    if (served.has_score()) action.score = served.score();
    if (served.has_uplift()) action.uplift = served.uplift();
    decision.actions.push_back(std::move(action));
  }
  decision.degradation = static_cast<Degradation>(response.degradation_reason());
  decision.log_pending = response.log_pending();
  decision.joint_propensity = response.joint_propensity();
  if (response.has_defer_until()) decision.defer_until = TimeOf(response.defer_until());
  const v1::Timing& timing = response.timing();
  decision.times = {Micros(timing.edge()), Micros(timing.features()), Micros(timing.scoring()),
                    Micros(timing.orchestration()), Micros(timing.log())};
  decision.total_us = Micros(timing.total());
  return decision;
}

}  // namespace

struct DecisionClient::Parts {
  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<v1::DecisionService::Stub> stub;
};

DecisionClient::DecisionClient(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
DecisionClient::~DecisionClient() = default;

std::unique_ptr<DecisionClient> DecisionClient::Connect(const std::string& address) {
  auto parts = std::make_unique<Parts>();
  parts->channel = client::ChannelTo(address);
  parts->stub = v1::DecisionService::NewStub(parts->channel);
  return std::unique_ptr<DecisionClient>(new DecisionClient(std::move(parts)));
}

absl::Status DecisionClient::WaitUntilServing(absl::Duration timeout) {
  if (parts_->channel->WaitForConnected(DeadlineIn(timeout))) return absl::OkStatus();
  return absl::DeadlineExceededError("the server did not accept a connection in time");
}

absl::StatusOr<Decision> DecisionClient::Decide(const DecisionRequest& request,
                                                absl::Duration timeout) {
  grpc::ClientContext context;
  context.set_deadline(DeadlineIn(timeout));
  v1::DecideResponse response;
  FULCRUM_RETURN_IF_ERROR(ToAbsl(parts_->stub->Decide(&context, MessageOf(request), &response)));
  return DecisionOf(response);
}

absl::StatusOr<Lsn> DecisionClient::ReportExposure(DecisionId decision, uint32_t position,
                                                   std::optional<absl::Time> occurred_at,
                                                   absl::Duration timeout) {
  grpc::ClientContext context;
  context.set_deadline(DeadlineIn(timeout));
  v1::ReportExposureRequest request;
  request.set_decision_id(decision.ToString());
  request.set_position(position);
  if (occurred_at) SetTimestamp(*occurred_at, request.mutable_occurred_at());
  v1::ReportExposureResponse response;
  FULCRUM_RETURN_IF_ERROR(ToAbsl(parts_->stub->ReportExposure(&context, request, &response)));
  return response.lsn();
}

absl::StatusOr<Lsn> DecisionClient::ReportOutcome(const Outcome& outcome, absl::Duration timeout) {
  grpc::ClientContext context;
  context.set_deadline(DeadlineIn(timeout));
  v1::ReportOutcomeRequest request;
  request.set_decision_id(outcome.decision.ToString());
  request.set_position(outcome.position);
  request.set_outcome_id(outcome.outcome_id);
  request.set_kind(outcome.kind);
  request.set_value(outcome.value);
  request.set_currency(outcome.currency);
  if (outcome.occurred_at) SetTimestamp(*outcome.occurred_at, request.mutable_occurred_at());
  if (outcome.cost_micros) request.set_cost_micros(*outcome.cost_micros);
  v1::ReportOutcomeResponse response;
  FULCRUM_RETURN_IF_ERROR(ToAbsl(parts_->stub->ReportOutcome(&context, request, &response)));
  return response.lsn();
}

}  // namespace fulcrum
