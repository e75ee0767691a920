// The background audit: holds the ledger against the log while the service runs, round by round.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "apps/service_journal.h"
#include "base/file.h"
#include "base/mutex.h"
#include "config/bundle.h"
#include "leases/rocksdb_lease_store.h"
#include "orchestrator/ledger.h"
#include "orchestrator/ledger_audit.h"
#include "telemetry/metrics.h"

namespace fulcrum::apps {

// Of the users' counters a running service looks at one part, another one after each start: so the
// audit's memory stays small beside the ledger's.
inline constexpr uint32_t kAuditUserParts = 16;

struct LedgerAuditorParts {
  base::FileSystem* files = nullptr;
  std::string log_directory;
  std::shared_ptr<const config::Bundle> bundle;
  orchestrator::Ledger* ledger = nullptr;
  const leases::RocksDbLeaseStore* leases = nullptr;
  ServiceJournal* journal = nullptr;  // told of what differs
  orchestrator::UserPart users;
};

// All outlive it. Metrics from any thread.
class LedgerAuditor {
 public:
  explicit LedgerAuditor(LedgerAuditorParts parts);
  ~LedgerAuditor() { Stop(); }

  // A round each server.ledger_audit_interval from now on, unless that is 0.
  void Start();
  void Stop();

  // One round, now: from where the one before ended. UNAVAILABLE if the log is not written as far
  // as the ledger has heard yet; other errors are those of reading, after which the next round
  // begins at the log's start. One at a time.
  absl::StatusOr<orchestrator::AuditReport> Round();

  // Outlives `metrics`' Close().
  void AddMetrics(telemetry::Metrics* metrics) const;

 private:
  absl::StatusOr<orchestrator::AuditReport> Compare();
  void Tell(const orchestrator::AuditReport& report) const;
  void Run();

  const LedgerAuditorParts parts_;
  std::unique_ptr<orchestrator::LedgerAudit> audit_;
  std::atomic<uint64_t> rounds_{0};
  std::atomic<uint64_t> failures_{0};
  // Of the last round.
  std::atomic<uint64_t> lsn_{0}, sums_{0}, differing_{0}, overspent_{0};

  base::Mutex mutex_;
  base::CondVar stop_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace fulcrum::apps
