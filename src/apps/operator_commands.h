// `fulcrum pause`, `fulcrum resume` and `fulcrum budget`: what a running service must not show, and
// what it may spend.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "fulcrum/switch.h"

namespace fulcrum::apps {

void AddOperatorCommands(CLI::App& app, int* exit_code);

// "campaign:spring, paused by loopback since TIME until TIME (LSN 7): why".
std::string InWords(const Switch& one);

}  // namespace fulcrum::apps
