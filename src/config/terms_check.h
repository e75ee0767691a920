// Whether what constraints say of outcomes, returns and positions that are not shown fits together.
#pragma once

#include "config/problem.h"
#include "config/yaml_to_proto.h"
#include "fulcrum/config/v1/bundle.pb.h"

namespace fulcrum::config {

// `charged_on`, `returned_on`, `return_window` and `unshown` of all constraints.
void CheckTerms(const v1::Bundle& bundle, const Places& places, Problems* problems);

}  // namespace fulcrum::config
