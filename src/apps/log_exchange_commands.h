// `fulcrum log export` and `fulcrum log import`.
#pragma once

#include <CLI/App.hpp>

namespace fulcrum::apps {

// Adds them to `log`, the command that they are parts of.
void AddLogExchangeCommands(CLI::App& log, int* exit_code);

}  // namespace fulcrum::apps
