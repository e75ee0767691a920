#include "apps/plan_check_command.h"

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <CLI/Validators.hpp>
#include <cstdio>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "apps/command_line.h"
#include "apps/plan_check.h"
#include "base/file.h"
#include "base/status_macros.h"

namespace fulcrum::apps {
namespace {

struct PlanFlags {
  std::string bundle;
  std::string log;
  std::string date;
  std::string svg;
  size_t threads = 1;
  bool json = false;
};

absl::StatusOr<int> RunPlanCheck(const PlanFlags& flags) {
  base::FileSystem* const files = base::PosixFileSystem();
  PlanCheckOptions options;
  options.threads = flags.threads;
  if (!flags.date.empty()) {
    absl::CivilDay day;
    if (!absl::ParseCivilTime(flags.date, &day)) {
      return absl::InvalidArgumentError(
          absl::StrCat("--date '", flags.date, "': give a day as YYYY-MM-DD"));
    }
    options.date = day;
  }
  FULCRUM_ASSIGN_OR_RETURN(const replay::OtherPolicy policy,
                           replay::LoadPolicy(files, flags.bundle));
  FULCRUM_ASSIGN_OR_RETURN(const PlanCheck check, CheckPlan(files, flags.log, policy, options));
  if (!flags.svg.empty()) {
    FULCRUM_RETURN_IF_ERROR(base::WriteFileAtomically(files, flags.svg, ToSvg(check)));
  }
  std::printf("%s", flags.json ? (ToJson(check) + "\n").c_str() : ToText(check).c_str());
  return check.readable ? kExitOk : kExitFinding;
}

}  // namespace

void AddPlanCheckCommand(CLI::App& app, int* exit_code) {
  auto flags = std::make_shared<PlanFlags>();
  CLI::App* const command = app.add_subcommand(
      "plan-check", "Which limits of a bundle bind over a logged day, and who starves");
  command->add_option("BUNDLE", flags->bundle, "Directory of the bundle")->required();
  command->add_option("--day", flags->log, "The log whose traffic is the forecast")->required();
  command->add_option("--date", flags->date, "Only this day of it, YYYY-MM-DD in UTC");
  command->add_option("--svg", flags->svg, "File for a chart of the use of each limit");
  command->add_option("--threads", flags->threads, "Work on so many; the same result")
      ->check(CLI::Range(1, 1024));
  command->add_flag("--json", flags->json, "One JSON object");
  command->callback(
      [flags, exit_code] { *exit_code = Answered("fulcrum plan-check", RunPlanCheck(*flags)); });
}

}  // namespace fulcrum::apps
