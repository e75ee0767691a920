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

// The arms' posteriors, each lowered by its discount, in `buffer`; the arms themselves if there are
// no discounts, so that a request without any copies nothing.
absl::Span<const Posterior> Discounted(absl::Span<const Posterior> arms,
                                       absl::Span<const double> discounts,
                                       std::vector<Posterior>* buffer);

// How posteriors become a distribution.
struct Rule {
  Policy policy;                   // valid
  double floor = 0;                // as in ToTicks
  absl::Span<const Share> shares;  // valid; one per arm, then the neutral action's; or none

  bool IsValid(size_t arms) const;  // as said, and the shares fit together
};

// The distribution over the arms with left[i] and the neutral action, which can always be drawn;
// the others get 0 ticks. `arms` and `left` run parallel, arms that are not left may be of any
// family and not even valid. A pure function, thread-safe, as the next one.
std::vector<Ticks> DistributionOf(absl::Span<const Posterior> arms, absl::Span<const bool> left,
                                  const Baseline& baseline, const Rule& rule);

// That, and a draw from it; `seed` from DrawSeed. The request path and the replay of its log both
// call this one.
PositionDraw DrawPosition(absl::Span<const Posterior> arms, absl::Span<const bool> left,
                          const Baseline& baseline, const Rule& rule, DecisionId id, uint64_t seed);

}  // namespace fulcrum::policy
