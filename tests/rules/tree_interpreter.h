// The language once more, slow and obvious: what the compiled program is compared with. Shares the
// tree with the room and nothing else: values are of its own types, days and clock times are asked
// of the time zone each time, Kleene's logic is minimum and maximum.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "base/check.h"
#include "rules/expression.h"
#include "rules/value.h"

namespace fulcrum::rules {

// A field's value; no entry in World::fields means unknown.
using TreeValue = std::variant<double, std::string, bool, std::vector<std::string>, absl::Time>;

struct World {
  std::map<std::string, TreeValue> fields;
  absl::Time now;
  absl::TimeZone zone;
};

class TreeInterpreter {
 public:
  explicit TreeInterpreter(const World& world) : world_(world) {}

  Truth Say(const Expression& e) const {
    switch (e.kind) {
      case Kind::kNot:
        return static_cast<Truth>(2 - static_cast<int>(Say(e.children[0])));
      case Kind::kAnd:
      case Kind::kOr:
        return SayChain(e);
      case Kind::kKnown:
        return Of(world_.fields.contains(e.children[0].text));
      case Kind::kCompare:
      case Kind::kIn:
      case Kind::kIntersects:
        return SayPair(e);
      case Kind::kHours: {
        const absl::CivilSecond civil = world_.zone.At(world_.now).cs;
        return Of(ClockIsIn(civil.hour() * 60 + civil.minute(), e.from_minute, e.to_minute));
      }
      case Kind::kWeekdays: {
        const absl::Weekday day = absl::GetWeekday(absl::CivilDay(world_.zone.At(world_.now).cs));
        return Of((e.weekdays >> static_cast<int>(day)) % 2 == 1);
      }
      case Kind::kDates: {
        const auto time = ValueOf(e.children[0]);
        if (!time) return Truth::kUnknown;
        const absl::CivilDay day(world_.zone.At(std::get<absl::Time>(*time)).cs);
        return Of(absl::CivilDay(e.from) <= day && day <= absl::CivilDay(e.to));
      }
      default: {
        const auto value = ValueOf(e);
        return value ? Of(std::get<bool>(*value)) : Truth::kUnknown;
      }
    }
  }

 private:
  static Truth Of(bool holds) { return holds ? Truth::kTrue : Truth::kFalse; }

  // Minute by minute from the start: past the end of the day the next one begins.
  static bool ClockIsIn(int minute, int from, int to) {
    for (int at = from; at != to; at = at == 1440 ? 0 : at + 1) {
      if (at == minute) return true;
    }
    return false;
  }

  Truth SayChain(const Expression& e) const {
    Truth all = e.kind == Kind::kAnd ? Truth::kTrue : Truth::kFalse;
    for (const Expression& link : e.children) {
      all = e.kind == Kind::kAnd ? std::min(all, Say(link)) : std::max(all, Say(link));
    }
    return all;
  }

  Truth SayPair(const Expression& e) const {
    if (e.kind == Kind::kIn && e.children[1].kind == Kind::kNumberSet) {
      const auto number = ValueOf(e.children[0]);
      if (!number) return Truth::kUnknown;
      const auto& set = e.children[1].numbers;
      return Of(std::count(set.begin(), set.end(), std::get<double>(*number)) > 0);
    }
    const auto a = ValueOf(e.children[0]);
    const auto b = ValueOf(e.children[1]);
    if (!a || !b) return Truth::kUnknown;
    if (e.kind == Kind::kCompare) return Of(Compare(*a, e.relation, *b));
    const auto& right = std::get<std::vector<std::string>>(*b);
    const std::set<std::string> members(right.begin(), right.end());
    if (e.kind == Kind::kIn) return Of(members.contains(std::get<std::string>(*a)));
    int common = 0;
    for (const std::string& text : std::get<std::vector<std::string>>(*a)) {
      common += members.contains(text) ? 1 : 0;
    }
    return Of(common > 0);
  }

  static bool Compare(const TreeValue& a, Relation relation, const TreeValue& b) {
    switch (relation) {
      case Relation::kEqual:
        return a == b;
      case Relation::kNotEqual:
        return a != b;
      case Relation::kLess:
        return a < b;
      case Relation::kAtMost:
        return a <= b;
      case Relation::kGreater:
        return a > b;
      case Relation::kAtLeast:
        return a >= b;
    }
    return false;
  }

  std::optional<TreeValue> ValueOf(const Expression& e) const {
    switch (e.kind) {
      case Kind::kBoolean:
        return e.boolean;
      case Kind::kNumber:
        return e.number;
      case Kind::kText:
        return e.text;
      case Kind::kTextSet:
        return e.texts;
      case Kind::kField: {
        const auto found = world_.fields.find(e.text);
        if (found == world_.fields.end()) return std::nullopt;
        return found->second;
      }
      case Kind::kNow:
        return world_.now;
      case Kind::kAgo:
        return world_.now - absl::Seconds(e.span_seconds);
      case Kind::kDate:
      case Kind::kTime:
        return absl::FromCivil(absl::CivilSecond(e.from), world_.zone);
      default:
        FULCRUM_CHECK(false);
    }
  }

  const World& world_;
};

}  // namespace fulcrum::rules
