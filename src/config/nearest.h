// Which valid name was probably meant.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace fulcrum::config {

// Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`.
size_t EditDistance(std::string_view a, std::string_view b);

// The name closest to `name`, the first of `names` if several are; empty if there are none.
std::string NearestName(std::string_view name, const std::vector<std::string>& names);

// "; the nearest valid name is 'x'", or that there is none.
std::string NearestHint(std::string_view name, const std::vector<std::string>& names);

}  // namespace fulcrum::config
