// Reconciliation of the ledger against the log: the reading of the log for an audit, and its
// report.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/file.h"
#include "leases/lease_messages.h"
#include "orchestrator/ledger_audit.h"

namespace fulcrum::apps {

// Shows `audit` what the log in `directory` has between audit->lsn() and `last`, as far as it can
// be read. May run beside the log's writer.
absl::Status FoldLog(base::FileSystem* files, const std::string& directory, Lsn last,
                     orchestrator::LedgerAudit* audit);

// The same, and what it says: of leases as far as the lease store knows of refunds, of sums as far
// as the checkpoint goes. `charges` were read before or while the log was written, the checkpoint
// after them. The audit may then have seen less than the checkpoint, if the log ends before it.
absl::StatusOr<orchestrator::AuditReport> Reconcile(base::FileSystem* files,
                                                    const std::string& directory,
                                                    const leases::Charges& charges,
                                                    const orchestrator::StoreImage& checkpoint,
                                                    orchestrator::LedgerAudit* audit);

// "row day-budget, window 2026-11-30T00:00:00+00:00: the ledger has 7, the log 8".
std::string InWords(const orchestrator::AuditDifference& one);
std::string InWords(const orchestrator::AuditOverspend& one);

std::string ToText(const orchestrator::AuditReport& report);
std::string ToJson(const orchestrator::AuditReport& report);

}  // namespace fulcrum::apps
