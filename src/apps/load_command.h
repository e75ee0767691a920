// `fulcrum load`: feature rows from CSV into the store of a bundle.
#pragma once

namespace CLI {
class App;
}

namespace fulcrum::apps {

// Adds the subcommand to `app`; when it runs, its exit code goes to `*exit_code`: 0 all rows
// stored, 1 the CSV file is at fault, 2 the load could not be done (no bundle, store in use, disk).
void AddLoadCommand(CLI::App& app, int* exit_code);

}  // namespace fulcrum::apps
