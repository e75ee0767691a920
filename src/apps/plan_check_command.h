// `fulcrum plan-check`.
#pragma once

#include <CLI/App.hpp>

namespace fulcrum::apps {

void AddPlanCheckCommand(CLI::App& app, int* exit_code);

}  // namespace fulcrum::apps
