// Candidates: which actions a request may choose among.
//
// Two steps, because the caller's list is checked before anything is read, and who is eligible is
// known only with the user's features.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "candidates/eligibility.h"
#include "config/bundle.h"
#include "domain/context.h"

namespace fulcrum::candidates {

// The caller's list as indices into bundle.actions, ascending, which is by action id; empty if it
// sent none. INVALID_ARGUMENT, naming the entry, for an action that does not exist or that the
// surface's campaigns do not own, for one named twice, and for more than the surface's
// `candidates_max`; also if it sent none and every request has more. Thread-safe.
absl::StatusOr<std::vector<int32_t>> ReadList(const config::Bundle& bundle,
                                              const config::Surface& surface,
                                              const domain::DecisionContext& context);

// Those of `list`, or if that is empty of all actions of the surface, that are eligible; in the
// same order. `user` is null if nothing is known of the user. INVALID_ARGUMENT if there are more
// than the surface's `candidates_max`. Thread-safe.
absl::StatusOr<std::vector<int32_t>> FindCandidates(const config::Bundle& bundle,
                                                    const config::Surface& surface,
                                                    const domain::DecisionContext& context,
                                                    const UserValues* user,
                                                    const std::vector<int32_t>& list);

// INVALID_ARGUMENT, naming the entry, unless each of the caller's own actions is one of the surface
// or `none`, and none but the last is `none`. Thread-safe.
absl::Status CheckBaseline(const config::Bundle& bundle, const config::Surface& surface,
                           const domain::DecisionContext& context);

}  // namespace fulcrum::candidates
