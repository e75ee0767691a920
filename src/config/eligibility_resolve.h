// Rules, jurisdictions and approvals, from the bundle as it was read to what the stages read.
#pragma once

#include "config/bundle.h"
#include "fulcrum/config/v1/bundle.pb.h"

namespace fulcrum::config {

// Compiles what `from`, valid and canonical, says of who may see what. Campaigns, actions and
// surfaces of `to` are there, with their indices.
void ResolveEligibility(const v1::Bundle& from, Bundle* to);

// Puts what has no order of its own into one.
void CanonicaliseEligibility(v1::Bundle* bundle);

}  // namespace fulcrum::config
