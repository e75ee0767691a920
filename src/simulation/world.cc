#include "simulation/world.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/math.h"
#include "fulcrum/decision_record.h"

namespace fulcrum::simulation {
std::vector<std::string> World::segments() const {
  std::vector<std::string> names;
  for (const Cell& cell : cells) {
    if (std::find(names.begin(), names.end(), cell.segment) == names.end()) {
      names.push_back(cell.segment);
    }
  }
  return names;
}

size_t World::IndexOf(const std::string& action_id) const {
  if (action_id == kNeutralActionId) return neutral();
  for (size_t i = 0; i < arms.size(); ++i) {
    if (arms[i].id == action_id) return i;
  }
  return arms.size() + 1;
}

const Change* World::ChangeAt(absl::Time time) const {
  absl::Duration since = time - WorldStart();
  if (period > absl::ZeroDuration()) since -= absl::Floor(since, period);
  const Change* current = nullptr;
  for (const Change& change : changes) {
    if (change.from <= since) current = &change;
  }
  return current;
}

const Rates& World::RatesAt(absl::Time time) const {
  const Change* const change = ChangeAt(time);
  return change == nullptr ? conversion : change->conversion;
}

double World::ContextAt(absl::Time time, size_t cell) const {
  const Change* const change = period > absl::ZeroDuration() ? ChangeAt(time) : nullptr;
  return change == nullptr ? cells[cell].x : change->x;
}

double World::Conversion(absl::Time time, size_t cell, size_t arm, Showing showing) const {
  double rate = RatesAt(time)[cell][arm] * positions[showing.position];
  // Doing nothing tires nobody.
  if (fatigue == 1 || arm == neutral()) return rate;
  for (uint32_t i = 0; i < showing.seen; ++i) rate *= fatigue;
  return rate;
}

absl::Duration World::OutcomeDelay(size_t arm) const {
  const bool own = arm != neutral() && arms[arm].outcome_delay > absl::ZeroDuration();
  return own ? arms[arm].outcome_delay : timing.outcome_delay;
}

double World::InTime(size_t arm) const {
  return -base::Expm1(-absl::FDivDuration(timing.attribution_window, OutcomeDelay(arm)));
}

double World::Credited(absl::Time time, size_t cell, size_t arm, Showing showing) const {
  return Conversion(time, cell, arm, showing) * InTime(arm);
}

double World::Credited(size_t cell, size_t arm) const {
  return Credited(WorldStart(), cell, arm);
}

bool World::IsActive(size_t arm, bool late) const {
  return late || arm == neutral() || late_campaign.empty() || arms[arm].campaign != late_campaign;
}

size_t World::SegmentOf(uint32_t user, uint32_t users) const {
  const std::vector<std::string> names = segments();
  const double place = (user + 0.5) / users;
  double sum = 0;
  for (size_t i = 0; i < names.size(); ++i) {
    for (const Cell& cell : cells) sum += cell.segment == names[i] ? cell.share : 0;
    if (place < sum) return i;
  }
  return names.size() - 1;
}

absl::Time WorldStart() {
  return absl::FromUnixSeconds(1577836800);
}

std::string UserIdOf(uint32_t user) {
  return absl::StrCat("user-", user);
}

}  // namespace fulcrum::simulation
