#include "apps/demo_command.h"

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "apps/command_line.h"
#include "apps/demo_data.h"
#include "apps/demo_log.h"
#include "apps/demo_model.h"
#include "apps/demo_report.h"
#include "apps/demo_service.h"
#include "apps/demo_traffic.h"
#include "apps/recipe_demo.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "config/loader.h"
#include "simulation/recipe.h"

namespace fulcrum::apps {
namespace {

namespace fs = std::filesystem;
constexpr char kProgram[] = "fulcrum demo";
constexpr char kDataVariable[] = "FULCRUM_DEMO_DATA";

struct Arguments {
  std::string recipe;
  std::string data;
  std::string config;  // empty: configs/demo, or the recipe's in configs/recipes
  std::string work;    // empty: build/demo, or build/recipes/NAME
  uint64_t seed = 1;
  uint64_t visits = 0;  // of a recipe; 0: all
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

std::string OrElse(const std::string& given, const std::string& otherwise) {
  return given.empty() ? otherwise : given;
}

absl::Status WriteText(const std::string& path, const std::string& text) {
  return base::WriteFileAtomically(base::PosixFileSystem(), path, text);
}

absl::Status LoadRows(const Arguments& arguments, const DemoData& data) {
  FULCRUM_RETURN_IF_ERROR(
      LoadDemoRows(arguments.work, "user_profile", "users.csv", UsersCsv(data)));
  return LoadDemoRows(arguments.work, "item_profile", "items.csv", ItemsCsv(data));
}

absl::StatusOr<TrafficResult> PlayAgainstServer(const Arguments& arguments, const DemoData& data) {
  FULCRUM_ASSIGN_OR_RETURN(const auto service, DemoService::Start(arguments.work, arguments.seed));
  FULCRUM_ASSIGN_OR_RETURN(TrafficResult traffic,
                           PlayTraffic(service->client(), data, arguments.seed, Progress()));
  FULCRUM_RETURN_IF_ERROR(service->Stop());
  return traffic;
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
  FULCRUM_RETURN_IF_ERROR(PrepareDemo(arguments.work, arguments.config));
  Say("2/4 training the click model on the Thompson logs, loading users and items");
  const std::string config = DemoConfig(arguments.work);
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
  FULCRUM_ASSIGN_OR_RETURN(report.log, ProveLog(report.log_directory));
  FULCRUM_ASSIGN_OR_RETURN(report.policies, EvaluatePolicies(report.log_directory, arguments.seed));
  report.warnings = Warnings(data, report.traffic);
  return report;
}

int RunOnRecipe(const Arguments& arguments) {
  if (const auto known = simulation::FindRecipe(arguments.recipe); !known.ok()) {
    return Fail(kProgram, known.status());
  }
  RecipeOptions options;
  options.recipe = arguments.recipe;
  options.config = OrElse(arguments.config, absl::StrCat("configs/recipes/", arguments.recipe));
  options.work = OrElse(arguments.work, absl::StrCat("build/recipes/", arguments.recipe));
  options.seed = arguments.seed;
  options.visits = arguments.visits;
  options.say = Say;
  options.progress = Progress();
  const auto report = RunRecipe(options);
  if (!report.ok()) return Fail(kProgram, report.status());
  std::fputs((arguments.json ? ToJson(*report) : ToTable(*report)).c_str(), stdout);
  return report->clean() ? kExitOk : kExitFinding;
}

int Run(Arguments arguments) {
  if (!arguments.recipe.empty()) return RunOnRecipe(arguments);
  arguments.config = OrElse(arguments.config, "configs/demo");
  arguments.work = OrElse(arguments.work, "build/demo");
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
  return report->log.verified && report->log.replayed ? kExitOk : kExitFinding;
}

}  // namespace

void AddDemoCommand(CLI::App& app, int* exit_code) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand(
      "demo",
      "Play recorded traffic of a fashion shop, or a recipe's simulated shoppers, through the "
      "service and show the result");
  CLI::Option* const recipe =
      command->add_option("--recipe", arguments->recipe,
                          absl::StrCat("Play this recipe of configs/recipes instead: ",
                                       absl::StrJoin(simulation::RecipeNames(), ", ")));
  command
      ->add_option("--data", arguments->data,
                   "The data set's directory (default: $FULCRUM_DEMO_DATA, then the download)")
      ->excludes(recipe);
  command->add_option("--config", arguments->config,
                      "Bundle to run (default: configs/demo, or configs/recipes/NAME)");
  command->add_option(
      "--work", arguments->work,
      "Where everything is written; emptied first (default: build/demo, or build/recipes/NAME)");
  command
      ->add_option("--seed", arguments->seed,
                   "Shoppers, candidate lists, coins, decision ids, bootstrap")
      ->capture_default_str();
  command
      ->add_option("--visits", arguments->visits,
                   "Only the recipe's first so many visits (default: all)")
      ->check(CLI::PositiveNumber)
      ->needs(recipe);
  command->add_flag("--json", arguments->json, "The result as JSON");
  command->callback([arguments, exit_code] { *exit_code = Run(*arguments); });
}

}  // namespace fulcrum::apps
