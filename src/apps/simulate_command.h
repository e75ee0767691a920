// `fulcrum simulate`: a small world with known truth plays against the service.
#pragma once

namespace CLI {
class App;
}

namespace fulcrum::apps {

void AddSimulateCommand(CLI::App& app, int* exit_code);

}  // namespace fulcrum::apps
