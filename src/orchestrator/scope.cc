#include "orchestrator/scope.h"

#include <algorithm>
#include <string>
#include <variant>
#include <vector>

namespace fulcrum::orchestrator {
namespace {

bool Allows(const std::vector<std::string>& sorted, std::string_view value) {
  return sorted.empty() || value.empty() ||
         std::binary_search(sorted.begin(), sorted.end(), value, std::less<>());
}

bool Allows(const config::Match& match, const RequestFacts& facts) {
  const auto* const values = match.of_user ? facts.user : facts.context;
  if (values == nullptr) return true;
  const auto found = values->find(match.key);
  if (found == values->end()) return true;
  const auto* const text = std::get_if<std::string>(&found->second);
  return text == nullptr || Allows(match.values, *text);
}

}  // namespace

bool CountsOn(const config::Constraint& row, const RequestFacts& facts) {
  if (!row.surfaces.empty() &&
      !std::binary_search(row.surfaces.begin(), row.surfaces.end(), facts.surface)) {
    return false;
  }
  return Allows(row.segments, facts.segment) && Allows(row.regions, facts.region) &&
         std::all_of(row.where.begin(), row.where.end(),
                     [&](const config::Match& match) { return Allows(match, facts); });
}

bool AsksForFacts(const config::Constraint& row) {
  return !row.segments.empty() || !row.regions.empty() || !row.where.empty();
}

}  // namespace fulcrum::orchestrator
