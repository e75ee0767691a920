// `fulcrum log cat`, `fulcrum log tail` and `fulcrum log stats`.
#pragma once

#include <CLI/App.hpp>

namespace fulcrum::apps {

// Adds them to `log`, the command that they are parts of.
void AddLogLookCommands(CLI::App& log, int* exit_code);

}  // namespace fulcrum::apps
