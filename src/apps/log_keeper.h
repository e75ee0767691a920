// Keeps the decision log in bounds while the service runs: retention, and a warning before the disk
// is full. Off the request path; errors are told and tried again in the next round.
#pragma once

#include <atomic>
#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "apps/service_journal.h"
#include "base/clock.h"
#include "base/file.h"
#include "config/bundle.h"
#include "decision_log/log_format.h"
#include "telemetry/metrics.h"

namespace fulcrum::apps {

// Bytes that this process may still write on the disk of `directory`.
absl::StatusOr<uint64_t> FreeBytes(const std::string& directory);

struct LogKeeperParts {
  base::FileSystem* files = nullptr;
  const base::Clock* clock = nullptr;
  std::string directory;  // the log's
  config::Log settings;
  absl::Duration idempotency_window;
  // The ledger's LSN on the disk: a fold of it never begins before.
  std::function<absl::StatusOr<Lsn>()> ledger_lsn;
  // The same of the newest checkpoint of the posteriors.
  std::function<Lsn()> posteriors_lsn;
  // The same of what operators have set; may be null.
  std::function<Lsn()> operators_lsn;
  std::function<absl::StatusOr<uint64_t>(const std::string&)> free_bytes = FreeBytes;
  ServiceJournal* journal = nullptr;  // told of what was retired; may be null
};

// Round() from one thread, metrics from any.
class LogKeeper {
 public:
  explicit LogKeeper(LogKeeperParts parts) : parts_(std::move(parts)) {}

  // Retires what is old and needed by nobody, and looks at the disk.
  void Round();

  // Outlives `metrics`' Close().
  void AddMetrics(telemetry::Metrics* metrics) const;

 private:
  absl::Status Retire();
  absl::Status RetireStream(decision_log::Stream stream, absl::Duration age, Lsn keep_from,
                            std::atomic<uint64_t>* count);
  absl::StatusOr<Lsn> KeepFrom();
  void LookAtDisk();

  const LogKeeperParts parts_;
  Lsn posteriors_newest_ = 0;
  Lsn posteriors_before_ = 0;
  bool posteriors_known_ = false;
  std::atomic<uint64_t> decisions_retired_{0};
  std::atomic<uint64_t> features_retired_{0};
  std::atomic<uint64_t> free_bytes_{0};
  std::atomic<bool> low_{false};
};

}  // namespace fulcrum::apps
