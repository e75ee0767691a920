// Bands of parity: whether they fit together with what they name, and what becomes of them.
#pragma once

#include "config/bundle.h"
#include "config/problem.h"
#include "config/yaml_to_proto.h"
#include "fulcrum/config/v1/bundle.pb.h"

namespace fulcrum::config {

void CheckParity(const v1::Bundle& bundle, const Places& places, Problems* problems);

// Appends the bands of a checked bundle, whose actions are in their place.
void ResolveParity(const v1::Bundle& from, Bundle* to);

// Sorts what has no order.
void CanonicaliseParity(v1::Bundle* bundle);

}  // namespace fulcrum::config
