#include "edge/server.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/impl/server_builder_option.h>
#include <grpcpp/impl/server_builder_plugin.h>

#include <algorithm>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/mutex.h"
#include "base/random.h"
#include "edge/convert.h"
#include "edge/operator_convert.h"
#include "edge/transport.h"
#include "fulcrum/v1/decision_service.grpc.pb.h"
#include "fulcrum/v1/operator_service.grpc.pb.h"
#include "telemetry/diagnostics.h"

namespace fulcrum::edge {
namespace {

constexpr char kServiceName[] = "fulcrum.v1.DecisionService";
constexpr char kOperatorServiceName[] = "fulcrum.v1.OperatorService";
constexpr int kRequestBytesMax = 64 << 10;

using Service = v1::DecisionService::AsyncService;
using DecideCall = RpcCall<Service, v1::DecideRequest, v1::DecideResponse>;
using ExposureCall = RpcCall<Service, v1::ReportExposureRequest, v1::ReportExposureResponse>;
using OutcomeCall = RpcCall<Service, v1::ReportOutcomeRequest, v1::ReportOutcomeResponse>;

using OperatorService = v1::OperatorService::AsyncService;
using PauseCall = RpcCall<OperatorService, v1::PauseRequest, v1::PauseResponse>;
using ResumeCall = RpcCall<OperatorService, v1::ResumeRequest, v1::ResumeResponse>;
using BudgetCall = RpcCall<OperatorService, v1::SetBudgetRequest, v1::SetBudgetResponse>;
using SwitchesCall = RpcCall<OperatorService, v1::ListSwitchesRequest, v1::ListSwitchesResponse>;

int64_t MicrosSince(base::SteadyTime start) {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() -
                                                               start)
      .count();
}

// gRPC adds reflection to every server of a process that links it; this takes it out again.
class WithoutReflection final : public grpc::ServerBuilderOption {
 public:
  void UpdateArguments(grpc::ChannelArguments*) override {}
  void UpdatePlugins(std::vector<std::unique_ptr<grpc::ServerBuilderPlugin>>* plugins) override {
    std::erase_if(*plugins,
                  [](const auto& plugin) { return plugin->name() == "proto_server_reflection"; });
  }
};

class ServerImpl final : public Server {
 public:
  ServerImpl(const ServerOptions& options, const ServerParts& parts)
      : options_(options), parts_(parts), ids_(options.id_seed) {}

  ~ServerImpl() override { Drain(absl::ZeroDuration()); }

  absl::Status Listen();
  int port() const override { return port_; }
  void Drain(absl::Duration grace) override;

 private:
  void ServeDecisions();
  void ServeOperators();
  template <typename Call, telemetry::Method kName, typename Async>
  void Serve(Async* service, typename Call::Method* method, typename Call::Accept accept,
             void (ServerImpl::*handle)(Call*), int waiting);
  void Poll();

  void Decide(DecideCall* call);
  absl::Status TryDecide(DecideCall* call);
  void ReportExposure(ExposureCall* call);
  void ReportOutcome(OutcomeCall* call);
  template <typename Call>
  void Record(Call* call, absl::StatusOr<LogEvent> event);
  void Pause(PauseCall* call);
  void Resume(ResumeCall* call);
  void ListSwitches(SwitchesCall* call);
  void SetBudget(BudgetCall* call);
  absl::Status Admit(const grpc::ServerContext& context, domain::Principal* principal) const;
  absl::Time Now() const { return parts_.now ? parts_.now() : parts_.clock->Now(); }
  int InFlight() const {
    return decide_.in_flight.load() + exposure_.in_flight.load() + outcome_.in_flight.load();
  }
  int OperatorsInFlight() const {
    return pause_.in_flight.load() + resume_.in_flight.load() + switches_.in_flight.load() +
           budget_.in_flight.load();
  }
  // Context keys of the bundle at hand, rebuilt when another bundle comes.
  const ContextKeys& KeysOf(const std::shared_ptr<const config::Bundle>& bundle);

  const ServerOptions options_;
  const ServerParts parts_;
  base::RandomStream ids_;  // the queue's thread alone uses these two
  std::shared_ptr<const config::Bundle> keys_bundle_;
  std::optional<ContextKeys> keys_;

  Service service_;
  OperatorService operator_service_;
  std::unique_ptr<grpc::ServerCompletionQueue> queue_;
  std::unique_ptr<grpc::Server> server_;
  DecideCall::Method decide_;
  ExposureCall::Method exposure_;
  OutcomeCall::Method outcome_;
  PauseCall::Method pause_;
  ResumeCall::Method resume_;
  SwitchesCall::Method switches_;
  BudgetCall::Method budget_;
  int port_ = 0;
  bool drained_ = false;
  std::thread thread_;
};

absl::Status ServerImpl::Listen() {
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  if (!options_.reflection) builder.SetOption(std::make_unique<WithoutReflection>());
  builder.AddListeningPort(options_.listen, grpc::InsecureServerCredentials(), &port_);
  builder.RegisterService(&service_);
  if (parts_.operations != nullptr) builder.RegisterService(&operator_service_);
  builder.SetMaxReceiveMessageSize(kRequestBytesMax);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);  // a second server is a mistake: say so
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, 1024);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 10000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  queue_ = builder.AddCompletionQueue();
  server_ = builder.BuildAndStart();
  if (server_ == nullptr) {
    return absl::UnavailableError(absl::StrCat("cannot listen on ", options_.listen,
                                               "; set server.listen to a free address"));
  }
  if (absl::StartsWith(options_.listen, "unix:")) port_ = 0;  // gRPC says 1
  ServeDecisions();
  if (parts_.operations != nullptr) ServeOperators();
  thread_ = std::thread([this] { Poll(); });
  server_->GetHealthCheckService()->SetServingStatus("", true);
  server_->GetHealthCheckService()->SetServingStatus(kServiceName, true);
  if (parts_.operations != nullptr) {
    server_->GetHealthCheckService()->SetServingStatus(kOperatorServiceName, true);
  }
  return absl::OkStatus();
}

void ServerImpl::ServeDecisions() {
  using telemetry::Method;
  Serve<DecideCall, Method::kDecide>(&service_, &decide_, &Service::RequestDecide,
                                     &ServerImpl::Decide, 64);
  Serve<ExposureCall, Method::kReportExposure>(
      &service_, &exposure_, &Service::RequestReportExposure, &ServerImpl::ReportExposure, 16);
  Serve<OutcomeCall, Method::kReportOutcome>(&service_, &outcome_, &Service::RequestReportOutcome,
                                             &ServerImpl::ReportOutcome, 16);
}

void ServerImpl::ServeOperators() {
  using telemetry::Method;
  Serve<PauseCall, Method::kPause>(&operator_service_, &pause_, &OperatorService::RequestPause,
                                   &ServerImpl::Pause, 2);
  Serve<ResumeCall, Method::kResume>(&operator_service_, &resume_, &OperatorService::RequestResume,
                                     &ServerImpl::Resume, 2);
  Serve<SwitchesCall, Method::kListSwitches>(&operator_service_, &switches_,
                                             &OperatorService::RequestListSwitches,
                                             &ServerImpl::ListSwitches, 2);
  Serve<BudgetCall, Method::kSetBudget>(
      &operator_service_, &budget_, &OperatorService::RequestSetBudget, &ServerImpl::SetBudget, 2);
}

template <typename Call, telemetry::Method kName, typename Async>
void ServerImpl::Serve(Async* service, typename Call::Method* method, typename Call::Accept accept,
                       void (ServerImpl::*handle)(Call*), int waiting) {
  method->service = service;
  method->queue = queue_.get();
  method->accept = accept;
  method->handle = [this, handle](Call* call) { (this->*handle)(call); };
  method->finished = [this](const Call& call, int code) {
    parts_.metrics->CountRpc(kName, code, MicrosSince(call.received()));
  };
  method->waiting_min = waiting;
  for (int i = 0; i < waiting; ++i) Call::Post(method);
}

void ServerImpl::Poll() {
  void* tag = nullptr;
  bool ok = false;
  while (queue_->Next(&tag, &ok)) static_cast<Tag*>(tag)->OnEvent(ok);
}

void ServerImpl::Drain(absl::Duration grace) {
  if (drained_ || server_ == nullptr) return;
  drained_ = true;
  server_->GetHealthCheckService()->SetServingStatus(false);
  decide_.Drain();
  exposure_.Drain();
  outcome_.Drain();
  pause_.Drain();
  resume_.Drain();
  switches_.Drain();
  budget_.Drain();
  server_->Shutdown(std::chrono::system_clock::now() + absl::ToChronoMilliseconds(grace));
  // Whoever holds a call still answers it, by the alarm or the log's writer; only then may the
  // queue close.
  while (InFlight() + OperatorsInFlight() > 0)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  queue_->Shutdown();
  thread_.join();
}

const ContextKeys& ServerImpl::KeysOf(const std::shared_ptr<const config::Bundle>& bundle) {
  if (keys_bundle_ != bundle) {
    keys_.emplace(bundle->context_keys);
    keys_bundle_ = bundle;
  }
  return *keys_;
}

absl::Status ServerImpl::Admit(const grpc::ServerContext& context,
                               domain::Principal* principal) const {
  auto known = PrincipalOf(context.peer());
  if (!known.ok()) return known.status();
  *principal = *std::move(known);
  if (InFlight() > static_cast<int>(options_.inflight_max)) {
    return absl::ResourceExhaustedError(absl::StrCat("more than ", options_.inflight_max,
                                                     " requests in flight (server.inflight_max)"));
  }
  return absl::OkStatus();
}

void ServerImpl::Decide(DecideCall* call) {
  const absl::Status status = TryDecide(call);
  if (!status.ok()) call->Finish(ToGrpc(status));
}

absl::Status ServerImpl::TryDecide(DecideCall* call) {
  domain::Principal principal;
  if (absl::Status admitted = Admit(call->context(), &principal); !admitted.ok()) return admitted;
  decider::Snapshot snapshot = parts_.snapshot();
  Arrival arrival;
  arrival.received = call->received();
  arrival.now = parts_.clock->Now();
  if (const auto deadline = call->context().deadline();
      deadline != std::chrono::system_clock::time_point::max()) {
    arrival.caller_deadline =
        absl::FromChrono(deadline) - absl::FromChrono(std::chrono::system_clock::now());
  }
  auto normalised = Normalise(call->request(), *snapshot.bundle, KeysOf(snapshot.bundle), arrival,
                              options_.clock_mode);
  if (normalised.ok() && options_.clock_mode == ClockMode::kRequest && parts_.settle) {
    parts_.settle(normalised->context.now);
    snapshot = parts_.snapshot();
    arrival.received = parts_.clock->SteadyNow();
    normalised = Normalise(call->request(), *snapshot.bundle, KeysOf(snapshot.bundle), arrival,
                           options_.clock_mode);
  }
  if (!normalised.ok()) return normalised.status();
  parts_.metrics->CountDroppedContextKeys(normalised->dropped_keys);
  domain::DecisionContext& context = normalised->context;
  context.principal = std::move(principal);
  const uint64_t random_high = ids_.Next64();
  context.decision_id = DecisionId::FromTimeAndRandom(context.now, random_high, ids_.Next64());
  return parts_.decider->Decide(std::move(snapshot), *normalised->surface, std::move(context),
                                [call](const decider::Reply& reply) {
                                  FillResponse(reply, &call->response());
                                  call->Finish(grpc::Status::OK);
                                });
}

template <typename Call>
void ServerImpl::Record(Call* call, absl::StatusOr<LogEvent> event) {
  absl::Status status = event.status();
  if (status.ok()) {
    status = parts_.ingest->Report(*std::move(event), [call](const absl::StatusOr<Lsn>& lsn) {
      if (lsn.ok()) call->response().set_lsn(*lsn);
      call->Finish(ToGrpc(lsn.status()));
    });
  }
  if (!status.ok()) call->Finish(ToGrpc(status));
}

void ServerImpl::ReportExposure(ExposureCall* call) {
  domain::Principal principal;
  const absl::Status admitted = Admit(call->context(), &principal);
  if (!admitted.ok()) return Record(call, admitted);
  Record(call, ExposureOf(call->request(), principal, Now()));
}

void ServerImpl::ReportOutcome(OutcomeCall* call) {
  domain::Principal principal;
  const absl::Status admitted = Admit(call->context(), &principal);
  if (!admitted.ok()) return Record(call, admitted);
  Record(call, OutcomeOf(call->request(), principal, Now()));
}

// Whatever is in flight: to stop what floods the service is what this is for.
absl::StatusOr<domain::Principal> OperatorOf(const grpc::ServerContext& context) {
  auto principal = PrincipalOf(context.peer());
  if (!principal.ok()) return principal;
  const std::vector<domain::Role>& roles = principal->roles;
  if (std::find(roles.begin(), roles.end(), domain::Role::kOperate) != roles.end()) {
    return principal;
  }
  return absl::PermissionDeniedError(
      absl::StrCat("'", principal->name, "' may not operate the service"));
}

template <typename Call>
domain::Operated AnswerOf(Call* call) {
  return [call](const absl::StatusOr<Lsn>& lsn) {
    if (lsn.ok()) call->response().set_lsn(*lsn);
    call->Finish(ToGrpc(lsn.status()));
  };
}

void ServerImpl::Pause(PauseCall* call) {
  const auto by = OperatorOf(call->context());
  if (!by.ok()) return call->Finish(ToGrpc(by.status()));
  const v1::PauseRequest& request = call->request();
  const auto target = TargetOf(request.target());
  if (!target.ok()) return call->Finish(ToGrpc(target.status()));
  const auto span = SpanOf(request);
  if (!span.ok()) return call->Finish(ToGrpc(span.status()));
  parts_.operations->Pause(*by, *target, request.reason(), *span, AnswerOf(call));
}

void ServerImpl::Resume(ResumeCall* call) {
  const auto by = OperatorOf(call->context());
  if (!by.ok()) return call->Finish(ToGrpc(by.status()));
  const auto target = TargetOf(call->request().target());
  if (!target.ok()) return call->Finish(ToGrpc(target.status()));
  parts_.operations->Resume(*by, *target, call->request().reason(), AnswerOf(call));
}

void ServerImpl::ListSwitches(SwitchesCall* call) {
  const auto by = OperatorOf(call->context());
  if (!by.ok()) return call->Finish(ToGrpc(by.status()));
  FillSwitches(parts_.operations->Paused(), &call->response());
  call->Finish(grpc::Status::OK);
}

void ServerImpl::SetBudget(BudgetCall* call) {
  const auto by = OperatorOf(call->context());
  if (!by.ok()) return call->Finish(ToGrpc(by.status()));
  const v1::SetBudgetRequest& request = call->request();
  parts_.operations->SetBudget(*by, request.row(), request.limit(), request.reason(),
                               AnswerOf(call));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const ServerOptions& options,
                                                      const ServerParts& parts) {
  auto server = std::make_unique<ServerImpl>(options, parts);
  if (absl::Status status = server->Listen(); !status.ok()) return status;
  return server;
}

}  // namespace fulcrum::edge
