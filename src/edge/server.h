// The network edge: hosts DecisionService, OperatorService, health and reflection, and knows gRPC
// so that no other stage has to.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "decider/decider.h"
#include "domain/operations.h"
#include "domain/seams.h"
#include "edge/normalise.h"
#include "telemetry/metrics.h"

namespace fulcrum::edge {

struct ServerOptions {
  std::string listen;  // host:port (port 0 picks one) or unix:path
  ClockMode clock_mode = ClockMode::kWall;
  uint32_t inflight_max = 512;  // requests in the process; more get RESOURCE_EXHAUSTED
  uint64_t id_seed = 0;         // seeds the random bits of decision ids
  bool reflection = true;       // lists the services, for tools
};

// What the edge calls. All outlive it.
struct ServerParts {
  decider::Decider* decider = nullptr;
  domain::EventIngest* ingest = nullptr;     // exposures and outcomes
  domain::Operations* operations = nullptr;  // null: OperatorService is not served
  telemetry::Metrics* metrics = nullptr;
  const base::Clock* clock = nullptr;
  std::function<decider::Snapshot()> snapshot;  // current one; thread-safe
  std::function<absl::Time()> now;  // when reports happened that do not say; null: the clock's time
  // With ClockMode::kRequest, before the snapshot of a valid request is taken: brings the world up
  // to the request's time. The request's latency budget begins when it returns. May be null.
  std::function<void(absl::Time)> settle;
};

// Accepts from the moment Start returns until Drain.
class Server {
 public:
  // UNAVAILABLE if the address cannot be bound.
  static absl::StatusOr<std::unique_ptr<Server>> Start(const ServerOptions& options,
                                                       const ServerParts& parts);
  virtual ~Server() = default;

  virtual int port() const = 0;  // 0 for a Unix socket

  // Health says NOT_SERVING, requests in flight are answered for up to `grace`, later ones refused.
  // Call once, before the decider goes.
  virtual void Drain(absl::Duration grace) = 0;
};

}  // namespace fulcrum::edge
