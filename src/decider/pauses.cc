#include "decider/pauses.h"

#include <algorithm>
#include <memory>

namespace fulcrum::decider {
namespace {

constexpr std::string_view kUserPrefix = "user.";
constexpr std::string_view kItemPrefix = "item.";

void Extend(absl::Time until, absl::Time* end) {
  *end = std::max(*end, until);
}

}  // namespace

Pauses::Pauses(const domain::Switches& switches, const config::Bundle& bundle)
    : surfaces_(bundle.surfaces.size(), absl::InfinitePast()),
      actions_(bundle.actions.size(), absl::InfinitePast()) {
  for (const Switch& one : switches.all()) Add(one, bundle);
}

void Pauses::Add(const Switch& one, const config::Bundle& bundle) {
  const std::string& id = one.target.id;
  const auto extend_actions = [&](auto matches) {
    for (size_t i = 0; i < actions_.size(); ++i) {
      if (matches(bundle.actions[i])) Extend(one.until, &actions_[i]);
    }
  };
  switch (one.target.kind) {
    case SwitchKind::kAll:
      return Extend(one.until, &all_);
    case SwitchKind::kModel:
      return Extend(one.until, &model_);
    case SwitchKind::kFeature:
      return AddFeature(id, one.until);
    case SwitchKind::kSurface:
      if (const auto found = bundle.surface_index.find(id); found != bundle.surface_index.end()) {
        Extend(one.until, &surfaces_[static_cast<size_t>(found->second)]);
      }
      return;
    case SwitchKind::kCampaign:
      return extend_actions([&](const config::Action& action) {
        return bundle.campaigns[static_cast<size_t>(action.campaign)].id == id;
      });
    case SwitchKind::kAction:
      return extend_actions([&](const config::Action& action) { return action.id == id; });
    case SwitchKind::kCreative:
      return extend_actions([&](const config::Action& action) { return action.creative == id; });
  }
}

void Pauses::AddFeature(std::string_view id, absl::Time until) {
  if (id.starts_with(kUserPrefix)) {
    user_features_.emplace_back(id.substr(kUserPrefix.size()), until);
  } else if (id.starts_with(kItemPrefix)) {
    item_features_.emplace_back(id.substr(kItemPrefix.size()), until);
  }
}

// Rows are shared with other requests: what is changed is a copy.
void Pauses::Hide(const Features& features, absl::Time now, domain::ReadRow* row) {
  for (const auto& [name, until] : features) {
    if (now >= until || row->row == nullptr || !row->row->values.contains(name)) continue;
    auto without = std::make_shared<domain::FeatureRow>(*row->row);
    without->values.erase(name);
    row->row = std::move(without);
  }
}

}  // namespace fulcrum::decider
