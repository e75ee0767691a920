// `fulcrum ledger reconcile`: holds the ledger against the decision log.
#pragma once

#include <CLI/App.hpp>

namespace fulcrum::apps {

void AddLedgerCommand(CLI::App& app, int* exit_code);

}  // namespace fulcrum::apps
