// Whether what a surface says about its policy fits together.
#pragma once

#include "config/problem.h"
#include "config/yaml_to_proto.h"
#include "fulcrum/config/v1/bundle.pb.h"

namespace fulcrum::config {

// Of every surface of `bundle`: a parameter stands there only if the policy's kind reads it.
void CheckPolicies(const v1::Bundle& bundle, const Places& places, Problems* problems);

}  // namespace fulcrum::config
