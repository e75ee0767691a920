#include "edge/server.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/impl/server_builder_option.h>
#include <grpcpp/impl/server_builder_plugin.h>

#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/mutex.h"
#include "base/random.h"
#include "edge/convert.h"
#include "edge/transport.h"
#include "fulcrum/v1/decision_service.grpc.pb.h"
#include "telemetry/diagnostics.h"

namespace fulcrum::edge {
namespace {

constexpr char kServiceName[] = "fulcrum.v1.DecisionService";
constexpr int kRequestBytesMax = 64 << 10;

using Service = v1::DecisionService::AsyncService;
using DecideCall = RpcCall<Service, v1::DecideRequest, v1::DecideResponse>;
using ExposureCall = RpcCall<Service, v1::ReportExposureRequest, v1::ReportExposureResponse>;
using OutcomeCall = RpcCall<Service, v1::ReportOutcomeRequest, v1::ReportOutcomeResponse>;

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
  template <typename Call, telemetry::Method kName>
  void Serve(typename Call::Method* method, typename Call::Accept accept,
             void (ServerImpl::*handle)(Call*), int waiting);
  void Poll();

  void Decide(DecideCall* call);
  absl::Status TryDecide(DecideCall* call);
  void ReportExposure(ExposureCall* call);
  void ReportOutcome(OutcomeCall* call);
  template <typename Call>
  void Record(Call* call, absl::StatusOr<LogEvent> event);
  absl::Status Admit(const grpc::ServerContext& context, domain::Principal* principal) const;
  absl::Time Now() const { return parts_.now ? parts_.now() : parts_.clock->Now(); }
  int InFlight() const {
    return decide_.in_flight.load() + exposure_.in_flight.load() + outcome_.in_flight.load();
  }
  // Context keys of the bundle at hand, rebuilt when another bundle comes.
  const ContextKeys& KeysOf(const std::shared_ptr<const config::Bundle>& bundle);

  const ServerOptions options_;
  const ServerParts parts_;
  base::RandomStream ids_;  // the queue's thread alone uses these two
  std::shared_ptr<const config::Bundle> keys_bundle_;
  std::optional<ContextKeys> keys_;

  Service service_;
  std::unique_ptr<grpc::ServerCompletionQueue> queue_;
  std::unique_ptr<grpc::Server> server_;
  DecideCall::Method decide_;
  ExposureCall::Method exposure_;
  OutcomeCall::Method outcome_;
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
  Serve<DecideCall, telemetry::Method::kDecide>(&decide_, &Service::RequestDecide,
                                                &ServerImpl::Decide, 64);
  Serve<ExposureCall, telemetry::Method::kReportExposure>(
      &exposure_, &Service::RequestReportExposure, &ServerImpl::ReportExposure, 16);
  Serve<OutcomeCall, telemetry::Method::kReportOutcome>(&outcome_, &Service::RequestReportOutcome,
                                                        &ServerImpl::ReportOutcome, 16);
  thread_ = std::thread([this] { Poll(); });
  server_->GetHealthCheckService()->SetServingStatus("", true);
  server_->GetHealthCheckService()->SetServingStatus(kServiceName, true);
  return absl::OkStatus();
}

template <typename Call, telemetry::Method kName>
void ServerImpl::Serve(typename Call::Method* method, typename Call::Accept accept,
                       void (ServerImpl::*handle)(Call*), int waiting) {
  method->service = &service_;
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
  server_->Shutdown(std::chrono::system_clock::now() + absl::ToChronoMilliseconds(grace));
  // Whoever holds a call still answers it, by the alarm or the log's writer; only then may the
  // queue close.
  while (InFlight() > 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
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

}  // namespace

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const ServerOptions& options,
                                                      const ServerParts& parts) {
  auto server = std::make_unique<ServerImpl>(options, parts);
  if (absl::Status status = server->Listen(); !status.ok()) return status;
  return server;
}

}  // namespace fulcrum::edge
