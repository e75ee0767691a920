// Candidates: which actions a request may choose among.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "config/bundle.h"
#include "domain/context.h"

namespace fulcrum::candidates {

// Indices into bundle.actions, ascending, which is by action id: the caller's list if it sent one,
// else all actions of the surface. INVALID_ARGUMENT, naming the entry, for an action that does not
// exist or that the surface's campaigns do not own, for one named twice, and for more than the
// surface's `candidates_max`. Thread-safe.
absl::StatusOr<std::vector<int32_t>> FindCandidates(const config::Bundle& bundle,
                                                    const config::Surface& surface,
                                                    const domain::DecisionContext& context);

// INVALID_ARGUMENT, naming the entry, unless each of the caller's own actions is one of the surface
// or `none`, and none but the last is `none`. Thread-safe.
absl::Status CheckBaseline(const config::Bundle& bundle, const config::Surface& surface,
                           const domain::DecisionContext& context);

}  // namespace fulcrum::candidates
