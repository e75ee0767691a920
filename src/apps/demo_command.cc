#include "apps/demo_command.h"

#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "apps/child_process.h"
#include "apps/command_line.h"
#include "apps/demo_data.h"
#include "apps/demo_model.h"
#include "apps/demo_report.h"
#include "apps/demo_traffic.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "config/loader.h"
#include "decision_log/verify.h"
#include "evaluation/evaluate.h"
#include "evaluation/log_rows.h"
#include "replay/verify.h"

namespace fulcrum::apps {
namespace {

namespace fs = std::filesystem;
constexpr char kProgram[] = "fulcrum demo";
constexpr char kDataVariable[] = "FULCRUM_DEMO_DATA";

struct Arguments {
  std::string data;
  std::string config = "configs/demo";
  std::string work = "build/demo";
  uint64_t seed = 1;
  bool json = false;
};

// Steps and progress go to standard error, so that standard output is the result alone.
void Say(const std::string& text) {
  std::fprintf(stderr, "%s\n", text.c_str());
}

class Progress {
 public:
  void operator()(size_t done, size_t all) {
    const auto now = std::chrono::steady_clock::now();
    if (done != all && now - last_ < std::chrono::seconds(2)) return;
    last_ = now;
    Say(absl::StrFormat("  %d of %d requests", done, all));
  }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

std::string SelfPath() {
  return fs::read_symlink("/proc/self/exe").string();
}

// A demo directory of our own, emptied: whatever else may be there is not touched.
absl::Status PrepareWorkDirectory(const Arguments& arguments) {
  std::error_code error;
  const fs::path marker = fs::path(arguments.work) / "fulcrum-demo";
  if (fs::exists(arguments.work) && !fs::is_empty(arguments.work, error) && !fs::exists(marker)) {
    return absl::FailedPreconditionError(absl::StrCat(
        arguments.work, " is not empty and not of an earlier demo; name another with --work"));
  }
  fs::remove_all(arguments.work, error);
  fs::create_directories(fs::path(arguments.work) / "config", error);
  if (error) {
    return absl::InternalError(absl::StrCat("cannot make ", arguments.work, ": ", error.message()));
  }
  std::ofstream(marker) << "made by `fulcrum demo`, which may delete it\n";
  for (const auto& file : fs::directory_iterator(arguments.config, error)) {
    if (file.path().extension() == ".yaml") {
      fs::copy_file(file.path(), fs::path(arguments.work) / "config" / file.path().filename(),
                    error);
    }
  }
  if (!error) return absl::OkStatus();
  return absl::NotFoundError(
      absl::StrCat("cannot copy the bundle from ", arguments.config, ": ", error.message()));
}

absl::Status WriteText(const std::string& path, const std::string& text) {
  return base::WriteFileAtomically(base::PosixFileSystem(), path, text);
}

absl::Status RunTool(const std::vector<std::string>& words, const std::string& log_path) {
  FULCRUM_ASSIGN_OR_RETURN(ChildProcess child, ChildProcess::Start(words, log_path));
  FULCRUM_ASSIGN_OR_RETURN(const int code, child.Wait(absl::Minutes(2)));
  if (code == 0) return absl::OkStatus();
  return absl::InternalError(
      absl::StrCat("`", absl::StrJoin(words, " "), "` ended with code ", code, "; see ", log_path));
}

absl::Status LoadRows(const Arguments& arguments, const DemoData& data) {
  const std::string config = absl::StrCat(arguments.work, "/config");
  const std::string log = absl::StrCat(arguments.work, "/load.txt");
  const std::string users = absl::StrCat(arguments.work, "/users.csv");
  const std::string items = absl::StrCat(arguments.work, "/items.csv");
  FULCRUM_RETURN_IF_ERROR(WriteText(users, UsersCsv(data)));
  FULCRUM_RETURN_IF_ERROR(WriteText(items, ItemsCsv(data)));
  FULCRUM_RETURN_IF_ERROR(RunTool(
      {SelfPath(), "load", "--config", config, "--view", "user_profile", "--file", users}, log));
  return RunTool(
      {SelfPath(), "load", "--config", config, "--view", "item_profile", "--file", items}, log);
}

struct RunningServer {
  ChildProcess process;
  std::string address;
};

absl::StatusOr<RunningServer> StartServer(const Arguments& arguments) {
  const std::string ready = absl::StrCat(arguments.work, "/ready");
  const std::string log = absl::StrCat(arguments.work, "/fulcrumd.txt");
  const std::string binary = (fs::path(SelfPath()).parent_path() / "fulcrumd").string();
  FULCRUM_ASSIGN_OR_RETURN(
      ChildProcess process,
      ChildProcess::Start({binary, "--config", absl::StrCat(arguments.work, "/config"), "--clock",
                           "request", "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0",
                           "--seed", absl::StrCat(arguments.seed), "--ready-file", ready},
                          log));
  for (int i = 0; i < 3000 && !fs::exists(ready); ++i) {
    if (process.Ended()) {
      return absl::InternalError(
          absl::StrCat("fulcrumd ended with code ", process.exit_code(), "; see ", log));
    }
    usleep(10000);
  }
  std::ifstream file(ready);
  int port = 0;
  if (!(file >> port)) return absl::DeadlineExceededError("fulcrumd did not get ready; see " + log);
  return RunningServer{std::move(process), absl::StrCat("127.0.0.1:", port)};
}

absl::StatusOr<TrafficResult> PlayAgainstServer(const Arguments& arguments, const DemoData& data) {
  FULCRUM_ASSIGN_OR_RETURN(RunningServer server, StartServer(arguments));
  const auto client = DecisionClient::Connect(server.address);
  FULCRUM_RETURN_IF_ERROR(client->WaitUntilServing(absl::Seconds(10)));
  FULCRUM_ASSIGN_OR_RETURN(TrafficResult traffic,
                           PlayTraffic(*client, data, arguments.seed, Progress()));
  server.process.Signal(SIGTERM);
  FULCRUM_ASSIGN_OR_RETURN(const int code, server.process.Wait(absl::Seconds(30)));
  if (code != 0) {
    return absl::InternalError(
        absl::StrCat("fulcrumd ended with code ", code, "; see ", arguments.work, "/fulcrumd.txt"));
  }
  return traffic;
}

absl::Status CheckLog(DemoReport* report) {
  FULCRUM_ASSIGN_OR_RETURN(const decision_log::VerifyReport verified,
                           decision_log::VerifyLog(base::PosixFileSystem(), report->log_directory));
  report->log_records = verified.records;
  report->log_verified = verified.clean();
  uint64_t checks = 0;
  for (const auto& invariant : verified.invariants) checks += invariant.checked;
  report->log_finding = report->log_verified ? absl::StrCat("ok: ", verified.invariants.size(),
                                                            " invariants, ", checks, " checks")
                                             : "FAILED: run `fulcrum log verify` on it";
  return absl::OkStatus();
}

absl::Status ReplayLog(DemoReport* report) {
  FULCRUM_ASSIGN_OR_RETURN(const replay::ReplayReport replayed,
                           replay::VerifyReplay(base::PosixFileSystem(), report->log_directory));
  report->log_replayed = replayed.different == 0;
  report->replay_finding =
      report->log_replayed
          ? absl::StrCat("identical: ", replayed.selection_identical, " of ", replayed.decisions,
                         " selections, ", replayed.full_identical, " whole decisions")
          : absl::StrCat("FAILED: ", replayed.different,
                         " decisions differ; run `fulcrum replay --verify` on it");
  return absl::OkStatus();
}

// The served policy and two others, from the log alone.
absl::Status EvaluatePolicies(uint64_t seed, DemoReport* report) {
  FULCRUM_ASSIGN_OR_RETURN(const evaluation::RowSet rows,
                           evaluation::ReadLogRows(report->log_directory, {}));
  evaluation::EvaluateOptions options;
  options.seed = seed;
  const std::pair<const char*, evaluation::Target> kPolicies[] = {
      {"served", evaluation::Target::Logged()},
      {"uniform", evaluation::Target::Uniform()},
      {"greedy", evaluation::Target::Greedy()}};
  for (const auto& [name, target] : kPolicies) {
    FULCRUM_ASSIGN_OR_RETURN(evaluation::Evaluation evaluated,
                             evaluation::Evaluate(rows, target, options));
    report->policies.push_back({name, std::move(evaluated)});
  }
  return absl::OkStatus();
}

std::vector<std::string> Warnings(const DemoData& data, const TrafficResult& traffic) {
  std::vector<std::string> warnings;
  warnings.reserve(data.absent.size() + 1);
  for (const std::string& name : data.absent) {
    warnings.push_back(absl::StrCat("campaign '", name, "' is not in the data and was skipped"));
  }
  if (traffic.fallbacks * 100 > traffic.decisions) {
    warnings.push_back(
        "more than 1 % of the answers were fallbacks, which no estimate uses: the "
        "rest is not a fair sample");
  }
  return warnings;
}

absl::StatusOr<DemoReport> RunDemo(const Arguments& arguments) {
  Say("Fulcrum demo: the Open Bandit Dataset's sample by Saito, Aihara, Matsutani and Narita "
      "(2020), "
      "in the package obp 0.5.7\n(Apache-2.0; the authors give the data set itself under CC BY "
      "4.0)");
  Say("1/4 reading " + arguments.data);
  FULCRUM_ASSIGN_OR_RETURN(const DemoData data,
                           ReadDemoData(base::PosixFileSystem(), arguments.data));
  FULCRUM_RETURN_IF_ERROR(PrepareWorkDirectory(arguments));
  Say("2/4 training the click model on the Thompson logs, loading users and items");
  const std::string config = absl::StrCat(arguments.work, "/config");
  FULCRUM_ASSIGN_OR_RETURN(
      const std::string training,
      TrainDemoModel(base::PosixFileSystem(), data, config + "/model", arguments.seed));
  std::fputs(training.c_str(), stderr);
  FULCRUM_RETURN_IF_ERROR(
      WriteText(config + "/model.yaml", "model:\n  manifest: model/manifest.yaml\n"));
  FULCRUM_RETURN_IF_ERROR(LoadRows(arguments, data));
  Say("3/4 playing the uniform-random logs as live requests over gRPC");
  DemoReport report;
  FULCRUM_ASSIGN_OR_RETURN(report.traffic, PlayAgainstServer(arguments, data));
  Say("4/4 reading the decision log\n");
  FULCRUM_ASSIGN_OR_RETURN(const auto bundle, config::LoadBundle(base::PosixFileSystem(), config));
  for (const DemoCampaign& campaign : data.campaigns) report.campaigns.push_back(campaign.name);
  report.replay = evaluation::EstimateByReplay(report.traffic.rows, arguments.seed);
  report.log_directory =
      fs::weakly_canonical(fs::path(config) / bundle->server.data_dir / "log").string();
  FULCRUM_ASSIGN_OR_RETURN(report.rows, FoldRows(*bundle, report.log_directory));
  std::erase_if(report.rows, [&report](const RowUse& use) {
    return std::find(report.campaigns.begin(), report.campaigns.end(), use.campaign) ==
           report.campaigns.end();
  });
  FULCRUM_RETURN_IF_ERROR(CheckLog(&report));
  FULCRUM_RETURN_IF_ERROR(ReplayLog(&report));
  FULCRUM_RETURN_IF_ERROR(EvaluatePolicies(arguments.seed, &report));
  report.warnings = Warnings(data, report.traffic);
  return report;
}

int Run(Arguments arguments) {
  if (arguments.data.empty()) {
    const char* given = std::getenv(kDataVariable);
    arguments.data = given != nullptr && *given != '\0' ? given : "build/demo-data/obd";
  }
  if (!fs::is_directory(arguments.data)) {
    return Fail(
        kProgram,
        absl::NotFoundError(absl::StrCat(
            "no data in ", arguments.data,
            ": run `make demo`, which downloads it (PyPI "
            "package obp 0.5.7), or set ",
            kDataVariable, " to a directory laid out random/<campaign>/<campaign>.csv, bts/..")));
  }
  const auto report = RunDemo(arguments);
  if (!report.ok()) return Fail(kProgram, report.status());
  std::fputs((arguments.json ? ToJson(*report) : ToTable(*report)).c_str(), stdout);
  return report->log_verified && report->log_replayed ? kExitOk : kExitFinding;
}

}  // namespace

void AddDemoCommand(CLI::App& app, int* exit_code) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand(
      "demo", "Play recorded traffic of a fashion shop through the service and show the result");
  command->add_option("--data", arguments->data,
                      "The data set's directory (default: $FULCRUM_DEMO_DATA, then the download)");
  command->add_option("--config", arguments->config, "Bundle to run")->capture_default_str();
  command->add_option("--work", arguments->work, "Where everything is written; emptied first")
      ->capture_default_str();
  command->add_option("--seed", arguments->seed, "Candidate lists, coins, decision ids, bootstrap")
      ->capture_default_str();
  command->add_flag("--json", arguments->json, "The result as JSON");
  command->callback([arguments, exit_code] { *exit_code = Run(*arguments); });
}

}  // namespace fulcrum::apps
