#include "rules/required.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/rules/fields.h"

namespace fulcrum::rules {
namespace {

struct Row {
  std::string source;
  std::string field;
  std::string required;  // members with commas between, "any", or "never"
};

std::string Shown(const std::optional<std::set<std::string>>& values) {
  if (!values) return "any";
  if (values->empty()) return "never";
  std::string shown;
  for (const std::string& value : *values) shown += (shown.empty() ? "" : ",") + value;
  return shown;
}

class Required : public ::testing::TestWithParam<Row> {};

TEST_P(Required, IsWhatTheTableSays) {
  const auto& [source, field, required] = GetParam();
  EXPECT_EQ(Shown(Compiled(source).RequiredValues(field)), required) << source;
}

constexpr char kCountry[] = "context.country";
constexpr char kTags[] = "action.tags";

INSTANTIATE_TEST_SUITE_P(
    OneText, Required,
    ::testing::Values(
        Row{"context.country == \"de\"", kCountry, "de"},
        Row{"\"de\" == context.country", kCountry, "de"},
        Row{"context.country in [\"de\", \"at\"]", kCountry, "at,de"},
        Row{"context.country != \"de\"", kCountry, "any"},
        Row{"not (context.country != \"de\")", kCountry, "de"},
        Row{"not context.country == \"de\"", kCountry, "any"},
        Row{"context.country not in [\"de\"]", kCountry, "any"},
        Row{"user.member and context.country == \"de\"", kCountry, "de"},
        Row{"user.member or context.country == \"de\"", kCountry, "any"},
        Row{"context.country == \"de\" or context.country == \"at\"", kCountry, "at,de"},
        Row{"context.country in [\"de\", \"at\"] and context.country == \"at\"", kCountry, "at"},
        Row{"not (context.country != \"de\" and context.country != \"at\")", kCountry, "at,de"},
        Row{"(user.member or user.age > 1) and (context.country == \"de\" or "
            "context.country == \"at\" and user.member)",
            kCountry, "at,de"},
        Row{"context.country == action.category", kCountry, "any"},
        Row{"context.country in action.tags", kCountry, "any"},
        Row{"context.country == \"de\"", "action.category", "any"},
        Row{"context.country == \"de\"", "no.field", "any"}, Row{"true", kCountry, "any"},
        Row{"false", kCountry, "never"}, Row{"false and user.member", kCountry, "never"},
        Row{"false or context.country == \"de\"", kCountry, "de"},
        Row{"not true", kCountry, "never"}, Row{"has(context.country)", kCountry, "any"}));

INSTANTIATE_TEST_SUITE_P(
    TextSet, Required,
    ::testing::Values(Row{"\"sale\" in action.tags", kTags, "sale"},
                      Row{"action.tags intersects [\"b\", \"a\"]", kTags, "a,b"},
                      Row{"[\"a\"] intersects action.tags", kTags, "a"},
                      Row{"\"a\" not in action.tags", kTags, "any"},
                      Row{"not (action.tags intersects [\"a\"])", kTags, "any"},
                      Row{"action.tags intersects user.likes", kTags, "any"},
                      Row{"\"a\" in action.tags and \"b\" in action.tags", kTags, "a"},
                      Row{"\"a\" in action.tags or \"b\" in action.tags", kTags, "a,b"},
                      Row{"context.country in action.tags", kTags, "any"}));

}  // namespace
}  // namespace fulcrum::rules
