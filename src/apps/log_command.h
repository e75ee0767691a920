// `fulcrum log cat|verify`: what a decision log holds, and whether it holds together.
#pragma once

#include <CLI/App.hpp>

namespace fulcrum::apps {

// Registers the commands. Running one sets `*exit_code`, which outlives `app`: 0, or 1 if the log
// is corrupt or breaks an invariant, or 2 if it cannot be read.
void AddLogCommand(CLI::App& app, int* exit_code);

}  // namespace fulcrum::apps
