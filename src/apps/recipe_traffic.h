// Plays a recipe's shoppers against a running service.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "fulcrum/client.h"
#include "simulation/recipe.h"

namespace fulcrum::apps {

// How often a guard had something to say, and how often it was not heard.
struct GuardCount {
  std::string what;
  uint64_t applied = 0;  // visits in which it forbade something
  uint64_t broken = 0;   // positions that had it all the same
};

struct RecipeTraffic {
  uint64_t visits = 0;
  uint64_t fallbacks = 0;  // answers that were not drawn, for want of time or room
  uint64_t exposures = 0;  // reported
  uint64_t outcomes = 0;
  std::vector<int64_t> server_us;  // per visit, as the server measured it
  std::vector<int64_t> client_us;  // and as the shopper waited
  std::vector<GuardCount> guards;  // in the recipe's order
};

// The windows of the recipe's surface, after which nothing is on its way any more.
struct SettleTimes {
  absl::Duration exposure;
  absl::Duration attribution;
};

// The request ids of decisions that no shopper asked for: the visits after them settle what came
// before.
inline constexpr char kClosingPrefix[] = "closing-";

// Visits in order of time; reports come in between, as they happen. At the end, two requests of
// nobody let the windows end. `progress` is told the visits done and in all.
absl::StatusOr<RecipeTraffic> PlayRecipe(
    DecisionClient& client, const simulation::Recipe& recipe,
    const std::vector<simulation::Facts>& shoppers,
    absl::Span<const simulation::RecipeVisit> visits, const SettleTimes& settle,
    const std::function<void(size_t done, size_t all)>& progress);

}  // namespace fulcrum::apps
