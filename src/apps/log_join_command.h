// `fulcrum log join`: the log as a table of decided positions and what they have earned.
#pragma once

#include <CLI/App.hpp>

namespace fulcrum::apps {

// Adds the command to `log`, the command of that name.
void AddLogJoinCommand(CLI::App& log, int* exit_code);

}  // namespace fulcrum::apps
