// Rules and worlds by chance, from few enough values that they often meet.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "rules/calendar.h"
#include "tests/rules/fields.h"
#include "tests/rules/tree_interpreter.h"

namespace fulcrum::rules {

inline const std::vector<std::string>& SomeTexts() {
  static const auto* const kTexts =
      new std::vector<std::string>{"de", "at", "ch", "", "a \"b\"\\\n'c'", "grün"};
  return *kTexts;
}
inline constexpr double kSomeNumbers[] = {0, 1, -2.5, 18, 0.1, 1e300, -1e-7};
// Around changes of the clock, a leap day and midnights, in minutes that often are the same.
inline constexpr const char* kSomeMinutes[] = {
    "2026-03-29 01:59", "2026-03-29 02:30", "2026-03-29 03:00", "2026-10-25 02:15",
    "2026-10-25 03:00", "2028-02-29 00:00", "2028-02-28 23:59", "2026-12-24 12:00"};

// Trees that Check() accepts and whose printed form is within the limits. Not thread-safe.
class RandomRules {
 public:
  explicit RandomRules(uint64_t seed) : random_(seed) {}

  Expression Condition(int depth) {
    if (depth > 0 && Below(3) != 0) {
      Expression e = Make(static_cast<Kind>(static_cast<int>(Kind::kNot) + Below(3)));
      const uint32_t children = e.kind == Kind::kNot ? 1 : 2 + Below(3);
      for (uint32_t i = 0; i < children; ++i) e.children.push_back(Condition(depth - 1));
      return e;
    }
    return Single();
  }

 private:
  uint32_t Below(uint32_t bound) { return random_.NextBelow(bound); }

  static Expression Make(Kind kind, std::vector<Expression> children = {}) {
    Expression e;
    e.kind = kind;
    e.children = std::move(children);
    return e;
  }

  Expression FieldOf(Type type) {
    while (true) {
      const Field& field = TestSchema().fields()[Below(static_cast<uint32_t>(TestSchema().size()))];
      if (field.type != type) continue;
      Expression e = Make(Kind::kField);
      e.text = field.name;
      return e;
    }
  }

  std::string Text() { return SomeTexts()[Below(static_cast<uint32_t>(SomeTexts().size()))]; }
  double Number() { return kSomeNumbers[Below(std::size(kSomeNumbers))]; }
  absl::CivilMinute Minute() {
    return *ParseMinute(kSomeMinutes[Below(std::size(kSomeMinutes))]) + Below(3);
  }

  Expression Operand(Type type) {
    if (Below(2) == 0) return FieldOf(type);
    switch (type) {
      case Type::kNumber: {
        Expression e = Make(Kind::kNumber);
        e.number = Number();
        return e;
      }
      case Type::kText: {
        Expression e = Make(Kind::kText);
        e.text = Text();
        return e;
      }
      case Type::kBoolean: {
        Expression e = Make(Kind::kBoolean);
        e.boolean = Below(2) == 0;
        return e;
      }
      case Type::kTexts:
        return TextSet();
      case Type::kTime:
        return TimeLiteral();
    }
    return {};
  }

  Expression TextSet() {
    Expression e = Make(Kind::kTextSet);
    for (const std::string& text : SomeTexts()) {
      if (Below(3) == 0) e.texts.push_back(text);
    }
    if (e.texts.empty()) e.texts.emplace_back("de");
    return e;
  }

  Expression NumberSet() {
    Expression e = Make(Kind::kNumberSet);
    for (const double number : kSomeNumbers) {
      if (Below(3) == 0) e.numbers.insert(e.numbers.begin(), number);
    }
    if (e.numbers.empty()) e.numbers.push_back(7);
    return e;
  }

  Expression TimeLiteral() {
    switch (Below(4)) {
      case 0:
        return Make(Kind::kNow);
      case 1: {
        Expression e = Make(Kind::kAgo);
        e.span_seconds = int64_t{60} * (1 + Below(3 * kMinutesPerDay));
        return e;
      }
      case 2: {
        Expression e = Make(Kind::kDate);
        e.from = absl::CivilMinute(absl::CivilDay(Minute()));
        return e;
      }
      default: {
        Expression e = Make(Kind::kTime);
        e.from = Minute();
        return e;
      }
    }
  }

  Expression Single() {
    switch (Below(10)) {
      case 0:
        return Operand(Type::kBoolean);
      case 1:
        return Make(Kind::kKnown, {FieldOf(static_cast<Type>(Below(5)))});
      case 2:
        return Make(Kind::kIn, {Operand(Type::kNumber), NumberSet()});
      case 3:
        return Make(Kind::kIn, {Operand(Type::kText), Operand(Type::kTexts)});
      case 4:
        return Intersects();
      case 5:
        return Window();
      default:
        return Compare();
    }
  }

  Expression Intersects() {
    Expression a = FieldOf(Type::kTexts);
    // Two fields cost half of what a rule may cost.
    Expression b = Below(20) == 0 ? FieldOf(Type::kTexts) : TextSet();
    if (Below(2) == 0) std::swap(a, b);
    return Make(Kind::kIntersects, {std::move(a), std::move(b)});
  }

  Expression Compare() {
    const auto type = static_cast<Type>(Below(5));
    if (type == Type::kTexts) return Intersects();
    Expression e = Make(Kind::kCompare, {Operand(type), Operand(type)});
    if (type == Type::kNumber) {
      e.relation = static_cast<Relation>(Below(6));
    } else if (type == Type::kTime) {
      e.relation = static_cast<Relation>(2 + Below(4));
    } else {
      e.relation = static_cast<Relation>(Below(2));
    }
    return e;
  }

  Expression Window() {
    Expression e = Make(static_cast<Kind>(static_cast<int>(Kind::kHours) + Below(3)));
    if (e.kind == Kind::kDates) {
      e.children.push_back(Operand(Type::kTime));
      e.from = absl::CivilMinute(absl::CivilDay(Minute()));
      e.to = absl::CivilMinute(absl::CivilDay(e.from) + Below(300));
      return e;
    }
    e.children.push_back(Make(Kind::kNow));
    if (e.kind == Kind::kWeekdays) {
      e.weekdays = static_cast<uint8_t>(1 + Below(127));
      return e;
    }
    e.from_minute = static_cast<int>(15 * Below(96));
    e.to_minute = static_cast<int>(15 * Below(97));
    if (e.to_minute == e.from_minute) e.to_minute += 15;
    return e;
  }

  base::RandomStream random_;
};

// A world, and the same one as the values and the moment that a rule gets. Cannot be copied: values
// view the world's.
class RandomWorld {
 public:
  RandomWorld(const absl::TimeZone& zone, base::RandomStream* random) : random_(random) {
    world_.zone = zone;
    const char* const minute = kSomeMinutes[Below(std::size(kSomeMinutes))];
    world_.now = At(minute, zone) + absl::Microseconds(Below(180'000'000));
    moment_ = Moment::At(world_.now, zone);
    for (const Field& field : TestSchema().fields()) AddField(field);
  }
  RandomWorld(const RandomWorld&) = delete;
  RandomWorld& operator=(const RandomWorld&) = delete;

  const World& world() const { return world_; }
  const std::vector<Value>& values() const { return values_; }
  const Moment& moment() const { return moment_; }

 private:
  uint32_t Below(uint32_t bound) { return random_->NextBelow(bound); }

  void AddField(const Field& field) {
    if (Below(4) == 0) {
      values_.emplace_back();
      return;
    }
    TreeValue& value = world_.fields[field.name];
    switch (field.type) {
      case Type::kNumber: {
        const double number = kSomeNumbers[Below(std::size(kSomeNumbers))];
        value = number;
        values_.push_back(Value::Number(number));
        return;
      }
      case Type::kText:
        value = SomeTexts()[Below(static_cast<uint32_t>(SomeTexts().size()))];
        values_.push_back(Value::Text(std::get<std::string>(value)));
        return;
      case Type::kBoolean: {
        const bool boolean = Below(2) == 0;
        value = boolean;
        values_.push_back(Value::Boolean(boolean));
        return;
      }
      case Type::kTexts: {
        std::vector<std::string> texts;
        for (const std::string& text : SomeTexts()) {
          if (Below(3) == 0) texts.push_back(text);
        }
        value = std::move(texts);
        values_.push_back(Value::Texts(std::get<std::vector<std::string>>(value)));
        return;
      }
      case Type::kTime: {
        const absl::Time time = world_.now + absl::Minutes(5) - absl::Minutes(Below(6000));
        value = time;
        values_.push_back(Value::Time(absl::ToUnixMicros(time)));
        return;
      }
    }
  }

  base::RandomStream* const random_;
  World world_;
  Moment moment_;
  std::vector<Value> values_;
};

}  // namespace fulcrum::rules
