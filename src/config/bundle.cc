#include "config/bundle.h"

#include <algorithm>

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

}  // namespace fulcrum::config
