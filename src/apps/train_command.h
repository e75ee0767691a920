// `fulcrum train`: a decision log or CSV files to a model directory (docs/training.md).
#pragma once

#include <CLI/CLI.hpp>

namespace fulcrum::apps {

// Adds the command to `app`; when it is called it runs and stores the exit code.
void AddTrainCommand(CLI::App& app, int* exit_code);

}  // namespace fulcrum::apps
