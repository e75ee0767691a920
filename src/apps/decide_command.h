// `fulcrum decide`: one decision from a running service, for trying things by hand.
#pragma once

namespace CLI {
class App;
}

namespace fulcrum::apps {

void AddDecideCommand(CLI::App& app, int* exit_code);

}  // namespace fulcrum::apps
