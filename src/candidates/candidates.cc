#include "candidates/candidates.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace fulcrum::candidates {
namespace {

absl::Status TooMany(const config::Surface& surface, size_t count) {
  return absl::InvalidArgumentError(absl::StrCat("candidates: ", count, " actions, but surface '",
                                                 surface.id, "' allows ", surface.candidates_max,
                                                 " (candidates_max)"));
}

absl::Status NotHere(const config::Surface& surface, const std::string& action_id) {
  return absl::InvalidArgumentError(
      absl::StrCat("candidates: surface '", surface.id, "' has no action '", action_id, "'"));
}

}  // namespace

absl::StatusOr<std::vector<int32_t>> FindCandidates(const config::Bundle& bundle,
                                                    const config::Surface& surface,
                                                    const domain::DecisionContext& context) {
  if (context.candidates.empty()) {
    if (surface.actions.size() > surface.candidates_max) {
      return TooMany(surface, surface.actions.size());
    }
    return surface.actions;
  }
  if (context.candidates.size() > surface.candidates_max) {
    return TooMany(surface, context.candidates.size());
  }
  std::vector<int32_t> found;
  found.reserve(context.candidates.size());
  for (const std::string& action_id : context.candidates) {
    const auto entry = bundle.action_index.find(action_id);
    if (entry == bundle.action_index.end()) return NotHere(surface, action_id);
    const auto& own = surface.actions;
    if (!std::binary_search(own.begin(), own.end(), entry->second)) {
      return NotHere(surface, action_id);
    }
    found.push_back(entry->second);
  }
  std::sort(found.begin(), found.end());
  const auto twice = std::adjacent_find(found.begin(), found.end());
  if (twice != found.end()) {
    return absl::InvalidArgumentError(
        absl::StrCat("candidates: '", bundle.actions[*twice].id, "' is named twice"));
  }
  return found;
}

}  // namespace fulcrum::candidates
