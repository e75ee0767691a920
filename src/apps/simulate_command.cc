#include "apps/simulate_command.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "apps/command_line.h"
#include "apps/demo_rows.h"
#include "apps/regret_study.h"
#include "apps/simulate_report.h"
#include "apps/simulate_service.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "config/loader.h"
#include "simulation/regret.h"
#include "simulation/served_policy.h"
#include "simulation/truth.h"

namespace fulcrum::apps {
namespace {

using simulation::ServedPolicy;

constexpr char kProgram[] = "fulcrum simulate";
// What --regret compares if it is not told: each kind as it is, and what the floor costs.
constexpr const char* kStudied[] = {
    "thompson@0",     "thompson", "thompson@0.05",     "thompson@0.1",    "top_two@0",
    "softmax:0.02@0", "greedy@0", "inverse_gap:500@0", "upper_bound:1@0", "epsilon_greedy:0.05@0",
    "uniform"};

struct Arguments {
  std::string world = "stationary";
  std::vector<std::string> policies;
  std::string work = "build/simulation";
  uint64_t decisions = 10'000;
  uint32_t users = simulation::kUsersDefault;
  uint64_t seed = 1;
  uint64_t regret_seeds = 0;
  std::vector<std::string> studies;
  std::string export_to;
  std::string plot;
  bool json = false;
};

// On standard error, every two seconds.
class Progress {
 public:
  explicit Progress(uint64_t all) : all_(all) {}
  void operator()(uint64_t done) {
    const auto now = std::chrono::steady_clock::now();
    if (now - last_ < std::chrono::seconds(2)) return;
    last_ = now;
    std::fprintf(stderr, "  %s\n", absl::StrCat(done, " of ", all_, " decisions").c_str());
  }

 private:
  const uint64_t all_;
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

double SecondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

simulation::TrafficOptions TrafficOf(const Arguments& arguments) {
  simulation::TrafficOptions options;
  options.decisions = arguments.decisions;
  options.seed = arguments.seed;
  options.users = arguments.users;
  return options;
}

absl::Status Play(const Arguments& arguments, simulation::Endpoint& endpoint,
                  SimulateReport* report) {
  const auto start = std::chrono::steady_clock::now();
  FULCRUM_ASSIGN_OR_RETURN(
      report->traffic, simulation::PlayTraffic(report->world, report->oracle, TrafficOf(arguments),
                                               endpoint, Progress(arguments.decisions)));
  report->seconds = SecondsSince(start);
  return absl::OkStatus();
}

// What the log proves of the budget, which need not be what the visitors saw.
absl::StatusOr<int64_t> SpentIn(const SimulateReport& report) {
  FULCRUM_ASSIGN_OR_RETURN(const auto bundle,
                           config::LoadBundle(base::PosixFileSystem(), report.bundle_directory));
  FULCRUM_ASSIGN_OR_RETURN(const std::vector<RowUse> rows, FoldRows(*bundle, report.log_directory));
  int64_t spent = 0;
  for (const RowUse& row : rows) spent += row.campaign_total ? row.spent_total : 0;
  return spent;
}

absl::Status PlayService(const Arguments& arguments, const ServedPolicy& policy,
                         SimulateReport* report) {
  simulation::BundleOptions bundle;
  bundle.exploration_floor = policy.exploration_floor;
  bundle.policy = simulation::PolicyYaml(policy);
  bundle.budget_micros = report->budget_micros;
  FULCRUM_ASSIGN_OR_RETURN(const auto service,
                           SimulatedService::Start(arguments.work, report->world, bundle,
                                                   arguments.users, arguments.seed));
  report->truth_file = absl::StrCat(arguments.work, "/truth.json");
  FULCRUM_RETURN_IF_ERROR(
      base::WriteFileAtomically(base::PosixFileSystem(), report->truth_file,
                                simulation::TruthJson(report->world, report->oracle)));
  ClientEndpoint endpoint(service->client(), &report->world);
  FULCRUM_RETURN_IF_ERROR(Play(arguments, endpoint, report));
  FULCRUM_RETURN_IF_ERROR(service->Stop());
  report->bundle_directory = service->config_directory();
  report->log_directory = service->log_directory();
  FULCRUM_ASSIGN_OR_RETURN(report->spent_micros, SpentIn(*report));
  return absl::OkStatus();
}

absl::StatusOr<std::vector<ServedPolicy>> PoliciesOf(const Arguments& arguments) {
  std::vector<std::string> texts = arguments.policies;
  if (texts.empty() && arguments.regret_seeds == 0) texts = {"thompson"};
  if (texts.empty()) texts.assign(std::begin(kStudied), std::end(kStudied));
  std::vector<ServedPolicy> policies;
  for (const std::string& text : texts) {
    FULCRUM_ASSIGN_OR_RETURN(policies.emplace_back(), simulation::ParsePolicy(text));
  }
  return policies;
}

absl::StatusOr<SimulateReport> RunOne(const Arguments& arguments) {
  SimulateReport report;
  FULCRUM_ASSIGN_OR_RETURN(report.world, simulation::FindWorld(arguments.world));
  if (arguments.policies.size() > 1) {
    return absl::InvalidArgumentError("several policies are compared with --regret SEEDS");
  }
  FULCRUM_ASSIGN_OR_RETURN(const std::vector<ServedPolicy> policies, PoliciesOf(arguments));
  report.policy = policies.front().text;
  report.seed = arguments.seed;
  report.budget_micros = simulation::BudgetOf(report.world, arguments.decisions);
  const double shown = static_cast<double>(arguments.decisions) * report.world.timing.shown;
  report.oracle =
      simulation::SolveOracle(report.world, static_cast<double>(report.budget_micros) / shown);
  FULCRUM_RETURN_IF_ERROR(PlayService(arguments, policies.front(), &report));
  return report;
}

absl::Status Show(const Arguments& arguments, const simulation::RegretStudy& study) {
  if (!arguments.plot.empty()) {
    FULCRUM_RETURN_IF_ERROR(base::WriteFileAtomically(base::PosixFileSystem(), arguments.plot,
                                                      simulation::RegretSvg(study)));
  }
  std::fputs(
      (arguments.json ? simulation::RegretJson(study) : simulation::RegretTable(study)).c_str(),
      stdout);
  return absl::OkStatus();
}

absl::Status RunRegret(const Arguments& arguments) {
  FULCRUM_ASSIGN_OR_RETURN(const simulation::World world, simulation::FindWorld(arguments.world));
  FULCRUM_RETURN_IF_ERROR(PrepareSimulation(arguments.work));
  const base::SystemClock clock;
  simulation::RegretOptions options;
  options.directory = absl::StrCat(arguments.work, "/regret");
  options.decisions = arguments.decisions;
  options.seeds = arguments.regret_seeds;
  FULCRUM_ASSIGN_OR_RETURN(options.policies, PoliciesOf(arguments));
  options.clock = &clock;
  FULCRUM_ASSIGN_OR_RETURN(const simulation::RegretStudy study,
                           simulation::StudyRegret(world, options, [](const std::string& what) {
                             std::fprintf(stderr, "  %s\n", what.c_str());
                           }));
  return Show(arguments, study);
}

// Studies that are there already, or the policies of them that are named.
absl::Status RunStudies(const Arguments& arguments) {
  std::vector<simulation::RegretStudy> studies;
  for (const std::string& path : arguments.studies) {
    FULCRUM_ASSIGN_OR_RETURN(studies.emplace_back(), ReadRegretStudy(path));
  }
  FULCRUM_ASSIGN_OR_RETURN(simulation::RegretStudy study, MergeStudies(studies));
  if (arguments.policies.empty()) return Show(arguments, study);
  std::vector<simulation::PolicyRegret> named;
  for (const std::string& policy : arguments.policies) {
    const auto found =
        std::find_if(study.policies.begin(), study.policies.end(),
                     [&policy](const auto& regret) { return regret.policy == policy; });
    if (found == study.policies.end()) {
      return absl::NotFoundError(absl::StrCat("no study has the policy '", policy, "'"));
    }
    named.push_back(*found);
  }
  study.policies = std::move(named);
  return Show(arguments, study);
}

// The world's truth and visits, for policies from elsewhere.
absl::Status RunExport(const Arguments& arguments) {
  FULCRUM_ASSIGN_OR_RETURN(simulation::World world, simulation::FindWorld(arguments.world));
  world.budgeted.clear();
  base::FileSystem* const files = base::PosixFileSystem();
  FULCRUM_RETURN_IF_ERROR(files->CreateDirectories(arguments.export_to));
  FULCRUM_RETURN_IF_ERROR(
      base::WriteFileAtomically(files, absl::StrCat(arguments.export_to, "/truth.json"),
                                simulation::TruthJson(world, simulation::SolveOracle(world, 0))));
  return base::WriteFileAtomically(
      files, absl::StrCat(arguments.export_to, "/visits-", arguments.seed, ".csv"),
      simulation::VisitsCsv(world, arguments.seed, arguments.users, arguments.decisions));
}

int Run(const Arguments& arguments) {
  const bool compares = arguments.regret_seeds > 0 || !arguments.studies.empty();
  if (!arguments.plot.empty() && !compares) {
    return Fail(kProgram, absl::InvalidArgumentError(
                              "--plot needs --regret SEEDS or --study FILE: it draws that"));
  }
  if (compares || !arguments.export_to.empty()) {
    const absl::Status status = !arguments.export_to.empty() ? RunExport(arguments)
                                : !arguments.studies.empty() ? RunStudies(arguments)
                                                             : RunRegret(arguments);
    return status.ok() ? kExitOk : Fail(kProgram, status);
  }
  const auto report = RunOne(arguments);
  if (!report.ok()) return Fail(kProgram, report.status());
  std::fputs((arguments.json ? ToJson(*report) : ToTable(*report)).c_str(), stdout);
  return kExitOk;
}

}  // namespace

void AddSimulateCommand(CLI::App& app, int* exit_code) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand(
      "simulate", "Play a small world with known truth against the service, or compare policies");
  command
      ->add_option("--world", arguments->world,
                   absl::StrCat("One of ", absl::StrJoin(simulation::WorldNames(), ", ")))
      ->capture_default_str();
  command->add_option("--policy", arguments->policies,
                      "NAME[:PARAMETER][@FLOOR]: what the surface's policy is to be, such as "
                      "softmax:0.02@0.05; with --regret there may be several");
  command->add_option("--decisions", arguments->decisions, "How many")
      ->check(CLI::Range(1, 100'000'000))
      ->capture_default_str();
  command->add_option("--users", arguments->users, "How many different users")
      ->check(CLI::Range(1, 10'000'000))
      ->capture_default_str();
  command->add_option("--seed", arguments->seed, "Of visitors, luck and decision ids")
      ->capture_default_str();
  command->add_option("--work", arguments->work, "Where everything is written; emptied first")
      ->capture_default_str();
  command->add_option("--regret", arguments->regret_seeds,
                      "Compare policies over this many seeds, in this process");
  command
      ->add_option("--study", arguments->studies,
                   "Show what --regret --json wrote instead: several of a world as one, with "
                   "--policy only some of it")
      ->excludes("--regret");
  command->add_option("--plot", arguments->plot, "SVG file for the plot of --regret or --study");
  command
      ->add_option("--export", arguments->export_to,
                   "Only write the world's truth and the seed's visits to this directory")
      ->excludes("--regret")
      ->excludes("--study");
  command->add_flag("--json", arguments->json, "The result as JSON");
  command->callback([arguments, exit_code] { *exit_code = Run(*arguments); });
}

}  // namespace fulcrum::apps
