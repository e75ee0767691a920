// Whether what a surface says about its choice fits together: policy, bands, regions, shadows.
#pragma once

#include "config/problem.h"
#include "config/yaml_to_proto.h"
#include "fulcrum/config/v1/bundle.pb.h"

namespace fulcrum::config {

inline constexpr int kShadowsMax = 8;

// Of every surface of `bundle`. Actions that are named must be on the surface.
void CheckPolicies(const v1::Bundle& bundle, const Places& places, Problems* problems);

}  // namespace fulcrum::config
