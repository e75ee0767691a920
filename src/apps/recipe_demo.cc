#include "apps/recipe_demo.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "apps/demo_service.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "config/loader.h"

namespace fulcrum::apps {
namespace {

namespace fs = std::filesystem;

constexpr size_t kBundleFileMax = 16 << 20;  // bytes
// What the copy of the bundle says instead (recipe_demo.h).
constexpr std::pair<const char*, const char*> kInstead[] = {{"latency_budget:", "10s"},
                                                            {"durability:", "process"}};

std::string Instead(const std::string& line) {
  for (const auto& [field, value] : kInstead) {
    const size_t at = line.find(field);
    if (at == std::string::npos || line.find('#') < at) continue;
    return absl::StrCat(line.substr(0, at), field, " ", value, "  # of the demo, not the recipe");
  }
  return line;
}

absl::Status MakePatient(const std::string& config) {
  base::FileSystem* const files = base::PosixFileSystem();
  for (const auto& file : fs::directory_iterator(config)) {
    FULCRUM_ASSIGN_OR_RETURN(const std::string text,
                             base::ReadWholeFile(files, file.path().string(), kBundleFileMax));
    std::vector<std::string> lines = absl::StrSplit(text, '\n');
    for (std::string& line : lines) line = Instead(line);
    FULCRUM_RETURN_IF_ERROR(
        base::WriteFileAtomically(files, file.path().string(), absl::StrJoin(lines, "\n")));
  }
  return absl::OkStatus();
}

absl::StatusOr<const config::Surface*> SurfaceOf(const config::Bundle& bundle,
                                                 const simulation::Recipe& recipe) {
  for (const config::Surface& surface : bundle.surfaces) {
    if (surface.id == recipe.surface) return &surface;
  }
  return absl::NotFoundError(absl::StrCat("the bundle has no surface '", recipe.surface,
                                          "', which the shoppers of '", recipe.name, "' ask for"));
}

absl::Status Play(const RecipeOptions& options, const config::Surface& surface,
                  RecipeReport* report) {
  const simulation::Recipe& recipe = report->recipe;
  const std::vector<simulation::Facts> shoppers = simulation::ShoppersOf(recipe, options.seed);
  std::vector<simulation::RecipeVisit> visits =
      simulation::VisitsOf(recipe, shoppers, options.seed);
  if (options.visits > 0 && options.visits < visits.size()) visits.resize(options.visits);
  report->end = visits.back().time;
  FULCRUM_RETURN_IF_ERROR(LoadDemoRows(options.work, "user_profile", "shoppers.csv",
                                       simulation::ShoppersCsv(shoppers, recipe.start)));
  FULCRUM_ASSIGN_OR_RETURN(const auto service, DemoService::Start(options.work, options.seed));
  options.say(absl::StrCat("2/3 playing ", visits.size(), " visits over gRPC"));
  const SettleTimes settle{
      surface.exposure_required ? surface.exposure_window : absl::ZeroDuration(),
      surface.attribution_window};
  const auto start = std::chrono::steady_clock::now();
  FULCRUM_ASSIGN_OR_RETURN(report->traffic, PlayRecipe(service->client(), recipe, shoppers, visits,
                                                       settle, options.progress));
  report->seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return service->Stop();
}

// Rows that exclusions bring along count nothing that has a limit of its own.
bool IsOfExclusion(const RowUse& use) {
  return absl::StrContains(use.row, ':');
}

// As one would type it here: relative to the working directory if it is below that.
std::string AsTyped(const fs::path& path) {
  const fs::path whole = fs::weakly_canonical(path);
  const fs::path near = fs::proximate(whole);
  return absl::StartsWith(near.string(), "..") ? whole.string() : near.string();
}

absl::Status ReadLog(const config::Bundle& bundle, RecipeReport* report) {
  report->log_directory =
      AsTyped(fs::path(report->config_directory) / bundle.server.data_dir / "log");
  FULCRUM_ASSIGN_OR_RETURN(report->log,
                           FoldRecipe(bundle, report->recipe.surface, report->log_directory));
  FULCRUM_ASSIGN_OR_RETURN(report->rows, FoldRows(bundle, report->log_directory));
  std::erase_if(report->rows, IsOfExclusion);
  FULCRUM_ASSIGN_OR_RETURN(report->policies, EvaluatePolicies(report->log_directory, report->seed));
  FULCRUM_ASSIGN_OR_RETURN(report->proof, ProveLog(report->log_directory));
  return absl::OkStatus();
}

}  // namespace

bool RecipeReport::clean() const {
  const auto& guards = traffic.guards;
  return proof.verified && proof.replayed &&
         std::none_of(guards.begin(), guards.end(),
                      [](const GuardCount& guard) { return guard.broken > 0; });
}

absl::StatusOr<RecipeReport> RunRecipe(const RecipeOptions& options) {
  RecipeReport report;
  FULCRUM_ASSIGN_OR_RETURN(report.recipe, simulation::FindRecipe(options.recipe));
  report.seed = options.seed;
  if (!fs::is_directory(options.config)) {
    return absl::NotFoundError(absl::StrCat("there is no bundle in ", options.config,
                                            ": run this in the checkout, or name the directory "
                                            "of a bundle with --config"));
  }
  options.say(absl::StrCat("1/3 starting the service on ", options.config));
  base::FileSystem* const files = base::PosixFileSystem();
  FULCRUM_ASSIGN_OR_RETURN(const auto original, config::LoadBundle(files, options.config));
  FULCRUM_ASSIGN_OR_RETURN(const config::Surface* const surface,
                           SurfaceOf(*original, report.recipe));
  report.latency_budget = surface->latency_budget;
  report.durability = original->server.durability;
  report.currency = original->campaigns.front().currency;
  FULCRUM_RETURN_IF_ERROR(PrepareDemo(options.work, options.config));
  report.config_directory = DemoConfig(options.work);
  FULCRUM_RETURN_IF_ERROR(MakePatient(report.config_directory));
  FULCRUM_RETURN_IF_ERROR(Play(options, *surface, &report));
  options.say("3/3 reading the decision log\n");
  FULCRUM_ASSIGN_OR_RETURN(const auto bundle, config::LoadBundle(files, report.config_directory));
  FULCRUM_RETURN_IF_ERROR(ReadLog(*bundle, &report));
  return report;
}

}  // namespace fulcrum::apps
