// Which valid name was probably meant.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace fulcrum::config {

// The name closest to `name` (base/edit_distance.h), the first of `names` if several are; empty if
// there are none.
std::string NearestName(std::string_view name, const std::vector<std::string>& names);

// "; the nearest valid name is 'x'", or that there is none.
std::string NearestHint(std::string_view name, const std::vector<std::string>& names);

}  // namespace fulcrum::config
