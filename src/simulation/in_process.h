// The production path without network and disk: the real decider, orchestrator and ledger on a
// world's bundle, its users held in memory and its log taken off record by record. A bundle that
// names a model gets that of simulation/frozen_model.h.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "config/bundle.h"
#include "decider/decider.h"
#include "domain/seams.h"
#include "fulcrum/decision_record.h"
#include "orchestrator/ledger.h"
#include "scoring/model.h"
#include "scoring/posteriors.h"
#include "simulation/bundle_text.h"
#include "simulation/visits.h"
#include "simulation/world.h"
#include "telemetry/metrics.h"

namespace fulcrum::simulation {

class QueuedLog;      // in_process.cc
class UsersInMemory;  // in_process.cc

struct InProcessOptions {
  std::string directory;  // for the bundle and the ledger; made if absent
  BundleOptions bundle;
  uint64_t seed = 1;  // of the decision ids
  uint32_t users = kUsersDefault;
  const base::Clock* clock = nullptr;  // for the latency alarm; outlives this
};

// For one thread; the decider has threads of its own.
class InProcess {
 public:
  static absl::StatusOr<std::unique_ptr<InProcess>> Start(const World& world,
                                                          const InProcessOptions& options);
  ~InProcess();

  // One decision on the given state, as the log has it. ABORTED if it was not drawn.
  absl::StatusOr<DecisionRecord> Decide(const Visit& visit,
                                        std::shared_ptr<const scoring::Posteriors> posteriors);

  // What the model saw of the last decision; nothing without a model.
  const std::optional<FeatureSnapshot>& last_snapshot() const;
  // What the service would start from: the model's counts, nothing learned.
  const scoring::Posteriors& start() const { return start_; }

  // Appends a report to the log that the ledger folds; gives its LSN.
  Lsn Log(const LogEvent& event);
  Lsn lsn() const;  // of the last record
  // As a service does now and then: what has long ended is forgotten.
  absl::Status Checkpoint();
  const config::Bundle& bundle() const { return *bundle_; }

 private:
  InProcess(const World& world, const InProcessOptions& options);
  absl::Status Open();
  absl::Status LoadModel();
  void BuildDecider();
  domain::DecisionContext ContextOf(const Visit& visit);

  const World world_;
  const InProcessOptions options_;
  base::RandomStream ids_;
  std::shared_ptr<const config::Bundle> bundle_;
  std::shared_ptr<const scoring::Model> model_;  // null: none
  scoring::Posteriors start_;
  std::unique_ptr<UsersInMemory> users_;
  std::unique_ptr<orchestrator::Ledger> ledger_;
  std::unique_ptr<QueuedLog> log_;
  std::unique_ptr<telemetry::Metrics> metrics_;
  std::unique_ptr<decider::Decider> decider_;
  uint64_t decided_ = 0;
};

}  // namespace fulcrum::simulation
