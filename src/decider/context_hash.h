// A stable hash of what a caller said of the moment, as the record keeps it.
#pragma once

#include <cstdint>

#include "domain/context.h"

namespace fulcrum::decider {

// Over key, value and kind of `context.values` in key order, so that equal contexts have equal
// hashes, on every machine. Thread-safe.
uint64_t HashContext(const domain::DecisionContext& context);

}  // namespace fulcrum::decider
