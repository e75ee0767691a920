// Constraints and exclusions, from the bundle as it was read to the bundle as the stages read it.
#pragma once

#include "config/bundle.h"
#include "fulcrum/config/v1/bundle.pb.h"

namespace fulcrum::config {

// Fills rows and exclusions, and what of them the actions carry. `from` is valid and canonical;
// campaigns, actions and their indices of `to` are there. Surfaces go by their place in `from`.
//
// An exclusion with a span becomes one row per action that counts, per user and without a limit,
// what was shown: `EXCLUSION:ACTION`. The action is excluded by the rows of the others.
void ResolveConstraints(const v1::Bundle& from, Bundle* to);

// Puts what has no order of its own into one.
void CanonicaliseConstraints(v1::Bundle* bundle);

}  // namespace fulcrum::config
