#include "rules/nearest.h"

#include <cstddef>
#include <limits>

#include "absl/strings/str_cat.h"
#include "base/edit_distance.h"
#include "rules/rule_error.h"

namespace fulcrum::rules {
namespace {

// A name without scope is one whose scope was forgotten.
size_t Distance(std::string_view name, std::string_view candidate) {
  const size_t scope = candidate.find('.');
  if (name.find('.') == name.npos && scope != candidate.npos) candidate.remove_prefix(scope + 1);
  return base::EditDistance(name, candidate);
}

}  // namespace

std::string NearestHint(std::string_view name, const std::vector<std::string_view>& names) {
  size_t best = std::numeric_limits<size_t>::max();
  std::string_view nearest;
  for (const std::string_view candidate : names) {
    const size_t distance = Distance(name, candidate);
    if (distance < best) {
      best = distance;
      nearest = candidate;
    }
  }
  if (names.empty()) return "; there is no valid name";
  return absl::StrCat("; the nearest valid name is ", Quoted(nearest));
}

}  // namespace fulcrum::rules
