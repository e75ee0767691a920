// `fulcrum replay`: decides a log's decisions again and compares.
#pragma once

#include <CLI/App.hpp>

namespace fulcrum::apps {

// Registers the command. Running it sets `*exit_code`, which outlives `app`: 0, or 1 if a decision
// differs or a part of the log cannot be read, or 2 if the log cannot be read at all.
void AddReplayCommand(CLI::App& app, int* exit_code);

}  // namespace fulcrum::apps
