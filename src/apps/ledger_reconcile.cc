#include "apps/ledger_reconcile.h"

#include <memory>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "apps/explanation.h"
#include "apps/json_put.h"
#include "base/status_macros.h"
#include "decision_log/record_codec.h"
#include "decision_log/stream_reader.h"
#include "orchestrator/windows.h"

namespace fulcrum::apps {
namespace {

using decision_log::Found;
using decision_log::StreamReader;
using orchestrator::AuditDifference;
using orchestrator::AuditOverspend;
using orchestrator::AuditReport;

std::string WindowText(int64_t window_start_us) {
  if (window_start_us == orchestrator::kTotalWindow) return "total";
  return absl::StrCat("from ", TimeText(window_start_us));
}

std::string HexOf(const UserRef& user_ref) {
  return std::string(absl::BytesToHexString(
      absl::string_view(reinterpret_cast<const char*>(user_ref.data()), user_ref.size())));
}

}  // namespace

absl::Status FoldLog(base::FileSystem* files, const std::string& directory, Lsn last,
                     orchestrator::LedgerAudit* audit) {
  FULCRUM_ASSIGN_OR_RETURN(
      const std::unique_ptr<StreamReader> reader,
      StreamReader::Open(files, directory, decision_log::Stream::kDecisions, audit->lsn()));
  bool damaged = false;
  while (audit->lsn() < last) {
    decision_log::RecordView record;
    FULCRUM_ASSIGN_OR_RETURN(const Found found, reader->GoOn(damaged, &record));
    if (found == Found::kEnd) break;
    // The audit sees by the numbers what is missing.
    damaged = found == Found::kDamaged && !reader->damage().quarantined.has_value();
    if (found != Found::kRecord || record.header.lsn > last) continue;
    const auto event = decision_log::DecodeEvent(record.header.type, record.payload);
    if (event.ok()) audit->OnLogged(record.header.lsn, *event);
  }
  return absl::OkStatus();
}

absl::StatusOr<AuditReport> Reconcile(base::FileSystem* files, const std::string& directory,
                                      const leases::Charges& charges,
                                      const orchestrator::StoreImage& checkpoint,
                                      orchestrator::LedgerAudit* audit) {
  AuditReport report;
  const auto compare_leases = [&] {
    audit->CompareLeases(charges, checkpoint.fold.latest_us, &report);
  };
  const bool leases_first = charges.log_end <= checkpoint.fold.lsn;
  if (leases_first) {
    FULCRUM_RETURN_IF_ERROR(FoldLog(files, directory, charges.log_end, audit));
    compare_leases();
  }
  FULCRUM_RETURN_IF_ERROR(FoldLog(files, directory, checkpoint.fold.lsn, audit));
  audit->CompareSums(checkpoint, &report);
  if (!leases_first) {
    FULCRUM_RETURN_IF_ERROR(FoldLog(files, directory, charges.log_end, audit));
    compare_leases();
  }
  return report;
}

std::string InWords(const AuditDifference& one) {
  return absl::StrCat("row ", one.row, ", ", WindowText(one.window_start_us),
                      one.user_ref ? absl::StrCat(", user ", HexOf(*one.user_ref)) : "",
                      ": the ledger has ", one.ledger, ", the log ", one.exact ? "" : "at least ",
                      one.log);
}

std::string InWords(const AuditOverspend& one) {
  return absl::StrCat("row ", one.row, ", ", WindowText(one.window_start_us), ": ", one.spent,
                      " is spent of a lease of ", one.leased);
}

std::string ToText(const AuditReport& report) {
  std::string text = absl::StrFormat(
      "ledger and log up to LSN %d\n  %d sums are held against the whole log, %d against a part\n",
      report.lsn, report.exact, report.at_least);
  for (const AuditDifference& one : report.differences) {
    absl::StrAppend(&text, "  DIFFERS: ", InWords(one), "\n");
  }
  for (const AuditOverspend& one : report.overspends) {
    absl::StrAppend(&text, "  OVERSPENT: ", InWords(one), "\n");
  }
  if (report.clean()) return text + "reconciled\n";
  absl::StrAppend(&text, "NOT RECONCILED: ", report.differing, " sums differ, ", report.overspent,
                  " leases are overspent\n");
  return text;
}

std::string ToJson(const AuditReport& report) {
  rapidjson::StringBuffer buffer;
  Json json(buffer);
  json.StartObject();
  Put(&json, "lsn", report.lsn);
  json.Key("reconciled");
  json.Bool(report.clean());
  Put(&json, "exact", report.exact);
  Put(&json, "at_least", report.at_least);
  Put(&json, "differing", report.differing);
  PutSigned(&json, "difference", report.difference);
  Put(&json, "overspent", report.overspent);
  json.Key("differences");
  json.StartArray();
  for (const AuditDifference& one : report.differences) {
    json.StartObject();
    Put(&json, "row", one.row);
    Put(&json, "window", WindowText(one.window_start_us));
    if (one.user_ref) Put(&json, "user_ref", HexOf(*one.user_ref));
    PutSigned(&json, "ledger", one.ledger);
    PutSigned(&json, "log", one.log);
    json.Key("exact");
    json.Bool(one.exact);
    json.EndObject();
  }
  json.EndArray();
  json.Key("overspends");
  json.StartArray();
  for (const AuditOverspend& one : report.overspends) {
    json.StartObject();
    Put(&json, "row", one.row);
    Put(&json, "window", WindowText(one.window_start_us));
    PutSigned(&json, "leased", one.leased);
    PutSigned(&json, "spent", one.spent);
    json.EndObject();
  }
  json.EndArray();
  json.EndObject();
  return {buffer.GetString(), buffer.GetSize()};
}

}  // namespace fulcrum::apps
