// Time zones by name.
#pragma once

#include <string>
#include <string_view>

namespace fulcrum::config {

// What is wrong with the name of a time zone, with the remedy; empty if it can be loaded.
std::string ProblemOfZone(std::string_view name);

}  // namespace fulcrum::config
