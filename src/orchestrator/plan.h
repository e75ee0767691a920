// What one decision wants from the ledger: its candidates' amounts, grouped by row and window.
// Built without a lock, then secured under the ledger's. Not thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "config/bundle.h"
#include "fulcrum/decision_record.h"
#include "orchestrator/scope.h"

namespace fulcrum::orchestrator {

// The decision's part in one row and window.
struct PlanShare {
  int32_t row = -1;  // index into bundle.constraints
  bool per_user = false;
  int64_t window_start_us = 0;
  int64_t first_counted_us = 0;  // windows of the row from here on count; those of a moving span
  int64_t limit = 0;             // the bundle's, or what is in force when the plan is secured
  int64_t held = 0;              // sum of `largest`
  // The amounts that the draws can take at most: the largest secured so far, ascending.
  absl::InlinedVector<int64_t, 4> largest;
  int64_t smallest = 0;    // of `largest` once it is complete: what is beyond it adds to `held`
  int64_t room = 0;        // free before this decision
  int64_t limit_room = 0;  // free if the whole limit were leased
  int64_t used = 0;        // by others
  bool gone = false;       // its window is forgotten: nothing can be counted in it any more
  bool unread = false;     // what the user has used is on the disk: not less than `used`
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
  std::vector<PlanUse> uses;                    // candidate by candidate, rows in bundle order
  absl::InlinedVector<uint32_t, 16> first_use;  // candidates + 1 entries
  // Shares of rows that exclude a candidate once they have counted anything, and the same for them.
  std::vector<uint32_t> excluding;
  absl::InlinedVector<uint32_t, 16> first_excluding;
  std::vector<MaskReason> reasons;  // one per candidate
  uint32_t relaxed = 0;             // soft rows up to this class are given up
  size_t candidates() const { return reasons.size(); }
  absl::Span<const PlanUse> UsesOf(size_t candidate) const {
    return absl::MakeConstSpan(uses).subspan(first_use[candidate],
                                             first_use[candidate + 1] - first_use[candidate]);
  }
  absl::Span<const uint32_t> ExcludingOf(size_t candidate) const {
    return absl::MakeConstSpan(excluding).subspan(
        first_excluding[candidate], first_excluding[candidate + 1] - first_excluding[candidate]);
  }
};

// `actions` are indices into bundle.actions; `counts` says which rows count on the request.
Plan MakePlan(const config::Bundle& bundle, absl::Span<const int32_t> actions, size_t draws,
              const std::optional<UserRef>& user_ref, absl::Time now, RowFilter counts = EveryRow);

// Secures the plan's candidates in order, all rows of one or none, from the shares' `room`,
// `limit_room` and `used`. If none can be and soft rows are in the way, these are given up class by
// class until one can. Writes the reasons; `blame[i]`, if wanted, becomes the share that had no
// room for candidate i, or -1. Reasons that `kept[i]` has already, other than kNone, stay.
void SecureCandidates(const config::Bundle& bundle, absl::Span<const MaskReason> kept, Plan* plan,
                      std::vector<int32_t>* blame = nullptr);

// What a drawn candidate takes.
std::vector<Debit> DebitsOf(const config::Bundle& bundle, const Plan& plan, size_t candidate);

// What a share holds if every candidate is secured; saturates.
int64_t DemandOf(const Plan& plan, size_t share);

// a + b for non-negative numbers, at most INT64_MAX.
int64_t SaturatingAdd(int64_t a, int64_t b);

}  // namespace fulcrum::orchestrator
