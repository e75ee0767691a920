// Fields, values and moments that the tests of rules share.
#pragma once

#include <cstdint>
#include <cstdio>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "base/check.h"
#include "rules/rule.h"

namespace fulcrum::rules {

// Two fields of each type at least, and one whose name must be quoted.
inline const Schema& TestSchema() {
  static const auto* const kSchema = [] {
    auto schema = Schema::Make({{"user.age", Type::kNumber},
                                {"user.score", Type::kNumber},
                                {"context.country", Type::kText},
                                {"action.category", Type::kText},
                                {"context.device-type", Type::kText},
                                {"user.member", Type::kBoolean},
                                {"action.new", Type::kBoolean},
                                {"action.tags", Type::kTexts},
                                {"user.likes", Type::kTexts},
                                {"user.seen", Type::kTime},
                                {"action.start", Type::kTime}});
    FULCRUM_CHECK(schema.ok());
    return new Schema(std::move(*schema));
  }();
  return *kSchema;
}

inline absl::TimeZone Zone(const char* name) {
  absl::TimeZone zone;
  FULCRUM_CHECK(absl::LoadTimeZone(name, &zone));
  return zone;
}

// "2026-12-01 22:30" of the zone's clock.
inline absl::Time At(const std::string& text, const absl::TimeZone& zone) {
  absl::Time time;
  std::string problem;
  FULCRUM_CHECK(absl::ParseTime("%Y-%m-%d %H:%M", text, zone, &time, &problem));
  return time;
}

// The values by slot; those of fields that are not named are unknown. Texts are viewed.
using Named = std::pair<std::string_view, Value>;
inline std::vector<Value> Values(std::initializer_list<Named> named) {
  std::vector<Value> values(TestSchema().size());
  for (const auto& [name, value] : named) {
    const auto slot = TestSchema().Find(name);
    FULCRUM_CHECK(slot.has_value());
    values[*slot] = value;
  }
  return values;
}

// What the rule is refused with, or "accepted".
inline std::string ErrorOf(std::string_view source) {
  RuleError error;
  const auto rule = Rule::Compile(source, TestSchema(), absl::UTCTimeZone(), &error);
  return rule ? "accepted" : error.ToString();
}

inline Rule Compiled(std::string_view source, const absl::TimeZone& zone = absl::UTCTimeZone()) {
  RuleError error;
  auto rule = Rule::Compile(source, TestSchema(), zone, &error);
  if (!rule) std::fprintf(stderr, "%s\n", error.ToString().c_str());
  FULCRUM_CHECK(rule.has_value());
  return std::move(*rule);
}

}  // namespace fulcrum::rules
