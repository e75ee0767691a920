#include "rules/program.h"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <limits>
#include <string>
#include <string_view>

#include "rules/limits.h"

namespace fulcrum::rules {
namespace {

// The end of time stays the end of time.
int64_t Before(int64_t time_us, int64_t span_us) {
  int64_t before = 0;
  if (__builtin_sub_overflow(time_us, span_us, &before)) return std::numeric_limits<int64_t>::min();
  return before;
}

// What one instruction sees.
struct View {
  const Program& program;
  absl::Span<const Value> values;
  const Moment& moment;

  Value Load(Operand operand) const {
    switch (operand.source) {
      case Operand::Source::kField:
        return operand.index < values.size() ? values[operand.index] : Value();
      case Operand::Source::kConstant:
        return program.constants[operand.index];
      case Operand::Source::kBefore:
        return Value::Time(Before(moment.time_us, program.constants[operand.index].time_us()));
      case Operand::Source::kImmediate:
        break;
    }
    return {};
  }
};

Truth Of(bool holds) {
  return holds ? Truth::kTrue : Truth::kFalse;
}

bool HasSize(const Value& set) {
  return set.IsTexts() && set.texts().size() <= kFieldSetSizeMax;
}

bool Contains(absl::Span<const std::string> set, std::string_view text) {
  return std::any_of(set.begin(), set.end(),
                     [text](const std::string& member) { return member == text; });
}

bool Contains(const LiteralSet& set, std::string_view text) {
  return std::binary_search(set.texts.begin(), set.texts.end(), text, std::less<>());
}

Truth Booleans(const Value& a, const Value& b) {
  if (!a.IsBoolean() || !b.IsBoolean()) return Truth::kUnknown;
  return Of(a.boolean() == b.boolean());
}

Truth Numbers(Op op, const Value& a, const Value& b) {
  if (!a.IsNumber() || !b.IsNumber()) return Truth::kUnknown;
  if (op == Op::kNumberEqual) return Of(a.number() == b.number());
  return Of(op == Op::kNumberLess ? a.number() < b.number() : a.number() <= b.number());
}

Truth Texts(const Value& a, const Value& b) {
  if (!a.IsText() || !b.IsText()) return Truth::kUnknown;
  return Of(a.text() == b.text());
}

Truth Times(Op op, const Value& a, const Value& b) {
  if (!a.IsTime() || !b.IsTime()) return Truth::kUnknown;
  return Of(op == Op::kTimeLess ? a.time_us() < b.time_us() : a.time_us() <= b.time_us());
}

Truth NumberInSet(const Value& a, const LiteralSet& set) {
  if (!a.IsNumber()) return Truth::kUnknown;
  return Of(std::binary_search(set.numbers.begin(), set.numbers.end(), a.number()));
}

Truth TextInField(const Value& a, const Value& b) {
  if (!a.IsText() || !HasSize(b)) return Truth::kUnknown;
  return Of(Contains(b.texts(), a.text()));
}

Truth FieldMeetsSet(const Value& a, const LiteralSet& set) {
  if (!HasSize(a)) return Truth::kUnknown;
  return Of(std::any_of(a.texts().begin(), a.texts().end(),
                        [&set](const std::string& text) { return Contains(set, text); }));
}

Truth FieldMeetsField(const Value& a, const Value& b) {
  if (!HasSize(a) || !HasSize(b)) return Truth::kUnknown;
  return Of(std::any_of(a.texts().begin(), a.texts().end(),
                        [&b](const std::string& text) { return Contains(b.texts(), text); }));
}

bool HasValue(const Value& value) {
  return value.IsNumber() || value.IsText() || value.IsBoolean() || value.IsTime() ||
         HasSize(value);
}

bool InHours(const Instruction& step, int32_t minute) {
  const int32_t from = step.a.index;
  const int32_t to = step.b.index;
  return from < to ? from <= minute && minute < to : from <= minute || minute < to;
}

Truth Test(const Instruction& step, const View& view) {
  const Value a = view.Load(step.a);
  switch (step.op) {
    case Op::kBoolean:
      return a.IsBoolean() ? Of(a.boolean()) : Truth::kUnknown;
    case Op::kBooleanEqual:
      return Booleans(a, view.Load(step.b));
    case Op::kNumberEqual:
    case Op::kNumberLess:
    case Op::kNumberAtMost:
      return Numbers(step.op, a, view.Load(step.b));
    case Op::kTextEqual:
      return Texts(a, view.Load(step.b));
    case Op::kTimeLess:
    case Op::kTimeAtMost:
      return Times(step.op, a, view.Load(step.b));
    case Op::kNumberInSet:
      return NumberInSet(a, view.program.sets[step.b.index]);
    case Op::kTextInSet:
      return a.IsText() ? Of(Contains(view.program.sets[step.b.index], a.text())) : Truth::kUnknown;
    case Op::kTextInField:
      return TextInField(a, view.Load(step.b));
    case Op::kFieldMeetsSet:
      return FieldMeetsSet(a, view.program.sets[step.b.index]);
    case Op::kFieldMeetsField:
      return FieldMeetsField(a, view.Load(step.b));
    case Op::kKnown:
      return Of(HasValue(a));
    case Op::kHours:
      return Of(InHours(step, view.moment.minute_of_day));
    case Op::kWeekdays:
      return Of((step.a.index >> view.moment.weekday & 1) != 0);
  }
  return Truth::kUnknown;
}

}  // namespace

bool Run(const Program& program, uint16_t start, absl::Span<const Value> values,
         const Moment& moment) noexcept {
  const View view{program, values, moment};
  uint16_t place = start;
  while (place > kHolds) {
    const Instruction& step = program.code[place];
    const Truth wanted = step.wanted ? Truth::kTrue : Truth::kFalse;
    place = Test(step, view) == wanted ? step.on_hold : step.on_fail;
  }
  return place == kHolds;
}

}  // namespace fulcrum::rules
