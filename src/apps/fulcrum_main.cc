// fulcrum: one command for people.
#include <CLI/CLI.hpp>

#include "apps/check_command.h"
#include "apps/command_line.h"
#include "apps/decide_command.h"
#include "apps/demo_command.h"
#include "apps/evaluate_command.h"
#include "apps/explain_command.h"
#include "apps/ledger_command.h"
#include "apps/load_command.h"
#include "apps/log_command.h"
#include "apps/log_join_command.h"
#include "apps/operator_commands.h"
#include "apps/plan_check_command.h"
#include "apps/replay_command.h"
#include "apps/simulate_command.h"
#include "apps/status_command.h"
#include "fulcrum/version.h"
#ifdef FULCRUM_WITH_TRAINING
#include "apps/train_command.h"
#endif

int main(int argc, char** argv) {
  namespace apps = fulcrum::apps;
  CLI::App app("Tools for Fulcrum, an online decisioning service", "fulcrum");
  app.require_subcommand(1);
  app.set_version_flag("--version", fulcrum::kVersion);
  int exit_code = apps::kExitOk;
  apps::AddDemoCommand(app, &exit_code);
  apps::AddDecideCommand(app, &exit_code);
  apps::AddCheckCommand(app, &exit_code);
  apps::AddLoadCommand(app, &exit_code);
  apps::AddLogCommand(app, &exit_code);
  apps::AddLedgerCommand(app, &exit_code);
  apps::AddLogJoinCommand(*app.get_subcommand("log"), &exit_code);
  apps::AddExplainCommand(app, &exit_code);
  apps::AddSimulateCommand(app, &exit_code);
  apps::AddReplayCommand(app, &exit_code);
  apps::AddPlanCheckCommand(app, &exit_code);
  apps::AddEvaluateCommand(app, &exit_code);
  apps::AddStatusCommand(app, &exit_code);
  apps::AddOperatorCommands(app, &exit_code);
#ifdef FULCRUM_WITH_TRAINING
  apps::AddTrainCommand(app, &exit_code);
#endif
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? apps::kExitOk : apps::kExitFailure;
  }
  return exit_code;
}
