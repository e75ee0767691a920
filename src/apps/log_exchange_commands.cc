#include "apps/log_exchange_commands.h"

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <CLI/Validators.hpp>
#include <cstdio>
#include <memory>
#include <string>
#include <tuple>

#include "apps/command_line.h"
#include "exchange/jsonl.h"

namespace fulcrum::apps {
namespace {

using exchange::TransferReport;

struct ExchangeOptions {
  std::string log;
  std::string file;
};

struct ImportArguments {
  std::string log;
  std::string file;
  std::string format = "jsonl";
  exchange::ImportOptions options;
};

// Counts to standard output, what was left out to standard error.
int Told(const char* command, const char* place, const absl::StatusOr<TransferReport>& report) {
  if (!report.ok()) return Fail(command, report.status());
  for (const exchange::BadLine& bad : report->bad_lines) {
    std::fprintf(stderr, "%s: %s %llu: %s\n", command, place,
                 static_cast<unsigned long long>(bad.line), bad.reason.c_str());
  }
  if (report->bad_count > report->bad_lines.size()) {
    std::fprintf(stderr, "%s: ... %llu left out in all\n", command,
                 static_cast<unsigned long long>(report->bad_count));
  }
  std::printf("%llu events, %llu feature snapshots, %llu left out\n",
              static_cast<unsigned long long>(report->events),
              static_cast<unsigned long long>(report->snapshots),
              static_cast<unsigned long long>(report->bad_count));
  return report->bad_count == 0 ? kExitOk : kExitFinding;
}

int RunImport(ImportArguments* in) {
  using exchange::ImportFormat;
  exchange::ImportOptions& options = in->options;
  if (in->format == "vw") options.format = ImportFormat::kVwText;
  if (in->format == "dsjson") options.format = ImportFormat::kDsjson;
  if (in->format == "table" || in->format == "open-bandit") options.format = ImportFormat::kTable;
  if (in->format == "open-bandit") options.columns = exchange::OpenBanditColumns();
  return Told("fulcrum log import", "line", exchange::ImportLog(in->file, in->log, options));
}

}  // namespace

void AddLogExchangeCommands(CLI::App& log, int* exit_code) {
  auto out = std::make_shared<ExchangeOptions>();
  CLI::App* const to = log.add_subcommand("export", "Write a log as lines of JSON, without loss");
  to->add_option("log", out->log, "The log's directory")->required();
  to->add_option("file", out->file, "The file to write; replaced if it exists")->required();
  to->callback([out, exit_code] {
    *exit_code = Told("fulcrum log export", "LSN", exchange::ExportJsonl(out->log, out->file));
  });

  auto in = std::make_shared<ImportArguments>();
  CLI::App* const from = log.add_subcommand("import", "Make a log of what was logged elsewhere");
  from->add_option("file", in->file, "The file to read")->required();
  from->add_option("log", in->log, "The directory of the new log; must not exist")->required();
  from->add_option("--format", in->format,
                   "jsonl (the default): what export writes; vw or dsjson: Vowpal Wabbit's; "
                   "table: CSV; open-bandit: CSV of the Open Bandit Dataset")
      ->check(CLI::IsMember({"jsonl", "vw", "dsjson", "table", "open-bandit"}));
  exchange::TableColumns& columns = in->options.columns;
  for (const auto& [flag, value, help] :
       {std::tuple("--action", &columns.action, "The table's column of actions [action]"),
        std::tuple("--propensity", &columns.propensity, "... of propensities [propensity]"),
        std::tuple("--reward", &columns.reward, "... of rewards [reward]"),
        std::tuple("--time", &columns.time,
                   "... of times, such as 2026-01-31T23:59:59Z; "
                   "without it times count the lines"),
        std::tuple("--surface", &columns.surface,
                   "The surface that the table's rows get [table]")}) {
    from->add_option(flag, *value, help);
  }
  from->add_flag("--strict", in->options.strict,
                 "Fail at the first bad line instead of leaving it out");
  from->callback([in, exit_code] { *exit_code = RunImport(in.get()); });
}

}  // namespace fulcrum::apps
