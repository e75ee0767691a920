// The one way to write a rule: what differs only in spelling or spaces is printed alike.
#pragma once

#include <string>
#include <string_view>

#include "rules/expression.h"

namespace fulcrum::rules {

// Parses to an equal tree. May be longer than kSourceBytesMax if the source was near to it.
std::string Print(const Expression& expression);

// A field's name as a rule writes it: user.age, context["device-type"].
std::string PrintField(std::string_view name);

}  // namespace fulcrum::rules
