// The service as a whole: stores, log, ledger, decider and edge, wired, recovered and running.
#pragma once

#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "apps/ledger_auditor.h"
#include "apps/log_keeper.h"
#include "apps/operator_desk.h"
#include "apps/self_test_metrics.h"
#include "apps/service_journal.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mutex.h"
#include "config/bundle.h"
#include "config/manifest.h"
#include "decider/decider.h"
#include "decider/user_changes.h"
#include "decision_log/log_writer.h"
#include "edge/server.h"
#include "features/feature_store.h"
#include "learning/learner.h"
#include "masking/masking_sink.h"
#include "orchestrator/ledger.h"
#include "orchestrator/parity_watch.h"
#include "telemetry/metrics.h"

namespace fulcrum::apps {

struct ServiceOptions {
  std::string bundle_directory;
  std::optional<std::string> listen;          // instead of the bundle's
  std::optional<std::string> metrics_listen;  // instead of the bundle's
  edge::ClockMode clock_mode = edge::ClockMode::kWall;
  uint64_t id_seed = 0;  // of decision ids' random bits
  base::FileSystem* files = base::PosixFileSystem();
  const base::Clock* clock = nullptr;  // the system's if null
  size_t feature_cache_bytes = 64 << 20;
  // Start without records of the log that a fold needs if they are quarantined and their LSNs are
  // at most this. What was leased counts as spent then.
  Lsn accept_quarantined = 0;
  // Start although neither the log nor the lease store proves what was spent.
  bool accept_unproven = false;
};

// The newest decision's time, which is "now" for a service that plays recorded traffic.
class LatestDecision final : public domain::LogObserver {
 public:
  void OnLogged(Lsn lsn, const LogEvent& event) override;
  void Resume(int64_t latest_us) { latest_us_.store(std::max<int64_t>(latest_us, 0)); }
  absl::Time time() const { return absl::FromUnixMicros(latest_us_.load()); }

 private:
  std::atomic<int64_t> latest_us_{0};
};

// Records that the log no longer had at the start, though `known_by` had heard from it up to
// `last`.
struct LostTail {
  Lsn first = 0;
  Lsn last = 0;
  std::string known_by;

  friend bool operator==(const LostTail&, const LostTail&) = default;
};

// Starts in the order of dependence and stops in reverse. Start and Stop from one thread.
class Service {
 public:
  // Recovers what the last process left, then serves. Errors name what could not be opened.
  static absl::StatusOr<std::unique_ptr<Service>> Start(const ServiceOptions& options);
  ~Service();  // Stop without grace

  int port() const { return server_->port(); }
  int metrics_port() const { return metrics_port_; }
  const config::Bundle& bundle() const { return *snapshot_.bundle; }
  telemetry::Metrics& metrics() { return *metrics_; }
  orchestrator::Ledger& ledger() { return *ledger_; }
  LedgerAuditor& ledger_auditor() { return *ledger_auditor_; }
  learning::Learner& learner() { return *learner_; }
  decider::UserChanges& user_changes() { return *user_changes_; }

  // What the start found missing at the log's end.
  const std::vector<LostTail>& lost_tails() const { return lost_tails_; }

  // False once the log cannot be written: the process should stop serving and exit.
  bool healthy() const { return log_->healthy(); }

  // Answers what is in flight, for up to `grace`, then makes everything durable. Idempotent.
  absl::Status Stop(absl::Duration grace);

 private:
  explicit Service(const ServiceOptions& options);
  absl::Status LoadSnapshot();
  absl::Status MakeMasker(const config::ModelManifest* manifest);
  void Archive(const config::ModelManifest* manifest);
  absl::Status OpenStores();
  absl::Status Recover();
  absl::Status OpenDesk();
  absl::Status RecoverOperators(Lsn log_last);
  absl::Status RecoverLedger(Lsn log_last);
  void TellOpened(const decision_log::RecoveryReport& report);
  bool NoteLost(Lsn log_last, Lsn known, const char* who);
  void TellLost(Lsn log_last, Lsn known, const char* who);
  std::vector<AuditDetail> VersionDetails() const;
  Lsn KnownEnd(Lsn log_last, Lsn known) const;
  absl::Status PassGap(const decision_log::Quarantine& gap, Lsn from, const char* who);
  absl::Status RecoverLearner(Lsn log_last);
  absl::Status RecoverRequests(Lsn log_last);
  absl::Status OpenUserChanges();
  absl::Status Serve();
  void AddPulledMetrics();
  void AddRequestMetrics();
  void AddSwitchMetrics();
  void AddMaskingMetrics();
  // Where everything that is to be logged goes.
  domain::DecisionSink* sink();
  void KeepCheckpoints();
  decider::Snapshot CurrentSnapshot() const;
  absl::Time Now() const {
    return options_.clock_mode == edge::ClockMode::kRequest ? latest_decision_.time()
                                                            : clock_->Now();
  }

  const ServiceOptions options_;
  base::SystemClock system_clock_;
  const base::Clock* const clock_;
  std::string data_dir_;
  decider::Snapshot snapshot_;  // but for the posteriors, which the learner publishes
  learning::FoldStart fold_start_;
  std::unique_ptr<masking::Masker> masker_;  // null without masking rules
  LatestDecision latest_decision_;
  std::unique_ptr<telemetry::Metrics> metrics_;
  std::unique_ptr<telemetry::SelfTest> self_test_;
  std::unique_ptr<SelfTestObserver> self_test_observer_;
  std::unique_ptr<orchestrator::ParityWatch> parity_;
  std::unique_ptr<features::FeatureStore> features_;
  std::shared_ptr<leases::RocksDbLeaseStore> leases_;
  std::unique_ptr<orchestrator::Ledger> ledger_;
  std::unique_ptr<OperatorDesk> desk_;          // outlives the log's threads
  std::unique_ptr<learning::Learner> learner_;  // outlives the log's threads, as the ledger does
  decision_log::DetailFilter detail_;
  std::unique_ptr<decision_log::LogWriter> log_;
  std::unique_ptr<ServiceJournal> journal_;
  bool log_started_ = false;
  std::unique_ptr<masking::MaskingSink> masking_sink_;  // null without masking rules
  std::unique_ptr<LogKeeper> log_keeper_;
  std::unique_ptr<LedgerAuditor> ledger_auditor_;
  std::vector<decision_log::Quarantine> gaps_;  // of the decisions stream
  std::vector<LostTail> lost_tails_;            // complete before metrics are served
  std::unique_ptr<decider::UserChanges> user_changes_;
  std::unique_ptr<decider::RequestIndex> requests_;
  std::unique_ptr<decider::Decider> decider_;
  std::unique_ptr<edge::Server> server_;
  int metrics_port_ = 0;
  bool stopped_ = false;

  base::Mutex mutex_;
  base::CondVar stop_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread checkpoints_;
};

}  // namespace fulcrum::apps
