// House rules that a line of source can break: calls with a better replacement, leftover marks.
// Stateless; findings read "file:line: sentence".
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace fulcrum::architecture {

std::vector<std::string> CheckHabits(const std::filesystem::path& root);

}  // namespace fulcrum::architecture
