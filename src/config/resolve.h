// From a valid bundle message to what the stages read.
#pragma once

#include <string>

#include "config/bundle.h"
#include "fulcrum/config/v1/bundle.pb.h"

namespace fulcrum::config {

// Brings what has no order of its own into one: everything that has an id or a name is sorted by
// it. Two bundles that mean the same are then equal, byte by byte.
void Canonicalise(v1::Bundle* bundle);

// `from` is valid and canonical. Relative paths are resolved against `directory` (absolute).
// Leaves version and digest to the caller.
Bundle Resolve(const v1::Bundle& from, const std::string& directory);

}  // namespace fulcrum::config
