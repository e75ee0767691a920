#include "apps/ledger_auditor.h"

#include <chrono>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "apps/ledger_reconcile.h"
#include "base/status_macros.h"
#include "orchestrator/lease_desk.h"
#include "telemetry/diagnostics.h"

namespace fulcrum::apps {

using orchestrator::AuditReport;
using orchestrator::LedgerAudit;

LedgerAuditor::LedgerAuditor(LedgerAuditorParts parts) : parts_(std::move(parts)) {}

absl::StatusOr<AuditReport> LedgerAuditor::Compare() {
  if (audit_ == nullptr) audit_ = std::make_unique<LedgerAudit>(parts_.bundle, parts_.users);
  const leases::Charges charges = parts_.leases->ChargesTo(orchestrator::kReplica);
  FULCRUM_RETURN_IF_ERROR(parts_.ledger->Checkpoint());
  FULCRUM_ASSIGN_OR_RETURN(const orchestrator::StoreImage checkpoint,
                           parts_.ledger->ReadCheckpoint([this](const UserRef& user_ref) {
                             return parts_.users.Has(user_ref);
                           }));
  FULCRUM_ASSIGN_OR_RETURN(AuditReport report, Reconcile(parts_.files, parts_.log_directory,
                                                         charges, checkpoint, audit_.get()));
  if (audit_->lsn() < checkpoint.fold.lsn) {
    return absl::UnavailableError(absl::StrCat("the log can be read up to LSN ", audit_->lsn(),
                                               ", the ledger has heard of ", checkpoint.fold.lsn,
                                               "; the next round tries again"));
  }
  return report;
}

absl::StatusOr<AuditReport> LedgerAuditor::Round() {
  absl::StatusOr<AuditReport> report = Compare();
  if (!report.ok()) {
    ++failures_;
    if (!absl::IsUnavailable(report.status())) audit_.reset();
    telemetry::WarnLimited("ledger_audit_failed",
                           {{"error", std::string(report.status().message())}});
    return report;
  }
  ++rounds_;
  lsn_ = report->lsn;
  sums_ = report->exact + report->at_least;
  differing_ = report->differing;
  overspent_ = report->overspent;
  if (!report->clean()) Tell(*report);
  return report;
}

void LedgerAuditor::Tell(const AuditReport& report) const {
  std::vector<AuditDetail> details = {{"lsn", absl::StrCat(report.lsn)},
                                      {"differing", absl::StrCat(report.differing)},
                                      {"difference", absl::StrCat(report.difference)},
                                      {"overspent", absl::StrCat(report.overspent)}};
  if (!report.differences.empty()) {
    details.push_back({"first_difference", InWords(report.differences.front())});
  }
  if (!report.overspends.empty()) {
    details.push_back({"first_overspend", InWords(report.overspends.front())});
  }
  telemetry::Error("ledger_differs_from_log", {{"lsn", absl::StrCat(report.lsn)},
                                               {"differing", absl::StrCat(report.differing)},
                                               {"overspent", absl::StrCat(report.overspent)},
                                               {"first", details.back().value}});
  parts_.journal->Audit("ledger.differs", "", std::move(details));
}

void LedgerAuditor::Start() {
  if (parts_.bundle->server.ledger_audit_interval <= absl::ZeroDuration()) return;
  thread_ = std::thread([this] { Run(); });
}

void LedgerAuditor::Stop() {
  {
    base::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  stop_.NotifyAll();
  if (thread_.joinable()) thread_.join();
}

void LedgerAuditor::Run() {
  const auto interval = absl::ToChronoNanoseconds(parts_.bundle->server.ledger_audit_interval);
  for (;;) {
    {
      base::MutexLock lock(&mutex_);
      const auto until = std::chrono::steady_clock::now() + interval;
      while (!stopping_ && std::chrono::steady_clock::now() < until) {
        stop_.WaitUntil(&mutex_, until);
      }
      if (stopping_) return;
    }
    Round().IgnoreError();  // told and counted
  }
}

void LedgerAuditor::AddMetrics(telemetry::Metrics* metrics) const {
  const auto add = [&](const char* name, const char* help, bool counter,
                       const std::atomic<uint64_t>* value) {
    metrics->AddPulled(
        {name, help, "", counter, [value] {
           return std::vector<telemetry::Sample>{{"", static_cast<double>(value->load())}};
         }});
  };
  add("fulcrum_ledger_audit_rounds_total", "Times the ledger was held against the log", true,
      &rounds_);
  add("fulcrum_ledger_audit_failures_total", "Times that could not be done", true, &failures_);
  add("fulcrum_ledger_audit_lsn", "Up to where the last round compared", false, &lsn_);
  add("fulcrum_ledger_audit_sums", "Sums that it compared", false, &sums_);
  add("fulcrum_ledger_audit_differing_sums", "Sums on which ledger and log differed: must be 0",
      false, &differing_);
  add("fulcrum_ledger_audit_overspent_leases",
      "Windows of which more was spent than was leased: must be 0", false, &overspent_);
}

}  // namespace fulcrum::apps
