#include "rules/compiler.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/time/civil_time.h"
#include "base/check.h"

namespace fulcrum::rules {
namespace {

constexpr int64_t kMicrosPerSecond = 1'000'000;

// Emits instructions from the last to the first, so that the two places where one goes on are
// known when it is emitted, and are lower than its own.
class Compiler {
 public:
  Compiler(const Schema& schema, const absl::TimeZone& zone) : schema_(schema), zone_(zone) {
    program_.code.resize(kHolds + 1);
  }

  Program Run(const Expression& e) {
    program_.is_true = Emit(e, /*wanted=*/true, kHolds, kFails);
    program_.is_false = Emit(e, /*wanted=*/false, kHolds, kFails);
    return std::move(program_);
  }

 private:
  // Where the program begins that goes on at `on_hold` if `e` is `wanted`, else at `on_fail`.
  uint16_t Emit(const Expression& e, bool wanted, uint16_t on_hold, uint16_t on_fail) {
    switch (e.kind) {
      case Kind::kBoolean:
        return e.boolean == wanted ? on_hold : on_fail;
      case Kind::kNot:
        return Emit(e.children[0], !wanted, on_hold, on_fail);
      case Kind::kAnd:
      case Kind::kOr:
        return EmitChain(e, wanted, on_hold, on_fail);
      case Kind::kDates:
        return EmitDates(e, wanted, on_hold, on_fail);
      default:
        return Push(Condition(e, wanted), on_hold, on_fail);
    }
  }

  // All links must hold if `and` is to be true or `or` to be false; otherwise one is enough.
  uint16_t EmitChain(const Expression& e, bool wanted, uint16_t on_hold, uint16_t on_fail) {
    const bool all = (e.kind == Kind::kAnd) == wanted;
    uint16_t next = all ? on_hold : on_fail;
    for (auto link = e.children.rbegin(); link != e.children.rend(); ++link) {
      next = all ? Emit(*link, wanted, next, on_fail) : Emit(*link, wanted, on_hold, next);
    }
    return next;
  }

  // start <= time and time < end
  uint16_t EmitDates(const Expression& e, bool wanted, uint16_t on_hold, uint16_t on_fail) {
    const Operand time = Load(e.children[0]);
    const Operand start = TimeConstant(absl::CivilSecond(e.from));
    const Operand end = TimeConstant(absl::CivilSecond(absl::CivilDay(e.to) + 1));
    const Instruction before_end{Op::kTimeLess, wanted, time, end};
    const Instruction since_start{Op::kTimeAtMost, wanted, start, time};
    if (wanted) return Push(since_start, Push(before_end, on_hold, on_fail), on_fail);
    return Push(since_start, on_hold, Push(before_end, on_hold, on_fail));
  }

  uint16_t Push(Instruction instruction, uint16_t on_hold, uint16_t on_fail) {
    const auto place = static_cast<uint16_t>(program_.code.size());
    FULCRUM_CHECK(on_hold < place && on_fail < place);
    instruction.on_hold = on_hold;
    instruction.on_fail = on_fail;
    program_.code.push_back(instruction);
    return place;
  }

  Instruction Condition(const Expression& e, bool wanted) {
    switch (e.kind) {
      case Kind::kCompare:
        return Compare(e, wanted);
      case Kind::kIn:
        return In(e, wanted);
      case Kind::kIntersects:
        return Intersects(e, wanted);
      case Kind::kKnown:
        return {Op::kKnown, wanted, Load(e.children[0]), {}};
      case Kind::kHours:
        return {Op::kHours, wanted, Immediate(e.from_minute), Immediate(e.to_minute)};
      case Kind::kWeekdays:
        return {Op::kWeekdays, wanted, Immediate(e.weekdays), {}};
      default:
        return {Op::kBoolean, wanted, Load(e), {}};
    }
  }

  // != is == that is wanted to be otherwise, and > is < from the other side.
  Instruction Compare(const Expression& e, bool wanted) {
    const Operand a = Load(e.children[0]);
    const Operand b = Load(e.children[1]);
    const Type type = TypeOf(e.children[0]);
    const bool time = type == Type::kTime;
    const Op less = time ? Op::kTimeLess : Op::kNumberLess;
    const Op at_most = time ? Op::kTimeAtMost : Op::kNumberAtMost;
    switch (e.relation) {
      case Relation::kEqual:
        return {Equal(type), wanted, a, b};
      case Relation::kNotEqual:
        return {Equal(type), !wanted, a, b};
      case Relation::kLess:
        return {less, wanted, a, b};
      case Relation::kAtMost:
        return {at_most, wanted, a, b};
      case Relation::kGreater:
        return {less, wanted, b, a};
      case Relation::kAtLeast:
        return {at_most, wanted, b, a};
    }
    return {};
  }

  static Op Equal(Type type) {
    if (type == Type::kNumber) return Op::kNumberEqual;
    return type == Type::kText ? Op::kTextEqual : Op::kBooleanEqual;
  }

  Type TypeOf(const Expression& operand) const {
    switch (operand.kind) {
      case Kind::kBoolean:
        return Type::kBoolean;
      case Kind::kNumber:
        return Type::kNumber;
      case Kind::kText:
        return Type::kText;
      case Kind::kField:
        return schema_.field(Slot(operand)).type;
      default:
        return Type::kTime;
    }
  }

  Instruction In(const Expression& e, bool wanted) {
    const Operand member = Load(e.children[0]);
    const Expression& set = e.children[1];
    if (set.kind == Kind::kField) return {Op::kTextInField, wanted, member, Load(set)};
    const Op op = set.kind == Kind::kTextSet ? Op::kTextInSet : Op::kNumberInSet;
    return {op, wanted, member, Set(set)};
  }

  Instruction Intersects(const Expression& e, bool wanted) {
    const Expression* a = &e.children[0];
    const Expression* b = &e.children[1];
    if (a->kind == Kind::kTextSet) std::swap(a, b);
    if (b->kind == Kind::kTextSet) return {Op::kFieldMeetsSet, wanted, Load(*a), Set(*b)};
    return {Op::kFieldMeetsField, wanted, Load(*a), Load(*b)};
  }

  uint16_t Slot(const Expression& field) const {
    const auto slot = schema_.Find(field.text);
    FULCRUM_CHECK(slot.has_value());
    return *slot;
  }

  Operand Load(const Expression& e) {
    switch (e.kind) {
      case Kind::kBoolean:
        return Constant(Value::Boolean(e.boolean));
      case Kind::kNumber:
        return Constant(Value::Number(e.number));
      case Kind::kText:
        return Constant(Value::Text(program_.texts.emplace_back(e.text)));
      case Kind::kNow:
        return Before(0);
      case Kind::kAgo:
        return Before(e.span_seconds * kMicrosPerSecond);
      case Kind::kDate:
      case Kind::kTime:
        return TimeConstant(absl::CivilSecond(e.from));
      default:
        return {Operand::Source::kField, Slot(e)};
    }
  }

  Operand Constant(Value value) {
    program_.constants.push_back(value);
    return {Operand::Source::kConstant, static_cast<uint16_t>(program_.constants.size() - 1)};
  }

  Operand TimeConstant(absl::CivilSecond civil) {
    return Constant(Value::Time(absl::ToUnixMicros(absl::FromCivil(civil, zone_))));
  }

  Operand Before(int64_t span_us) {
    Operand operand = Constant(Value::Time(span_us));
    operand.source = Operand::Source::kBefore;
    return operand;
  }

  static Operand Immediate(int number) {
    return {Operand::Source::kImmediate, static_cast<uint16_t>(number)};
  }

  Operand Set(const Expression& e) {
    LiteralSet set{e.numbers, e.texts};
    std::sort(set.numbers.begin(), set.numbers.end());
    std::sort(set.texts.begin(), set.texts.end());
    program_.sets.push_back(std::move(set));
    return Immediate(static_cast<int>(program_.sets.size() - 1));
  }

  const Schema& schema_;
  const absl::TimeZone zone_;
  Program program_;
};

}  // namespace

Program Flatten(const Expression& expression, const Schema& schema, const absl::TimeZone& zone) {
  return Compiler(schema, zone).Run(expression);
}

}  // namespace fulcrum::rules
