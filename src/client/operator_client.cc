#include "fulcrum/operator_client.h"

#include <utility>

#include "base/status_macros.h"
#include "client/channel.h"
#include "fulcrum/v1/operator_service.grpc.pb.h"

namespace fulcrum {
namespace {

using client::DeadlineIn;
using client::TimeOf;
using client::ToAbsl;

// The proto keeps 0 for "unspecified".
void SetTarget(const SwitchTarget& target, v1::Target* to) {
  to->set_kind(static_cast<v1::TargetKind>(static_cast<int>(target.kind) + 1));
  to->set_id(target.id);
}

absl::StatusOr<Switch> SwitchOf(const v1::Switch& from) {
  const int kind = static_cast<int>(from.target().kind()) - 1;
  if (kind < 0 || kind >= kSwitchKinds) {
    return absl::UnimplementedError("the service has paused what this client does not know");
  }
  Switch one;
  one.target = {static_cast<SwitchKind>(kind), from.target().id()};
  one.reason = from.reason();
  one.paused_by = from.paused_by();
  one.paused_at = TimeOf(from.paused_at());
  if (from.has_expires_at()) one.until = TimeOf(from.expires_at());
  one.lsn = from.lsn();
  return one;
}

}  // namespace

struct OperatorClient::Parts {
  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<v1::OperatorService::Stub> stub;
};

OperatorClient::OperatorClient(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
OperatorClient::~OperatorClient() = default;

std::unique_ptr<OperatorClient> OperatorClient::Connect(const std::string& address) {
  auto parts = std::make_unique<Parts>();
  parts->channel = client::ChannelTo(address);
  parts->stub = v1::OperatorService::NewStub(parts->channel);
  return std::unique_ptr<OperatorClient>(new OperatorClient(std::move(parts)));
}

absl::StatusOr<Lsn> OperatorClient::Pause(const SwitchTarget& target, const std::string& reason,
                                          absl::Duration span, absl::Duration timeout) {
  grpc::ClientContext context;
  context.set_deadline(DeadlineIn(timeout));
  v1::PauseRequest request;
  SetTarget(target, request.mutable_target());
  request.set_reason(reason);
  if (span != absl::InfiniteDuration()) {
    google::protobuf::Duration* const lasts = request.mutable_lasts();
    lasts->set_seconds(absl::ToInt64Seconds(span));
    lasts->set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(span % absl::Seconds(1))));
  }
  v1::PauseResponse response;
  FULCRUM_RETURN_IF_ERROR(ToAbsl(parts_->stub->Pause(&context, request, &response)));
  return response.lsn();
}

absl::StatusOr<Lsn> OperatorClient::Resume(const SwitchTarget& target, const std::string& reason,
                                           absl::Duration timeout) {
  grpc::ClientContext context;
  context.set_deadline(DeadlineIn(timeout));
  v1::ResumeRequest request;
  SetTarget(target, request.mutable_target());
  request.set_reason(reason);
  v1::ResumeResponse response;
  FULCRUM_RETURN_IF_ERROR(ToAbsl(parts_->stub->Resume(&context, request, &response)));
  return response.lsn();
}

absl::StatusOr<std::vector<Switch>> OperatorClient::Paused(absl::Duration timeout) {
  grpc::ClientContext context;
  context.set_deadline(DeadlineIn(timeout));
  v1::ListSwitchesResponse response;
  FULCRUM_RETURN_IF_ERROR(
      ToAbsl(parts_->stub->ListSwitches(&context, v1::ListSwitchesRequest(), &response)));
  std::vector<Switch> switches;
  for (const v1::Switch& one : response.switches()) {
    FULCRUM_ASSIGN_OR_RETURN(switches.emplace_back(), SwitchOf(one));
  }
  return switches;
}

absl::StatusOr<Lsn> OperatorClient::SetBudget(const std::string& row, int64_t limit,
                                              const std::string& reason, absl::Duration timeout) {
  grpc::ClientContext context;
  context.set_deadline(DeadlineIn(timeout));
  v1::SetBudgetRequest request;
  request.set_row(row);
  request.set_limit(limit);
  request.set_reason(reason);
  v1::SetBudgetResponse response;
  FULCRUM_RETURN_IF_ERROR(ToAbsl(parts_->stub->SetBudget(&context, request, &response)));
  return response.lsn();
}

}  // namespace fulcrum
