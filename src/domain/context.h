// What is known when deciding: the request after normalising.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "base/clock.h"
#include "base/strings.h"
#include "domain/feature_row.h"
#include "fulcrum/decision_id.h"
#include "fulcrum/propensity.h"

namespace fulcrum::domain {

enum class Role : uint8_t { kDecide, kIngest, kOperate, kAnalyse, kPlan };

// Who calls. Until roles are enforced every caller is on loopback and has all of them.
struct Principal {
  std::string name;
  std::vector<Role> roles;
};

// What the caller would do by itself at one position.
struct BaselineAction {
  std::string action_id;
  Ticks ticks = 0;  // probability with which it chose that; 0 = not told
};

// One normalised request. Immutable once the edge has built it; carried through all stages.
struct DecisionContext {
  DecisionId decision_id;
  Principal principal;
  std::string request_id;  // at most 64 bytes; may be empty
  std::string user_id;     // never leaves the process: the log has the user_ref
  std::string surface;
  base::StringMap<FeatureValue> values;  // the caller's context, known keys only
  std::vector<std::string> candidates;   // action ids from the caller; empty = the surface's own
  uint32_t slate_size = 1;
  std::vector<BaselineAction> baseline;  // may be empty
  absl::Time now;                        // wall time of the decision
  base::SteadyTime received;             // when the request was read
  base::SteadyTime alarm_at;             // the reply must be on its way by then
  // The budget split: a stage that is not done by its instant hands over to the fallback. What an
  // earlier stage left of its share is carried forward, since these count from the arrival.
  base::SteadyTime features_until = base::SteadyTime::max();
  base::SteadyTime selection_until = base::SteadyTime::max();
  absl::Duration latency_budget;  // the shorter of L_max and the caller's deadline
};

}  // namespace fulcrum::domain
