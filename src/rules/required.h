// What an index over rules can use: values without which a rule cannot be true.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "rules/expression.h"

namespace fulcrum::rules {

// nullopt: no statement about the field. Otherwise the rule is not true unless a value is in the
// result: for a field of type text its value, for a text set at least one of its members. Empty:
// the rule is never true. Sound, not complete: told from `and`, `or`, `not`, ==, !=, `in` and
// `intersects` with literals, not from what several conditions together exclude. Thread-safe.
std::optional<std::set<std::string>> RequiredValues(const Expression& expression,
                                                    std::string_view field);

}  // namespace fulcrum::rules
