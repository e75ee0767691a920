// A rule as a tree: what the parser makes, the printer prints and the compiler flattens.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/civil_time.h"

namespace fulcrum::rules {

enum class Kind : uint8_t {
  // Operands.
  kBoolean,    // boolean
  kNumber,     // number, finite
  kText,       // text
  kNumberSet,  // numbers, as they were written
  kTextSet,    // texts, as they were written
  kField,      // text: its qualified name
  kNow,
  kAgo,   // span_seconds before now
  kDate,  // the start of `from`'s day in the rule's zone
  kTime,  // the minute `from` in the rule's zone
  // Conditions. A boolean field or literal is one as well.
  kNot,         // of child 0
  kAnd,         // of two children or more
  kOr,          // of two children or more
  kCompare,     // child 0 `relation` child 1
  kIn,          // child 0 is a member of child 1
  kIntersects,  // children 0 and 1 have a member in common
  kKnown,       // child 0, a field, has a value
  kHours,       // now's clock is in [from_minute, to_minute), past midnight if from > to
  kWeekdays,    // now's day is in `weekdays`
  kDates,       // child 0 is in the days `from` to `to`, both included
};

enum class Relation : uint8_t { kEqual, kNotEqual, kLess, kAtMost, kGreater, kAtLeast };

// "==", "!=", "<", "<=", ">" or ">=".
std::string_view RelationName(Relation relation);

// Only the members that Kind names have a meaning. A value; not deeper than about 3 * kDepthMax.
struct Expression {
  Kind kind = Kind::kBoolean;
  size_t offset = 0;  // where an error about it points to: bytes into the source
  Relation relation = Relation::kEqual;
  bool boolean = false;
  double number = 0;
  std::string text{};
  std::vector<double> numbers{};
  std::vector<std::string> texts{};
  int64_t span_seconds = 0;
  absl::CivilMinute from{};
  absl::CivilMinute to{};
  int from_minute = 0;   // of the day, [0, 1440)
  int to_minute = 0;     // [0, 1440]
  uint8_t weekdays = 0;  // bit 0 = Monday
  std::vector<Expression> children{};

  bool IsOperand() const { return kind <= Kind::kTime; }
};

// Whether both mean the same by construction: all but the offsets.
bool operator==(const Expression& a, const Expression& b);

}  // namespace fulcrum::rules
