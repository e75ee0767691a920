// What is wrong with rules, approvals, expiry and regions of a bundle.
#pragma once

#include "config/problem.h"
#include "config/yaml_to_proto.h"
#include "fulcrum/config/v1/bundle.pb.h"

namespace fulcrum::config {

// Compiles every rule of the bundle, which has been read and finished, and reports what is refused.
// Also that a fallback could be refused to somebody: it may be served at any time, unchecked.
void CheckEligibility(const v1::Bundle& bundle, const Places& places, Problems* problems);

}  // namespace fulcrum::config
