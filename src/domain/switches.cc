#include "domain/switches.h"

#include <algorithm>

namespace fulcrum::domain {
namespace {

constexpr char kReason[] = "reason";
constexpr char kUntil[] = "until";

const std::string* DetailOf(const AuditRecord& record, const char* name) {
  for (const AuditDetail& detail : record.details) {
    if (detail.name == name) return &detail.value;
  }
  return nullptr;
}

AuditRecord RecordOf(std::string_view action, const SwitchTarget& target, const std::string& reason,
                     const std::string& by, absl::Time at) {
  AuditRecord record{.actor = by, .action = std::string(action), .target = ToText(target)};
  record.details.push_back({kReason, reason});
  record.occurred_us = absl::ToUnixMicros(at);
  return record;
}

// What cannot be read does not end by itself.
absl::Time UntilOf(const AuditRecord& record) {
  const std::string* const text = DetailOf(record, kUntil);
  absl::Time until;
  if (text == nullptr || !absl::ParseTime(absl::RFC3339_full, *text, &until, nullptr)) {
    return absl::InfiniteFuture();
  }
  return until;
}

}  // namespace

AuditRecord PauseRecord(const Switch& what) {
  AuditRecord record =
      RecordOf(kPauseAction, what.target, what.reason, what.paused_by, what.paused_at);
  if (what.until != absl::InfiniteFuture()) {
    record.details.push_back(
        {kUntil, absl::FormatTime(absl::RFC3339_full, what.until, absl::UTCTimeZone())});
  }
  return record;
}

AuditRecord ResumeRecord(const SwitchTarget& target, const std::string& reason,
                         const std::string& by, absl::Time at) {
  return RecordOf(kResumeAction, target, reason, by, at);
}

std::vector<Switch>::iterator Switches::Place(const SwitchTarget& target) {
  return std::lower_bound(
      switches_.begin(), switches_.end(), target,
      [](const Switch& one, const SwitchTarget& wanted) { return one.target < wanted; });
}

bool Switches::Apply(Lsn lsn, const AuditRecord& record) {
  const bool pause = record.action == kPauseAction;
  if (!pause && record.action != kResumeAction) return false;
  const auto target = ParseSwitchTarget(record.target);
  if (!target.ok()) return false;  // of a later version
  const absl::Time now = absl::FromUnixMicros(record.occurred_us);
  std::erase_if(switches_, [now](const Switch& one) { return one.until <= now; });
  const auto place = Place(*target);
  const bool known = place != switches_.end() && place->target == *target;
  if (!pause) {
    if (known) switches_.erase(place);
    return true;
  }
  const std::string* const reason = DetailOf(record, kReason);
  Switch paused{*target, reason == nullptr ? "" : *reason, record.actor, now, UntilOf(record), lsn};
  if (known) {
    *place = std::move(paused);
  } else {
    switches_.insert(place, std::move(paused));
  }
  return true;
}

std::vector<Switch> Switches::At(absl::Time now) const {
  std::vector<Switch> found;
  for (const Switch& one : switches_) {
    if (now < one.until) found.push_back(one);
  }
  return found;
}

}  // namespace fulcrum::domain
