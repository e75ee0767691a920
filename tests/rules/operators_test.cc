// One row per operator and type: what a rule says when its fields have values, and when not.
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "rules/limits.h"
#include "rules/rule.h"
#include "tests/rules/fields.h"

namespace fulcrum::rules {
namespace {

constexpr Truth T = Truth::kTrue;
constexpr Truth F = Truth::kFalse;
constexpr Truth U = Truth::kUnknown;

const std::vector<std::string>& Tags() {
  static const auto* const kTags = new std::vector<std::string>{"sale", "shoes"};
  return *kTags;
}
const std::vector<std::string>& Likes() {
  static const auto* const kLikes = new std::vector<std::string>{"shoes", "hats"};
  return *kLikes;
}

constexpr int64_t kSeen = 1'700'000'000'000'000;  // 2023-11-14 22:13:20 UTC

std::vector<Value> Known() {
  return Values({{"user.age", Value::Number(18)},
                 {"user.score", Value::Number(0.5)},
                 {"context.country", Value::Text("de")},
                 {"context.device-type", Value::Text("phone")},
                 {"user.member", Value::Boolean(true)},
                 {"action.new", Value::Boolean(false)},
                 {"action.tags", Value::Texts(Tags())},
                 {"user.likes", Value::Texts(Likes())},
                 {"user.seen", Value::Time(kSeen)},
                 {"action.start", Value::Time(kSeen + 1)}});
}

// `without`: when all fields are unknown.
struct Row {
  std::string source;
  Truth with;
  Truth without;
};

class Operators : public ::testing::TestWithParam<Row> {};

TEST_P(Operators, SayWhatTheTableSays) {
  const Rule rule = Compiled(GetParam().source);
  const Moment moment = Moment::At(absl::FromUnixMicros(kSeen + 10), absl::UTCTimeZone());
  EXPECT_EQ(rule.Evaluate(Known(), moment), GetParam().with) << GetParam().source;
  EXPECT_EQ(rule.IsEligible(Known(), moment), GetParam().with == T);
  const std::vector<Value> unknown(TestSchema().size());
  EXPECT_EQ(rule.Evaluate(unknown, moment), GetParam().without) << GetParam().source;
  EXPECT_EQ(rule.Evaluate({}, moment), GetParam().without) << "no values at all";
}

INSTANTIATE_TEST_SUITE_P(
    Number, Operators,
    ::testing::Values(Row{"user.age == 18", T, U}, Row{"user.age == 18.5", F, U},
                      Row{"18 == user.age", T, U}, Row{"user.age != 18", F, U},
                      Row{"user.age != -18", T, U}, Row{"user.age < 18", F, U},
                      Row{"user.age < 19", T, U}, Row{"user.age <= 18", T, U},
                      Row{"user.age <= 17", F, U}, Row{"user.age > 18", F, U},
                      Row{"user.age > 17.9", T, U}, Row{"user.age >= 18", T, U},
                      Row{"user.age >= 19", F, U}, Row{"18 < user.age", F, U},
                      Row{"17 < user.age", T, U}, Row{"user.score < user.age", T, U},
                      Row{"user.age == user.age", T, U}, Row{"user.age in [17, 18]", T, U},
                      Row{"user.age in [17, 19]", F, U}, Row{"user.age not in [17, 19]", T, U},
                      Row{"user.age > -1e3", T, U}, Row{"2 > 1", T, T}, Row{"3 in [1, 2]", F, F}));

INSTANTIATE_TEST_SUITE_P(Text, Operators,
                         ::testing::Values(Row{"context.country == \"de\"", T, U},
                                           Row{"context.country == 'at'", F, U},
                                           Row{"\"de\" == context.country", T, U},
                                           Row{"context.country != \"de\"", F, U},
                                           Row{"context.country != 'd'", T, U},
                                           Row{"context.country in [\"at\", \"de\"]", T, U},
                                           Row{"context.country in [\"at\"]", F, U},
                                           Row{"context.country not in [\"at\"]", T, U},
                                           Row{"not context.country in [\"at\"]", T, U},
                                           Row{"context[\"device-type\"] == \"phone\"", T, U},
                                           Row{"context[\"country\"] == \"de\"", T, U},
                                           Row{"action.category == \"alcohol\"", U, U},
                                           Row{"not (action.category == \"alcohol\")", U, U},
                                           Row{"context.country == action.category", U, U}));

INSTANTIATE_TEST_SUITE_P(Boolean, Operators,
                         ::testing::Values(Row{"user.member", T, U}, Row{"action.new", F, U},
                                           Row{"not action.new", T, U}, Row{"!user.member", F, U},
                                           Row{"user.member == true", T, U},
                                           Row{"user.member == false", F, U},
                                           Row{"user.member != action.new", T, U},
                                           Row{"user.member == action.new", F, U},
                                           Row{"true", T, T}, Row{"false", F, F},
                                           Row{"true == false", F, F}));

INSTANTIATE_TEST_SUITE_P(TextSet, Operators,
                         ::testing::Values(Row{"\"sale\" in action.tags", T, U},
                                           Row{"\"hats\" in action.tags", F, U},
                                           Row{"\"hats\" not in action.tags", T, U},
                                           Row{"context.country in action.tags", F, U},
                                           Row{"action.tags intersects [\"hats\", \"sale\"]", T, U},
                                           Row{"action.tags intersects [\"hats\"]", F, U},
                                           Row{"[\"shoes\"] intersects action.tags", T, U},
                                           Row{"action.tags intersects user.likes", T, U},
                                           Row{"not (action.tags intersects user.likes)", F, U}));

INSTANTIATE_TEST_SUITE_P(
    Time, Operators,
    ::testing::Values(Row{"user.seen < now", T, U}, Row{"user.seen <= action.start", T, U},
                      Row{"user.seen > action.start", F, U}, Row{"action.start >= user.seen", T, U},
                      Row{"user.seen < ago(\"1m\")", F, U}, Row{"user.seen > ago(\"2h\")", T, U},
                      Row{"now > ago(\"1d\")", T, T}, Row{"user.seen < date(\"2023-11-15\")", T, U},
                      Row{"user.seen < date(\"2023-11-14\")", F, U},
                      Row{"user.seen >= time(\"2023-11-14 22:13\")", T, U},
                      Row{"user.seen >= time(\"2023-11-14 22:14\")", F, U},
                      Row{"user.seen in dates(\"2023-11-14\", \"2023-11-14\")", T, U},
                      Row{"user.seen not in dates(\"2023-11-14\", \"2023-11-14\")", F, U},
                      Row{"user.seen in dates(\"2023-11-15\", \"2024-01-01\")", F, U}));

INSTANTIATE_TEST_SUITE_P(
    Known, Operators,
    ::testing::Values(Row{"has(user.age)", T, F}, Row{"has(action.category)", F, F},
                      Row{"user.age is known", T, F}, Row{"user.age is not known", F, T},
                      Row{"user.age is unknown", F, T}, Row{"has(user.member)", T, F},
                      Row{"has(action.tags)", T, F}, Row{"has(user.seen)", T, F},
                      Row{"has(context.country) and context.country != \"at\"", T, F}));

INSTANTIATE_TEST_SUITE_P(
    Precedence, Operators,
    ::testing::Values(Row{"true or true and false", T, T}, Row{"(true or true) and false", F, F},
                      Row{"not false and false", F, F}, Row{"not (false and false)", T, T},
                      Row{"not user.age == 17", T, U}, Row{"true || true && false", T, T},
                      Row{"not not true", T, T}, Row{"!(!true)", T, T},
                      Row{"user.age >= 18 and context.country in [\"de\", \"at\"] and not "
                          "(action.category == \"alcohol\") and now in hours(\"22:00\", \"06:00\")",
                          U, U}));

TEST(Values, OfAnotherTypeThanDeclaredAreUnknown) {
  const Moment moment;
  const std::vector<Value> wrong = Values({{"user.age", Value::Text("18")},
                                           {"context.country", Value::Number(1)},
                                           {"user.member", Value::Number(1)},
                                           {"action.tags", Value::Text("sale")},
                                           {"user.seen", Value::Number(1)}});
  for (const char* source :
       {"user.age >= 18", "user.age != 18", "user.age in [18]", "context.country == \"de\"",
        "context.country in [\"de\"]", "user.member", "user.member == false",
        "\"sale\" in action.tags", "action.tags intersects [\"sale\"]", "user.seen < now"}) {
    EXPECT_EQ(Compiled(source).Evaluate(wrong, moment), U) << source;
  }
}

TEST(Values, ANaNIsUnknownAndAnInfinityIsNot) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  const Rule rule = Compiled("user.age > 18 or user.age <= 18");
  EXPECT_EQ(rule.Evaluate(Values({{"user.age", Value::Number(nan)}}), {}), U);
  EXPECT_EQ(rule.Evaluate(Values({{"user.age", Value::Number(infinity)}}), {}), T);
  EXPECT_EQ(Compiled("has(user.age)").Evaluate(Values({{"user.age", Value::Number(nan)}}), {}), F);
}

TEST(Values, ASetOverTheLimitIsUnknown) {
  std::vector<std::string> tags(kFieldSetSizeMax, "sale");
  const Rule in = Compiled("\"sale\" in action.tags");
  const Rule has = Compiled("has(action.tags)");
  EXPECT_EQ(in.Evaluate(Values({{"action.tags", Value::Texts(tags)}}), {}), T);
  tags.emplace_back("sale");
  EXPECT_EQ(in.Evaluate(Values({{"action.tags", Value::Texts(tags)}}), {}), U);
  EXPECT_EQ(has.Evaluate(Values({{"action.tags", Value::Texts(tags)}}), {}), F);
}

TEST(Values, AnEmptySetAndAnEmptyTextAreValues) {
  const std::vector<std::string> none;
  const auto values =
      Values({{"action.tags", Value::Texts(none)}, {"context.country", Value::Text("")}});
  EXPECT_EQ(Compiled("\"sale\" in action.tags").Evaluate(values, {}), F);
  EXPECT_EQ(Compiled("has(action.tags)").Evaluate(values, {}), T);
  EXPECT_EQ(Compiled("context.country == \"\"").Evaluate(values, {}), T);
}

TEST(Values, TextsMayHaveEscapesAndAnyCharacter) {
  const auto is = [](const char* source, const char* value) {
    return Compiled(source).IsEligible(Values({{"context.country", Value::Text(value)}}), {});
  };
  EXPECT_TRUE(is(R"(context.country == "a\"b\\c\n\t'")", "a\"b\\c\n\t'"));
  EXPECT_TRUE(is(R"(context.country == 'a"b\'')", "a\"b'"));
  EXPECT_TRUE(is("context.country == \"Österreich 🎿\"", "Österreich 🎿"));
}

}  // namespace
}  // namespace fulcrum::rules
