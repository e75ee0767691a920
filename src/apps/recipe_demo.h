// `fulcrum demo --recipe`: a recipe's bundle served to simulated shoppers.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "apps/demo_log.h"
#include "apps/demo_rows.h"
#include "apps/recipe_fold.h"
#include "apps/recipe_traffic.h"
#include "config/bundle.h"
#include "simulation/recipe.h"

namespace fulcrum::apps {

struct RecipeOptions {
  std::string recipe;  // a name of simulation::RecipeNames()
  std::string config;  // the bundle's directory; copied, never written to
  std::string work;    // where everything is written; emptied first
  uint64_t seed = 1;
  uint64_t visits = 0;                          // only the first so many; 0: all
  std::function<void(const std::string&)> say;  // steps
  std::function<void(size_t done, size_t all)> progress;
};

struct RecipeReport {
  simulation::Recipe recipe;
  uint64_t seed = 0;
  absl::Time end;                 // of the last visit
  double seconds = 0;             // that the visits took
  absl::Duration latency_budget;  // as the bundle has it, like the next one
  config::Durability durability = config::Durability::kProcess;
  RecipeTraffic traffic;
  RecipeLog log;
  std::vector<RowUse> rows;
  std::string currency;  // of the rows' costs
  std::vector<PolicyValue> policies;
  LogProof proof;
  std::string config_directory;
  std::string log_directory;

  // Sound log, the same decisions again, nothing shown that a guard forbids.
  bool clean() const;
};

// The copy of the bundle gets a latency budget of 10 s, so that a machine that is busy with other
// things makes an answer late and not a fallback: then the same seed gives the same decisions. And
// it gets durability `process`: one shopper after the other would wait for the disk's sync.
absl::StatusOr<RecipeReport> RunRecipe(const RecipeOptions& options);

std::string ToTable(const RecipeReport& report);
std::string ToJson(const RecipeReport& report);

}  // namespace fulcrum::apps
