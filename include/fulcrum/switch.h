// What an operator can pause, and what is paused.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "fulcrum/decision_record.h"

namespace fulcrum {

enum class SwitchKind : uint8_t {
  kAll,       // every surface
  kSurface,   // answers with the neutral action
  kCampaign,  // nothing of it is shown
  kAction,    // is not shown
  kCreative,  // no action with it is shown
  kModel,     // decisions are made from the counts alone
  kFeature    // counts as missing
};
inline constexpr int kSwitchKinds = 7;

// "all", "surface", "campaign", "action", "creative", "model", "feature".
const char* NameOf(SwitchKind kind);

struct SwitchTarget {
  SwitchKind kind = SwitchKind::kAll;
  // Of the bundle; `user.NAME` or `item.NAME` of a feature; empty for kAll and kModel.
  std::string id;

  friend auto operator<=>(const SwitchTarget&, const SwitchTarget&) = default;
};

// "all", "model", "campaign:spring", "feature:user.age".
std::string ToText(const SwitchTarget& target);
// INVALID_ARGUMENT with what it can be.
absl::StatusOr<SwitchTarget> ParseSwitchTarget(std::string_view text);

// One thing that is paused.
struct Switch {
  SwitchTarget target;
  std::string reason;                         // the operator's words
  std::string paused_by;                      // a principal
  absl::Time paused_at;                       // to the microsecond
  absl::Time until = absl::InfiniteFuture();  // it ends by itself then
  Lsn lsn = 0;                                // of the record that tells of it

  friend bool operator==(const Switch&, const Switch&) = default;
};

}  // namespace fulcrum
