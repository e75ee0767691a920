#include "config/nearest.h"

#include <limits>

#include "absl/strings/str_cat.h"
#include "base/edit_distance.h"

namespace fulcrum::config {

std::string NearestName(std::string_view name, const std::vector<std::string>& names) {
  size_t best = std::numeric_limits<size_t>::max();
  std::string nearest;
  for (const std::string& candidate : names) {
    const size_t distance = base::EditDistance(name, candidate);
    if (distance < best) {
      best = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

std::string NearestHint(std::string_view name, const std::vector<std::string>& names) {
  if (names.empty()) return "; there is no valid name";
  return absl::StrCat("; the nearest valid name is '", NearestName(name, names), "'");
}

}  // namespace fulcrum::config
