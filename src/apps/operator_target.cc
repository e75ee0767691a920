#include "apps/operator_target.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "config/nearest.h"

namespace fulcrum::apps {
namespace {

constexpr size_t kReasonBytesMax = 256;

template <typename Items>
std::vector<std::string> IdsOf(const Items& items) {
  std::vector<std::string> ids;
  ids.reserve(items.size());
  for (const auto& item : items) ids.push_back(item.id);
  return ids;
}

std::vector<std::string> CreativesOf(const config::Bundle& bundle) {
  std::vector<std::string> creatives;
  for (const config::Action& action : bundle.actions) {
    if (!action.creative.empty()) creatives.push_back(action.creative);
  }
  std::sort(creatives.begin(), creatives.end());
  creatives.erase(std::unique(creatives.begin(), creatives.end()), creatives.end());
  return creatives;
}

// Those that a decision reads.
std::vector<std::string> FeaturesOf(const config::Bundle& bundle) {
  std::vector<std::string> features;
  for (const auto& [entity, prefix] : {std::pair(domain::EntityKind::kUser, "user."),
                                       std::pair(domain::EntityKind::kItem, "item.")}) {
    const config::FeatureView* const view = bundle.FindView(entity);
    if (view == nullptr) continue;
    for (const config::FeatureSpec& one : view->features) {
      features.push_back(absl::StrCat(prefix, one.name));
    }
  }
  return features;
}

std::vector<std::string> NamesOf(const config::Bundle& bundle, SwitchKind kind) {
  switch (kind) {
    case SwitchKind::kSurface:
      return IdsOf(bundle.surfaces);
    case SwitchKind::kCampaign:
      return IdsOf(bundle.campaigns);
    case SwitchKind::kAction:
      return IdsOf(bundle.actions);
    case SwitchKind::kCreative:
      return CreativesOf(bundle);
    case SwitchKind::kFeature:
      return FeaturesOf(bundle);
    case SwitchKind::kAll:
    case SwitchKind::kModel:
      break;
  }
  return {};
}

}  // namespace

absl::Status CheckTarget(const config::Bundle& bundle, const SwitchTarget& target) {
  if (target.kind == SwitchKind::kAll) return absl::OkStatus();
  if (target.kind == SwitchKind::kModel) {
    if (!bundle.model_manifest.empty()) return absl::OkStatus();
    return absl::NotFoundError("target: the bundle has no model");
  }
  const std::vector<std::string> names = NamesOf(bundle, target.kind);
  if (std::find(names.begin(), names.end(), target.id) != names.end()) return absl::OkStatus();
  return absl::NotFoundError(absl::StrCat("target: the bundle has no ", NameOf(target.kind), " '",
                                          target.id.substr(0, 128), "'",
                                          config::NearestHint(target.id, names)));
}

absl::StatusOr<const config::Constraint*> FindRow(const config::Bundle& bundle,
                                                  const std::string& row) {
  for (const config::Constraint& one : bundle.constraints) {
    if (one.id != row) continue;
    if (one.limit != config::kNoLimit) return &one;
    return absl::InvalidArgumentError(absl::StrCat("row: '", row, "' only counts"));
  }
  return absl::NotFoundError(absl::StrCat("row: the bundle has no constraint '", row.substr(0, 128),
                                          "'",
                                          config::NearestHint(row, IdsOf(bundle.constraints))));
}

absl::Status CheckReason(const std::string& reason) {
  const bool one_line =
      std::none_of(reason.begin(), reason.end(), [](char c) { return absl::ascii_iscntrl(c); });
  if (!reason.empty() && reason.size() <= kReasonBytesMax && one_line) return absl::OkStatus();
  return absl::InvalidArgumentError("reason: must have 1 to 256 bytes of one line");
}

}  // namespace fulcrum::apps
