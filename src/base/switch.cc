#include "fulcrum/switch.h"

#include <array>

#include "absl/strings/str_cat.h"
#include "base/strings.h"

namespace fulcrum {
namespace {

constexpr std::array<const char*, kSwitchKinds> kNames = {
    "all", "surface", "campaign", "action", "creative", "model", "feature"};

bool HasId(SwitchKind kind) {
  return kind != SwitchKind::kAll && kind != SwitchKind::kModel;
}

}  // namespace

const char* NameOf(SwitchKind kind) {
  return kNames.at(static_cast<size_t>(kind));
}

std::string ToText(const SwitchTarget& target) {
  return HasId(target.kind) ? absl::StrCat(NameOf(target.kind), ":", target.id)
                            : NameOf(target.kind);
}

absl::StatusOr<SwitchTarget> ParseSwitchTarget(std::string_view text) {
  const size_t colon = text.find(':');
  const std::string_view name = text.substr(0, colon);
  const std::string_view id =
      colon == std::string_view::npos ? std::string_view() : text.substr(colon + 1);
  for (int i = 0; i < kSwitchKinds; ++i) {
    const auto kind = static_cast<SwitchKind>(i);
    if (name != NameOf(kind) || HasId(kind) == id.empty()) continue;
    if (!HasId(kind) && colon != std::string_view::npos) break;
    return SwitchTarget{kind, std::string(id)};
  }
  return absl::InvalidArgumentError(
      absl::StrCat("'", base::ToAbsl(text.substr(0, 128)),
                   "' is nothing that can be paused: expected all, surface:ID, campaign:ID, "
                   "action:ID, creative:ID, model, feature:user.NAME or feature:item.NAME"));
}

}  // namespace fulcrum
