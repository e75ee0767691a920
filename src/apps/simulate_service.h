// A world's service: a bundle and users written into a directory, fulcrumd started on them, and the
// client's view of it.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "apps/child_process.h"
#include "fulcrum/client.h"
#include "simulation/bundle_text.h"
#include "simulation/traffic.h"

namespace fulcrum::apps {

// Asks and reports over gRPC. Not thread-safe.
class ClientEndpoint final : public simulation::Endpoint {
 public:
  // Both outlive this.
  ClientEndpoint(DecisionClient* client, const simulation::World* world)
      : client_(client), world_(world) {}

  absl::StatusOr<Answer> Decide(const simulation::Visit& visit) override;
  absl::Status ReportExposure(DecisionId id, uint32_t position, absl::Time occurred) override;
  absl::Status ReportOutcome(DecisionId id, uint32_t position, absl::Time occurred) override;

 private:
  DecisionClient* const client_;
  const simulation::World* const world_;
};

// Makes `work`, or empties it if an earlier simulation made it; FAILED_PRECONDITION if something
// else did.
absl::Status PrepareSimulation(const std::string& work);

// fulcrumd on a world. In `work`: `config/` with the bundle and its data, `users.csv`, the
// programs' diagnostics, and `truth.json`, which nobody else reads.
class SimulatedService {
 public:
  // Prepares `work` first. A bundle that names a model gets that of simulation/frozen_model.h.
  static absl::StatusOr<std::unique_ptr<SimulatedService>> Start(
      const std::string& work, const simulation::World& world,
      const simulation::BundleOptions& bundle, uint32_t users, uint64_t seed);

  DecisionClient* client() { return client_.get(); }
  absl::Status Stop();  // the client is gone then
  const std::string& config_directory() const { return config_; }
  std::string log_directory() const { return config_ + "/data/log"; }

 private:
  SimulatedService(std::string config, ChildProcess process, std::unique_ptr<DecisionClient> client)
      : config_(std::move(config)), process_(std::move(process)), client_(std::move(client)) {}

  const std::string config_;
  ChildProcess process_;
  std::unique_ptr<DecisionClient> client_;
};

}  // namespace fulcrum::apps
