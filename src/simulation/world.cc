#include "simulation/world.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/math.h"
#include "fulcrum/decision_record.h"

namespace fulcrum::simulation {
namespace {

// Three segments that like different things; the offers convert best, cost money, and there is
// money for a quarter of the visits.
World Stationary() {
  World world;
  world.name = "stationary";
  world.what = "three segments, six arms, a budget for a quarter of the visits, lost exposures";
  for (const char* id : {"banner-1", "banner-2", "banner-3"})
    world.arms.push_back({id, "banner", 0});
  for (const char* id : {"offer-1", "offer-2", "offer-3"}) {
    world.arms.push_back({id, "offer", 1'000'000});
  }
  world.cells = {{"new", 0, 0.5}, {"regular", 0, 0.3}, {"loyal", 0, 0.2}};
  world.conversion = {
      {0.06, 0.10, 0.04, 0.16, 0.12, 0.08, 0.02},
      {0.12, 0.05, 0.08, 0.14, 0.24, 0.10, 0.05},
      {0.10, 0.08, 0.18, 0.20, 0.16, 0.32, 0.12},
  };
  world.budgeted = "offer";
  world.budget_share = 0.25;
  return world;
}

// Two segments and a context value on a grid; each arm's conversion is linear in them, so that the
// model of the linear posteriors holds.
World Contextual() {
  struct Line {
    double base, regular, slope;
  };
  constexpr Line kLines[] = {{0.20, 0.00, 0.12},
                             {0.18, 0.10, -0.06},
                             {0.22, -0.06, 0.02},
                             {0.15, 0.05, -0.10},
                             {0.10, 0.02, 0.04}};
  World world;
  world.name = "contextual";
  world.what = "two segments, five arms, conversions linear in segment and context";
  world.has_context = world.linear = true;
  int number = 0;
  for ([[maybe_unused]] const Line& line : kLines) {
    world.arms.push_back({absl::StrCat("ad-", ++number), "ads", 0});
  }
  for (const char* segment : {"new", "regular"}) {
    for (const double x : {-1.0, -0.5, 0.0, 0.5, 1.0}) {
      world.cells.push_back({segment, x, 0.1});
      const bool regular = world.cells.back().segment == "regular";
      std::vector<double>& row = world.conversion.emplace_back();
      for (const Line& line : kLines) {
        row.push_back(line.base + (regular ? line.regular : 0) + line.slope * x);
      }
      row.push_back(0.05);
    }
  }
  return world;
}

}  // namespace

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

double World::Credited(size_t cell, size_t arm) const {
  const double windows = absl::FDivDuration(timing.attribution_window, timing.outcome_delay);
  return conversion[cell][arm] * -base::Expm1(-windows);
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

std::vector<std::string> WorldNames() {
  return {"stationary", "contextual"};
}

absl::StatusOr<World> FindWorld(const std::string& name) {
  if (name == "stationary") return Stationary();
  if (name == "contextual") return Contextual();
  return absl::NotFoundError(absl::StrCat("there is no world '", name,
                                          "'; there are: ", absl::StrJoin(WorldNames(), ", ")));
}

absl::Time WorldStart() {
  return absl::FromUnixSeconds(1577836800);
}

std::string UserIdOf(uint32_t user) {
  return absl::StrCat("user-", user);
}

}  // namespace fulcrum::simulation
