// What one decision wants from the ledger: its candidates' amounts, grouped by row and window.
// Built without a lock, then secured under the ledger's. Not thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/time/time.h"
#include "absl/types/span.h"
#include "config/bundle.h"
#include "fulcrum/decision_record.h"

namespace fulcrum::orchestrator {

// The decision's part in one row and window.
struct PlanShare {
  int32_t row = -1;  // index into bundle.constraints
  bool per_user = false;
  int64_t window_start_us = 0;
  int64_t held = 0;  // sum of `largest`
  // The amounts that the draws can take at most: the largest secured so far, ascending.
  std::vector<int64_t> largest;
  int64_t room = 0;        // free before this decision
  int64_t limit_room = 0;  // free if the whole limit were leased
};

// A candidate takes `amount` > 0 from shares[share] if it is drawn.
struct PlanUse {
  uint32_t share = 0;
  int64_t amount = 0;
};

struct Plan {
  size_t draws = 0;
  int64_t now_us = 0;
  std::optional<UserRef> user_ref;
  std::vector<PlanShare> shares;
  std::vector<PlanUse> uses;        // candidate by candidate, rows in bundle order
  std::vector<uint32_t> first_use;  // candidates + 1 entries
  std::vector<MaskReason> reasons;  // one per candidate
  size_t candidates() const { return reasons.size(); }
  absl::Span<const PlanUse> UsesOf(size_t candidate) const {
    return absl::MakeConstSpan(uses).subspan(first_use[candidate],
                                             first_use[candidate + 1] - first_use[candidate]);
  }
};

// `actions` are indices into bundle.actions.
Plan MakePlan(const config::Bundle& bundle, absl::Span<const int32_t> actions, size_t draws,
              const std::optional<UserRef>& user_ref, absl::Time now);

// How much the sum of the `draws` largest grows when `amount` joins, and the joining itself.
int64_t IncreaseOf(const PlanShare& share, int64_t amount, size_t draws);
void Join(PlanShare* share, int64_t amount, size_t draws);

// What a share holds if every candidate is secured; saturates.
int64_t DemandOf(const Plan& plan, size_t share);

// What `action` takes from `row` when it is drawn.
constexpr int64_t AmountOf(const config::Action& action, const config::Constraint& row) {
  return row.resource == config::Resource::kCost ? action.cost_micros : 1;
}

// a + b for non-negative numbers, at most INT64_MAX.
int64_t SaturatingAdd(int64_t a, int64_t b);

}  // namespace fulcrum::orchestrator
