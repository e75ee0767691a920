// `fulcrum demo`: the whole loop on real data, in a few minutes.
#pragma once

namespace CLI {
class App;
}

namespace fulcrum::apps {

// Adds the subcommand; when it runs, `*exit_code` is set.
void AddDemoCommand(CLI::App& app, int* exit_code);

}  // namespace fulcrum::apps
