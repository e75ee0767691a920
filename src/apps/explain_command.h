// `fulcrum explain`: why one decision came out as it did, and what became of it.
#pragma once

#include <CLI/App.hpp>

namespace fulcrum::apps {

// Registers the command. Running it sets `*exit_code`, which outlives `app`: 0, or 1 if the log
// does not hold the decision or is damaged, or 2 if the log cannot be read.
void AddExplainCommand(CLI::App& app, int* exit_code);

}  // namespace fulcrum::apps
