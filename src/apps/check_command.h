// `fulcrum check DIR`: is this bundle good, and if not, where and why.
#pragma once

namespace CLI {
class App;
}  // namespace CLI

namespace fulcrum::apps {

// Adds the command to `app`. When it runs, `*exit_code` becomes kExitOk for a good bundle,
// kExitFinding for a bad one, and kExitFailure if the directory cannot be read.
void AddCheckCommand(CLI::App& app, int* exit_code);

}  // namespace fulcrum::apps
