#include "apps/log_exchange_commands.h"

#include <unistd.h>

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <CLI/Validators.hpp>
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <tuple>

#include "apps/command_line.h"
#include "exchange/export.h"
#include "exchange/import.h"

namespace fulcrum::apps {
namespace {

using exchange::TransferReport;

struct ExportArguments {
  std::string log;
  std::string file;
  std::string format = "jsonl";
  std::string view = "all";
  exchange::ExportOptions options;
  bool progress = false;
};

struct ImportArguments {
  std::string log;
  std::string file;
  std::string format = "jsonl";
  exchange::ImportOptions options;
  bool progress = false;
};

// One line on standard error, at most once a second: rewritten in place on a terminal.
class ProgressLine {
 public:
  explicit ProgressLine(const char* command) : command_(command) {}
  ~ProgressLine() {
    if (open_) std::fputc('\n', stderr);
  }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  void Show(const exchange::Progress& progress) {
    const auto now = std::chrono::steady_clock::now();
    if (now < next_) return;
    next_ = now + std::chrono::seconds(1);
    std::fprintf(stderr, "%s%s: %llu records", terminal_ ? "\r" : "", command_,
                 static_cast<unsigned long long>(progress.records));
    if (progress.bytes_total != 0) {
      std::fprintf(stderr, ", %.0f of %.0f MB", static_cast<double>(progress.bytes) / 1e6,
                   static_cast<double>(progress.bytes_total) / 1e6);
    }
    if (!terminal_) std::fputc('\n', stderr);
    open_ = terminal_;
  }

 private:
  const char* const command_;
  const bool terminal_ = isatty(STDERR_FILENO) != 0;
  bool open_ = false;  // the cursor stands behind it
  std::chrono::steady_clock::time_point next_ =
      std::chrono::steady_clock::now() + std::chrono::seconds(1);
};

// Asked for, or somebody is looking.
void SetProgress(bool wanted, ProgressLine* line, exchange::TransferOptions* options) {
  if (!wanted && isatty(STDERR_FILENO) == 0) return;
  options->on_progress = [line](const exchange::Progress& progress) { line->Show(progress); };
}

unsigned long long Count(uint64_t value) {
  return value;
}

// Counts to standard output, what was left out to standard error.
int Told(const char* command, const char* place, bool table,
         const absl::StatusOr<TransferReport>& report) {
  if (!report.ok()) return Fail(command, report.status());
  for (const exchange::BadLine& bad : report->bad_lines) {
    std::fprintf(stderr, "%s: %s %llu: %s\n", command, place, Count(bad.line), bad.reason.c_str());
  }
  if (report->bad_count > report->bad_lines.size()) {
    std::fprintf(stderr, "%s: ... %llu left out in all\n", command, Count(report->bad_count));
  }
  if (table) {
    std::printf("%llu rows, %llu left out\n", Count(report->rows), Count(report->bad_count));
  } else {
    std::printf("%llu events, %llu feature snapshots, %llu left out\n", Count(report->events),
                Count(report->snapshots), Count(report->bad_count));
  }
  return report->bad_count == 0 ? kExitOk : kExitFinding;
}

int RunExport(ExportArguments* out) {
  constexpr char kCommand[] = "fulcrum log export";
  exchange::ExportOptions& options = out->options;
  if (out->format == "csv") options.format = exchange::ExportFormat::kCsv;
  if (out->format == "parquet") options.format = exchange::ExportFormat::kParquet;
  if (out->view == "final") options.view = exchange::View::kFinal;
  if (out->view == "interim") options.view = exchange::View::kInterim;
  absl::StatusOr<TransferReport> report;
  {
    ProgressLine line(kCommand);
    SetProgress(out->progress, &line, &options.transfer);
    report = exchange::ExportLog(out->log, out->file, options);
  }
  return Told(kCommand, "LSN", out->format != "jsonl", report);
}

int RunImport(ImportArguments* in) {
  using exchange::ImportFormat;
  constexpr char kCommand[] = "fulcrum log import";
  exchange::ImportOptions& options = in->options;
  if (in->format == "vw") options.format = ImportFormat::kVwText;
  if (in->format == "dsjson") options.format = ImportFormat::kDsjson;
  if (in->format == "table" || in->format == "open-bandit") options.format = ImportFormat::kTable;
  if (in->format == "open-bandit") options.columns = exchange::OpenBanditColumns();
  absl::StatusOr<TransferReport> report;
  {
    ProgressLine line(kCommand);
    SetProgress(in->progress, &line, &options.transfer);
    report = exchange::ImportLog(in->file, in->log, options);
  }
  return Told(kCommand, "line", false, report);
}

void AddTransferOptions(CLI::App& command, bool* progress, exchange::TransferOptions* options) {
  command.add_flag("--resume", options->resume,
                   "Go on with what was interrupted; without it that is discarded");
  command.add_flag("--progress", *progress,
                   "Tell progress on standard error, as on a terminal anyway");
}

void AddExport(CLI::App& log, int* exit_code) {
  auto out = std::make_shared<ExportArguments>();
  CLI::App* const to =
      log.add_subcommand("export", "Write a log as lines of JSON, without loss, or as a table");
  to->add_option("log", out->log, "The log's directory")->required();
  to->add_option("file", out->file, "The file to write; replaced if it exists")->required();
  to->add_option("--format", out->format,
                 "jsonl (the default): all records; csv or parquet: a row for each decided "
                 "position, with what came of it")
      ->check(CLI::IsMember({"jsonl", "csv", "parquet"}));
  to->add_option("--view", out->view,
                 "Of a table; final: rows that are settled; interim: those still open")
      ->check(CLI::IsMember({"all", "final", "interim"}));
  AddTransferOptions(*to, &out->progress, &out->options.transfer);
  to->callback([out, exit_code] { *exit_code = RunExport(out.get()); });
}

void AddImport(CLI::App& log, int* exit_code) {
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
        std::tuple("--surface-column", &columns.surface_column, "... of surfaces"),
        std::tuple("--surface", &columns.surface,
                   "The surface that the table's rows get without one [table]")}) {
    from->add_option(flag, *value, help);
  }
  from->add_flag("--strict", in->options.strict,
                 "Fail at the first bad line instead of leaving it out");
  AddTransferOptions(*from, &in->progress, &in->options.transfer);
  from->callback([in, exit_code] { *exit_code = RunImport(in.get()); });
}

}  // namespace

void AddLogExchangeCommands(CLI::App& log, int* exit_code) {
  AddExport(log, exit_code);
  AddImport(log, exit_code);
}

}  // namespace fulcrum::apps
