#include "apps/ledger_command.h"

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <CLI/Validators.hpp>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "apps/command_line.h"
#include "apps/ledger_reconcile.h"
#include "base/status_macros.h"
#include "config/loader.h"
#include "leases/rocksdb_lease_store.h"
#include "orchestrator/lease_desk.h"

namespace fulcrum::apps {
namespace {

constexpr char kProgram[] = "fulcrum ledger reconcile";

struct Arguments {
  std::string bundle;
  std::string data;  // instead of the bundle's
  bool json = false;
};

absl::StatusOr<int> Run(const Arguments& arguments) {
  base::FileSystem* const files = base::PosixFileSystem();
  FULCRUM_ASSIGN_OR_RETURN(const std::shared_ptr<const config::Bundle> bundle,
                           config::LoadBundle(files, arguments.bundle));
  std::string data = arguments.data;
  if (data.empty()) {
    data = (std::filesystem::path(arguments.bundle) / bundle->server.data_dir).string();
  }
  // The log last: it has all that the others have heard of.
  const auto charges =
      leases::RocksDbLeaseStore::ReadCharges(files, data + "/leases", orchestrator::kReplica);
  const auto checkpoint = orchestrator::LedgerStore::ReadDirectory(files, data + "/ledger");
  if (absl::IsNotFound(checkpoint.status())) {
    return absl::NotFoundError(absl::StrCat(checkpoint.status().message(),
                                            "; name the service's data directory with --data"));
  }
  FULCRUM_RETURN_IF_ERROR(checkpoint.status());
  FULCRUM_RETURN_IF_ERROR(charges.status());
  orchestrator::LedgerAudit audit(bundle);
  FULCRUM_ASSIGN_OR_RETURN(const orchestrator::AuditReport report,
                           Reconcile(files, data + "/log", *charges, *checkpoint, &audit));
  if (audit.lsn() < checkpoint->fold.lsn) {
    Fail(kProgram, absl::DataLossError(absl::StrCat(
                       "the log ends at LSN ", audit.lsn(), ", the ledger has heard of ",
                       checkpoint->fold.lsn, ": of all windows the log has a part only")));
  }
  std::printf("%s%s", (arguments.json ? ToJson(report) : ToText(report)).c_str(),
              arguments.json ? "\n" : "");
  return report.clean() ? kExitOk : kExitFinding;
}

}  // namespace

void AddLedgerCommand(CLI::App& app, int* exit_code) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* const ledger = app.add_subcommand("ledger", "Look at the ledger of limits");
  ledger->require_subcommand(1);
  CLI::App* const command = ledger->add_subcommand(
      "reconcile",
      "Hold what the ledger has spent against the decision log; exit code 1 if they "
      "differ. May run beside the service");
  command->add_option("bundle", arguments->bundle, "The service's bundle")->required();
  command->add_option("--data", arguments->data, "Its data directory, if not the bundle's");
  command->add_flag("--json", arguments->json, "Write one JSON object");
  command->callback([arguments, exit_code] { *exit_code = Answered(kProgram, Run(*arguments)); });
}

}  // namespace fulcrum::apps
