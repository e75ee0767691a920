#include "config/bundle.h"

#include <algorithm>
#include <cmath>

namespace fulcrum::config {

Share Choice::ShareOf(int32_t action) const {
  const auto at = std::lower_bound(
      shares.begin(), shares.end(), action,
      [](const std::pair<int32_t, Share>& entry, int32_t wanted) { return entry.first < wanted; });
  return at != shares.end() && at->first == action ? at->second : Share{};
}

const Choice& Surface::ChoiceIn(std::string_view region) const {
  for (const Region& one : regions) {
    if (one.region == region) return one.choice;
  }
  return choice;
}

const Surface* Bundle::FindSurface(std::string_view id) const {
  const auto found = surface_index.find(id);
  return found == surface_index.end() ? nullptr : &surfaces[static_cast<size_t>(found->second)];
}

const FeatureView* Bundle::FindView(domain::EntityKind entity) const {
  for (const FeatureView& view : feature_views) {
    if (view.entity == entity) return &view;
  }
  return nullptr;
}

int64_t AmountOf(const Action& action, const Constraint& row) {
  switch (row.resource) {
    case Resource::kCost:
      return action.cost_micros;
    case Resource::kExposures:
      return 1;
    case Resource::kAttribute: {
      const auto found = action.attributes.find(row.attribute);
      if (found == action.attributes.end()) return 0;
      const auto* const number = std::get_if<double>(&found->second);
      return number == nullptr ? 0 : static_cast<int64_t>(std::ceil(*number * 1e6));
    }
  }
  return 0;
}

void IndexUses(Bundle* bundle) {
  for (Action& action : bundle->actions) action.uses.clear();
  for (size_t i = 0; i < bundle->constraints.size(); ++i) {
    const Constraint& row = bundle->constraints[i];
    for (const int32_t index : row.actions) {
      Action& action = bundle->actions[static_cast<size_t>(index)];
      const int64_t amount = AmountOf(action, row);
      if (amount > 0) action.uses.push_back({static_cast<int32_t>(i), amount});
    }
  }
}

}  // namespace fulcrum::config
