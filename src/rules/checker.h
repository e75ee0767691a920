// Whether a tree makes sense over a schema: fields that exist, types that fit, a cost that is
// bounded.
#pragma once

#include <cstdint>

#include "rules/expression.h"
#include "rules/rule_error.h"
#include "rules/schema.h"

namespace fulcrum::rules {

// Sets *cost to how many comparisons of two values one evaluation needs at most, or returns false
// and sets the fault. Thread-safe.
bool Check(const Expression& expression, const Schema& schema, uint32_t* cost, Fault* fault);

}  // namespace fulcrum::rules
