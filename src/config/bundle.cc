#include "config/bundle.h"

namespace fulcrum::config {

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
