// A rule as the path runs it: flat, immutable, views into what it owns.
//
// Kleene's logic needs no third value while it runs. That a rule is true can be said by tests of
// single conditions alone: `a and b` is true if a is and b is; `not (a and b)` is true if a is
// false or b is false. So negations are pushed down to the single conditions when a rule is
// compiled, each of which becomes one instruction that asks for one outcome, true or false, and
// names where to go on if that holds and if not; an unknown condition holds for neither. Two
// programs over the same tree, one asking whether it is true and one whether it is false, together
// say which of three it is.
//
// Every instruction goes on at a lower place than its own, so each runs at most once and a program
// ends after at most as many steps as it has instructions, whatever the values are.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "rules/moment.h"
#include "rules/value.h"

namespace fulcrum::rules {

enum class Op : uint8_t {
  kBoolean,  // a
  kBooleanEqual,
  kNumberEqual,
  kNumberLess,
  kNumberAtMost,
  kTextEqual,
  kTimeLess,
  kTimeAtMost,
  kNumberInSet,    // a is in the literal set b
  kTextInSet,      // the same of texts
  kTextInField,    // a is in the set that b holds
  kFieldMeetsSet,  // the set that a holds and the literal set b have a member in common
  kFieldMeetsField,
  kKnown,     // a has a value
  kHours,     // clock in [a.index, b.index), minutes of the day, past midnight if a > b
  kWeekdays,  // bit of today in a.index
};

struct Operand {
  enum class Source : uint8_t {
    kField,      // index: slot of the schema
    kConstant,   // index: of Program::constants
    kBefore,     // the moment less constants[index], a span in microseconds
    kImmediate,  // the index itself; what it means is the instruction's
  };

  Source source = Source::kField;
  uint16_t index = 0;
};

// Places 0 and 1 of a program are its ends.
inline constexpr uint16_t kFails = 0;
inline constexpr uint16_t kHolds = 1;

struct Instruction {
  Op op = Op::kBoolean;
  bool wanted = true;
  Operand a;
  Operand b;
  uint16_t on_hold = kHolds;
  uint16_t on_fail = kFails;
};

// Sorted, so that a binary search finds a member.
struct LiteralSet {
  std::vector<double> numbers;
  std::vector<std::string> texts;
};

// Made by rules/compiler.h. Can be moved, not copied: constants view texts.
struct Program {
  std::vector<Instruction> code;  // 0 and 1 are placeholders for the ends
  uint16_t is_true = kFails;      // where the program begins that asks for true
  uint16_t is_false = kFails;
  std::vector<Value> constants;
  std::deque<std::string> texts;  // keeps addresses when it grows or moves
  std::vector<LiteralSet> sets;

  Program() = default;
  Program(Program&&) = default;
  Program& operator=(Program&&) = default;
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
};

// Whether the program that begins at `start` reaches kHolds. A slot beyond `values` is unknown.
// Allocates nothing, throws nothing, thread-safe.
bool Run(const Program& program, uint16_t start, absl::Span<const Value> values,
         const Moment& moment) noexcept;

}  // namespace fulcrum::rules
