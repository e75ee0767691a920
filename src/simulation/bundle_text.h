// What the service is told of a world: its bundle and its users. No probabilities, no delays.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "simulation/served_policy.h"
#include "simulation/world.h"

namespace fulcrum::simulation {

struct BundleOptions {
  double exploration_floor = kExplorationFloor;
  std::string policy;         // the value of the surface's `policy`; empty: none is written
  int64_t budget_micros = 0;  // in all, of the budgeted campaign; 0: no limit is written
  int64_t user_cap = 0;  // exposures per user and day of the budgeted campaign; 0: none is written
  std::vector<std::string> rows;  // more constraints, each as YAML in braces
  bool exposure_required = true;
  // Instead of the world's: a window that never ends during a run keeps the posteriors as they are.
  absl::Duration attribution_window = absl::ZeroDuration();
  absl::Time late_from = absl::InfinitePast();  // when the late campaign starts
  std::string model_manifest;                   // path; empty: no model
  double model_strength = 100;
};

std::string BundleYaml(const World& world, const BundleOptions& options);

// `id,segment`, for `fulcrum load --view user_profile`.
std::string UsersCsv(const World& world, uint32_t users);

// The budget that `decisions` visits of a world come with.
int64_t BudgetOf(const World& world, uint64_t decisions);

}  // namespace fulcrum::simulation
