// One position of a slate: from the posteriors that are left to a distribution and its draw.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "fulcrum/decision_id.h"
#include "fulcrum/policy.h"
#include "fulcrum/propensity.h"
#include "policy/choice.h"

namespace fulcrum::policy {

struct PositionDraw {
  std::vector<Ticks> ticks;  // one per arm, then the neutral action; sums to 2^32
  size_t drawn = 0;          // index into `ticks`; arms.size() is the neutral action
};

// The draw over the arms with left[i] and the neutral action, which can always be drawn; the others
// get 0 ticks. `arms` and `left` run parallel, arms that are not left may be of any family and not
// even valid. `policy` is valid, `floor` as in ToTicks, `seed` from DrawSeed. A pure function,
// thread-safe: the request path and the replay of its log both call this one.
PositionDraw DrawPosition(absl::Span<const Posterior> arms, absl::Span<const bool> left,
                          const Baseline& baseline, const Policy& policy, double floor,
                          DecisionId id, uint64_t seed);

}  // namespace fulcrum::policy
