// Which arms cautious mode leaves out.
#pragma once

#include <cstddef>
#include <vector>

#include "absl/types/span.h"
#include "policy/choice.h"

namespace fulcrum::policy {

// Of the arms with left[i], all but the `most` with the largest mean plus `uncertainty` standard
// deviations; of equals, those further behind are left out. Indices, ascending. `arms` and `left`
// run parallel, arms that are not left need not be valid. Pure, thread-safe.
std::vector<size_t> LeftOut(absl::Span<const Posterior> arms, absl::Span<const bool> left,
                            double uncertainty, size_t most);

}  // namespace fulcrum::policy
