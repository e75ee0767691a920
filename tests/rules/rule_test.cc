// What a rule tells of itself, and the schema it was compiled for.
#include "rules/rule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "rules/printer.h"
#include "tests/rules/fields.h"

namespace {
std::atomic<int64_t> allocations{0};
}  // namespace

// Counts what this program allocates, for the test that evaluation does not. Not inlined, or the
// compiler sees half a pair and warns.
[[gnu::noinline]] void* operator new(size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  std::abort();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, size_t) noexcept {
  std::free(memory);
}

namespace fulcrum::rules {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kWhole[] =
    "user.age >= 18 and context.country in [\"de\", \"at\"] and "
    "not (action.category == \"alcohol\") and \"sale\" in action.tags and "
    "action.tags intersects user.likes and user.seen < ago(\"30d\") and user.score in [1, 2] and "
    "now in hours(\"22:00\", \"06:00\") and now in weekdays(\"mon-fri\") and "
    "now in dates(\"2026-12-01\", \"2026-12-24\") and has(user.member)";

TEST(Rule, SaysWhatItReads) {
  EXPECT_THAT(Compiled("user.age > 1 and context.country == action.category").slots(),
              ElementsAre(0, 2, 3));
  EXPECT_THAT(Compiled("user.age > 1 or user.age < 1").slots(), ElementsAre(0));
  EXPECT_THAT(Compiled("has(user.seen)").slots(), ElementsAre(9));
  EXPECT_THAT(Compiled("true").slots(), IsEmpty());
}

TEST(Rule, SaysWhetherItLooksAtTheMoment) {
  for (const char* source : {"now > date(\"2026-01-01\")", "user.seen < ago(\"1d\")",
                             "user.member or now in hours(\"09:00\", \"10:00\")"}) {
    EXPECT_TRUE(Compiled(source).reads_time()) << source;
  }
  EXPECT_FALSE(Compiled("user.seen < date(\"2026-01-01\")").reads_time());
}

TEST(Rule, OutlivesItsSourceAndSchemaAndCanMove) {
  std::optional<Rule> rule;
  {
    const std::string source = "context.country == \"a text that is too long to be kept inline\"";
    auto schema = Schema::Make({{"context.country", Type::kText}});
    ASSERT_TRUE(schema.ok());
    RuleError error;
    auto compiled = Rule::Compile(source, *schema, absl::UTCTimeZone(), &error);
    ASSERT_TRUE(compiled);
    rule = std::move(compiled);
  }
  std::vector<Rule> rules;
  rules.push_back(std::move(*rule));
  rules.push_back(Compiled("context.country == \"de\""));
  rules.push_back(Compiled("user.member"));  // the vector has grown, the rules have moved
  const Value same = Value::Text("a text that is too long to be kept inline");
  EXPECT_TRUE(rules[0].IsEligible({&same, 1}, {}));
  EXPECT_TRUE(rules[1].IsEligible(Values({{"context.country", Value::Text("de")}}), {}));
}

TEST(Rule, EvaluationAllocatesNothing) {
  const Rule rule = Compiled(kWhole, Zone("Europe/Berlin"));
  const std::vector<std::string> tags = {"sale", "shoes"};
  const Moment moment = Moment::At(At("2026-12-01 23:00", rule.zone()), rule.zone());
  std::vector<Value> values = Values({{"user.age", Value::Number(18)},
                                      {"user.score", Value::Number(2)},
                                      {"context.country", Value::Text("de")},
                                      {"action.category", Value::Text("books")},
                                      {"action.tags", Value::Texts(tags)},
                                      {"user.likes", Value::Texts(tags)},
                                      {"user.seen", Value::Time(0)},
                                      {"user.member", Value::Boolean(false)}});
  EXPECT_EQ(rule.Evaluate(values, moment), Truth::kTrue);
  const int64_t before = allocations;
  int eligible = 0;
  for (size_t slot = 0; slot < values.size(); ++slot) {
    const Value kept = std::exchange(values[slot], Value());
    eligible += rule.IsEligible(values, moment) ? 1 : 0;
    eligible += rule.Evaluate(values, moment) == Truth::kTrue ? 1 : 0;
    values[slot] = kept;
  }
  EXPECT_EQ(allocations, before);
  EXPECT_EQ(eligible, 6);  // three of eleven fields are not read
  EXPECT_NE(std::string(100, 'x'), "");
  EXPECT_GT(allocations, before) << "the counter does not count";
}

TEST(Rule, IsNoexcept) {
  const Rule rule = Compiled("true");
  static_assert(noexcept(rule.IsEligible({}, Moment())));
  static_assert(noexcept(rule.Evaluate({}, Moment())));
}

std::string SchemaError(std::vector<Field> fields) {
  return std::string(Schema::Make(std::move(fields)).status().message());
}

TEST(Schema, RefusesNamesThatNoRuleCouldUse) {
  EXPECT_THAT(SchemaError({{"age"}}), HasSubstr("'age' must be named scope.name"));
  EXPECT_THAT(SchemaError({{"user."}}), HasSubstr("must be named scope.name"));
  EXPECT_THAT(SchemaError({{".age"}}), HasSubstr("the scope of '.age'"));
  EXPECT_THAT(SchemaError({{"us er.age"}}), HasSubstr("must be a word"));
  EXPECT_THAT(SchemaError({{"now.age"}}), HasSubstr("that the language does not use"));
  EXPECT_THAT(SchemaError({{"user.a\nb"}}), HasSubstr("control characters"));
  EXPECT_THAT(SchemaError({{"user.\xff"}}), HasSubstr("UTF-8"));
  EXPECT_THAT(SchemaError({{"user.a"}, {"user.a"}}), HasSubstr("two fields are named 'user.a'"));
}

TEST(Schema, TakesAnyNameAfterTheScope) {
  const char* const kNames[] = {"user.in",    "user.not", "user.a.b", "user.1st",
                                "user.größe", "user.a b", "user.x..y"};
  std::vector<Field> fields;
  for (const char* name : kNames) fields.push_back({name, Type::kBoolean});
  const auto schema = Schema::Make(fields);
  ASSERT_TRUE(schema.ok());
  for (const Field& field : schema->fields()) {
    RuleError error;
    Expression expression;
    expression.kind = Kind::kField;
    expression.text = field.name;
    const auto rule = Rule::Compile(Print(expression), *schema, absl::UTCTimeZone(), &error);
    ASSERT_TRUE(rule) << field.name << error.ToString();
    EXPECT_THAT(rule->slots(), ElementsAre(*schema->Find(field.name)));
  }
}

}  // namespace
}  // namespace fulcrum::rules
