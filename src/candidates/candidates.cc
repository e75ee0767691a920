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

absl::Status NotHere(const char* field, const config::Surface& surface,
                     const std::string& action_id) {
  return absl::InvalidArgumentError(absl::StrCat(
      field, ": surface '", surface.id, "' has no action '", action_id.substr(0, 80), "'"));
}

// The index into bundle.actions; -1 if the surface has no such action.
int32_t FindAction(const config::Bundle& bundle, const config::Surface& surface,
                   const std::string& action_id) {
  const auto entry = bundle.action_index.find(action_id);
  if (entry == bundle.action_index.end()) return -1;
  const auto& own = surface.actions;
  return std::binary_search(own.begin(), own.end(), entry->second) ? entry->second : -1;
}

}  // namespace

absl::StatusOr<std::vector<int32_t>> ReadList(const config::Bundle& bundle,
                                              const config::Surface& surface,
                                              const domain::DecisionContext& context) {
  if (context.candidates.empty()) {
    const bool always =
        surface.filed_actions == nullptr && surface.actions.size() > surface.candidates_max;
    if (always) return TooMany(surface, surface.actions.size());
    return std::vector<int32_t>();
  }
  if (context.candidates.size() > surface.candidates_max) {
    return TooMany(surface, context.candidates.size());
  }
  std::vector<int32_t> found;
  found.reserve(context.candidates.size());
  for (const std::string& action_id : context.candidates) {
    const int32_t action = FindAction(bundle, surface, action_id);
    if (action < 0) return NotHere("candidates", surface, action_id);
    found.push_back(action);
  }
  std::sort(found.begin(), found.end());
  const auto twice = std::adjacent_find(found.begin(), found.end());
  if (twice != found.end()) {
    return absl::InvalidArgumentError(
        absl::StrCat("candidates: '", bundle.actions[*twice].id, "' is named twice"));
  }
  return found;
}

absl::StatusOr<std::vector<int32_t>> FindCandidates(const config::Bundle& bundle,
                                                    const config::Surface& surface,
                                                    const domain::DecisionContext& context,
                                                    const UserValues* user,
                                                    const std::vector<int32_t>& list) {
  std::vector<int32_t> found = list;
  if (surface.filed_actions != nullptr) {
    Eligibility eligibility(bundle, surface, context, user);
    if (list.empty()) found = surface.filed_actions->Find(eligibility.values());
    const auto is_not = [&](int32_t action) { return !eligibility.IsEligible(action); };
    found.erase(std::remove_if(found.begin(), found.end(), is_not), found.end());
  } else if (list.empty()) {
    found = surface.actions;
  }
  if (found.size() > surface.candidates_max) return TooMany(surface, found.size());
  return found;
}

absl::Status CheckBaseline(const config::Bundle& bundle, const config::Surface& surface,
                           const domain::DecisionContext& context) {
  for (const domain::BaselineAction& action : context.baseline) {
    if (action.action_id == kNeutralActionId) {
      if (&action == &context.baseline.back()) continue;
      return absl::InvalidArgumentError("baseline_actions: nothing may follow 'none'");
    }
    if (FindAction(bundle, surface, action.action_id) < 0) {
      return NotHere("baseline_actions", surface, action.action_id);
    }
  }
  return absl::OkStatus();
}

}  // namespace fulcrum::candidates
