// A checked tree as a flat program.
#pragma once

#include "absl/time/time.h"
#include "rules/expression.h"
#include "rules/program.h"
#include "rules/schema.h"

namespace fulcrum::rules {

// Days and minutes are those of `zone`. Where its clock skips one it is the moment of the skip,
// where it repeats one the first of the two. Check() must have accepted the tree over the same
// schema.
Program Flatten(const Expression& expression, const Schema& schema, const absl::TimeZone& zone);

}  // namespace fulcrum::rules
