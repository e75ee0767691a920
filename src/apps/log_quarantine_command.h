// `fulcrum log quarantine`: takes damaged log segments out, so that the log can be written again.
#pragma once

#include <CLI/App.hpp>

namespace fulcrum::apps {

// Sets `exit_code` to 0 if nothing is to be done, or was done with --apply, to 1 if something is
// left to do, or 2 if the log cannot be read or is being written.
void AddLogQuarantineCommand(CLI::App& log, int* exit_code);

}  // namespace fulcrum::apps
