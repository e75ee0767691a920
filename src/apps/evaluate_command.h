// `fulcrum evaluate`: what another policy would have earned, from a log (docs/evaluation.md).
#pragma once

#include <CLI/CLI.hpp>

namespace fulcrum::apps {

// Adds the command to `app`; when it is called it runs and stores the exit code: 1 if the verdict
// is refused.
void AddEvaluateCommand(CLI::App& app, int* exit_code);

}  // namespace fulcrum::apps
