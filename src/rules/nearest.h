// Which valid name was probably meant.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace fulcrum::rules {

// "; the nearest valid name is 'x'", the first of `names` if several are equally near
// (base/edit_distance.h); or that there is no valid name. A `name` without dot is compared with
// what follows their first one.
std::string NearestHint(std::string_view name, const std::vector<std::string_view>& names);

}  // namespace fulcrum::rules
