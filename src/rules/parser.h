// A rule's source as a tree. Knows the grammar and the limits, no fields and no types.
#pragma once

#include <optional>
#include <string_view>

#include "rules/expression.h"
#include "rules/rule_error.h"

namespace fulcrum::rules {

// nullopt and the fault if the source is no rule or larger than rules/limits.h allows. The grammar
// is in docs/eligibility.md. Thread-safe.
std::optional<Expression> Parse(std::string_view source, Fault* fault);

}  // namespace fulcrum::rules
