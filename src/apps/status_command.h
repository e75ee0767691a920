// `fulcrum status`: how a running service does, in a table or as JSON.
#pragma once

#include <CLI/CLI.hpp>

namespace fulcrum::apps {

// Exit code 0: no alarm. 1: there are alarms. 2: no service answered.
void AddStatusCommand(CLI::App& app, int* exit_code);

}  // namespace fulcrum::apps
