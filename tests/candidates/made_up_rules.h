// Bundles, rules and requests made by chance, with what each rule says by a second way of
// reckoning: closures over the request instead of the compiled rule.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "base/random.h"

namespace fulcrum::testing {

struct MadeUpRequest {
  std::optional<std::string> country, city, segment;
  std::optional<double> age;
  absl::Time now;
};

struct MadeUpAction {
  std::string id;
  std::string category;
  std::optional<std::string> home;  // attribute
};

using Truth = std::optional<bool>;  // nullopt: unknown

struct MadeUpRule {
  std::string text;  // empty: none
  std::function<Truth(const MadeUpRequest&, const MadeUpAction&)> says;

  bool Holds(const MadeUpRequest& request, const MadeUpAction& action) const {
    return text.empty() || says(request, action) == Truth(true);
  }
};

class RuleMaker {
 public:
  explicit RuleMaker(base::RandomStream* random) : random_(*random) {}

  static std::string Country(uint64_t i) { return absl::StrCat("c", i); }
  uint64_t Below(uint64_t bound) { return random_.NextBelow(static_cast<uint32_t>(bound)); }

  MadeUpRule Make(int depth) {
    if (depth == 0 || Below(3) == 0) return Condition();
    switch (Below(4)) {
      case 0:
        return Not(Make(depth - 1));
      case 1:
        return Either(Make(depth - 1), Make(depth - 1));
      default:
        return Both(Make(depth - 1), Make(depth - 1));
    }
  }

 private:
  using Text = std::optional<std::string> MadeUpRequest::*;

  static Truth Equal(const std::optional<std::string>& a, const std::optional<std::string>& b) {
    if (!a || !b) return std::nullopt;
    return *a == *b;
  }

  MadeUpRule Condition() {
    switch (Below(9)) {
      case 0:
      case 1:
        return In("context.country", &MadeUpRequest::country);
      case 2:
        return In("user.segment", &MadeUpRequest::segment);
      case 3:
        return In("context.geo.city", &MadeUpRequest::city);
      case 4:
        return {"context.country == action.home", [](const auto& request, const auto& action) {
                  return Equal(request.country, action.home);
                }};
      case 5: {
        const auto least = static_cast<double>(Below(60));
        return {absl::StrCat("user.age >= ", least), [least](const auto& request, const auto&) {
                  return request.age ? Truth(*request.age >= least) : std::nullopt;
                }};
      }
      case 6: {
        const std::string category = absl::StrCat("k", Below(3));
        return {absl::StrCat("\"", category, "\" in action.categories"),
                [category](const auto&, const auto& action) {
                  return Truth(action.category == category);
                }};
      }
      case 7:
        return {"now in hours(\"08:00\", \"20:00\")", [](const auto& request, const auto&) {
                  const int64_t hour =
                      absl::ToInt64Hours(request.now - absl::FromUnixSeconds(0)) % 24;
                  return Truth(hour >= 8 && hour < 20);
                }};
      default:
        return {"user.segment is unknown",
                [](const auto& request, const auto&) { return Truth(!request.segment); }};
    }
  }

  MadeUpRule In(const std::string& field, Text member) {
    std::vector<std::string> values;
    const uint64_t count = 1 + Below(3);
    const uint64_t first = Below(6);
    for (uint64_t i = 0; i < count; ++i) values.push_back(Country((first + i) % 6));
    const std::string text =
        values.size() == 1 ? absl::StrCat(field, " == \"", values[0], "\"")
                           : absl::StrCat(field, " in [\"", absl::StrJoin(values, "\", \""), "\"]");
    return {text, [values, member](const auto& request, const auto&) {
              const auto& value = request.*member;
              if (!value) return Truth();
              return Truth(std::find(values.begin(), values.end(), *value) != values.end());
            }};
  }

  static MadeUpRule Not(const MadeUpRule& a) {
    return {absl::StrCat("not (", a.text, ")"), [says = a.says](const auto& r, const auto& x) {
              const Truth one = says(r, x);
              return one ? Truth(!*one) : one;
            }};
  }
  static MadeUpRule Both(const MadeUpRule& a, const MadeUpRule& b) {
    return {absl::StrCat("(", a.text, " and ", b.text, ")"),
            [a = a.says, b = b.says](const auto& r, const auto& x) {
              const Truth one = a(r, x), other = b(r, x);
              if (one == Truth(false) || other == Truth(false)) return Truth(false);
              return one && other ? Truth(true) : Truth();
            }};
  }
  static MadeUpRule Either(const MadeUpRule& a, const MadeUpRule& b) {
    return {absl::StrCat("(", a.text, " or ", b.text, ")"),
            [a = a.says, b = b.says](const auto& r, const auto& x) {
              const Truth one = a(r, x), other = b(r, x);
              if (one == Truth(true) || other == Truth(true)) return Truth(true);
              return one && other ? Truth(false) : Truth();
            }};
  }

  base::RandomStream& random_;
};

}  // namespace fulcrum::testing
