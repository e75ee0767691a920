// What a refused rule is told: the column of the thing, what is wrong, the remedy.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "rules/rule.h"
#include "tests/rules/fields.h"

namespace fulcrum::rules {
namespace {

struct Row {
  std::string source;
  std::string error;
};

class Errors : public ::testing::TestWithParam<Row> {};

TEST_P(Errors, NameThePlaceAndTheRemedy) {
  EXPECT_EQ(ErrorOf(GetParam().source), GetParam().error) << GetParam().source;
}

INSTANTIATE_TEST_SUITE_P(
    Fields, Errors,
    ::testing::Values(
        Row{"user.agee >= 18",
            "column 1: there is no field 'user.agee'; the nearest valid name is 'user.age'"},
        Row{"user.member and country == \"de\"",
            "column 17: there is no field 'country'; the nearest valid name is 'context.country'"},
        Row{"contry == \"de\"",
            "column 1: there is no field 'contry'; the nearest valid name is 'context.country'"},
        Row{"user.agee in [\"a\"]",
            "column 1: there is no field 'user.agee'; the nearest valid name is 'user.age'"},
        Row{"not has(context.contry)",
            "column 9: there is no field 'context.contry'; the nearest valid name is "
            "'context.country'"},
        Row{"context.device-type == \"phone\"",
            "column 15: '-' is not part of the language; there is no arithmetic, and a name with "
            "'-' is written scope[\"name\"]"},
        Row{"user.age == null",
            "column 13: there is no null; ask has(field), or write: field is known"},
        Row{"user. == 1", "column 7: expected a name after '.', found '=='"},
        Row{"user[age] == 1",
            "column 6: expected a text like \"name\" or a comparison before '[', found 'age'"}));

INSTANTIATE_TEST_SUITE_P(
    Types, Errors,
    ::testing::Values(
        Row{"user.age == \"18\"",
            "column 10: both sides of == must have one type, but user.age is a number and \"18\" "
            "is a text"},
        Row{"context.country < \"de\"",
            "column 17: values of type text have no order; compare with == != or in"},
        Row{"user.member >= true",
            "column 13: values of type boolean have no order; compare with == != or in"},
        Row{"action.tags == user.likes",
            "column 13: sets are not compared; write a intersects b, or \"text\" in a"},
        Row{"now == date(\"2026-12-01\")",
            "column 5: times hardly ever are equal to the microsecond; compare with < <= > >=, or "
            "write now in dates(..)"},
        Row{"user.member and user.age",
            "column 17: user.age is a number and no condition; compare it with something"},
        Row{"\"de\"", "column 1: \"de\" is a text and no condition; compare it with something"},
        Row{"now", "column 1: now is a time and no condition; compare it with something"},
        Row{"[1, 2]", "column 1: a set of numbers is no condition; write user.age in [18, 19]"},
        Row{"user.age in [\"a\"]", "column 1: the set has texts, and user.age is a number"},
        Row{"context.country in [1, 2]",
            "column 1: the set has numbers, and context.country is a text"},
        Row{"context.country in user.age",
            "column 20: the right side of 'in' is a set, and user.age is a number"},
        Row{"action.tags intersects [1]",
            "column 24: a set of numbers stands after 'in' only; write user.age in [18, 19]"},
        Row{"[\"a\"] intersects [\"b\"]", "column 7: one side of 'intersects' must be a field"},
        Row{"action.tags intersects context.country",
            "column 24: both sides of 'intersects' are sets of texts, and context.country is a "
            "text"},
        Row{"(user.member and true) == action.new",
            "column 14: only fields and literals are compared; combine conditions with 'and', 'or' "
            "and 'not'"},
        Row{"user.seen in hours(\"09:00\", \"10:00\")",
            "column 1: hours and weekdays are those of now; write now in .."},
        Row{"user.age in dates(\"2026-01-01\", \"2026-01-02\")",
            "column 1: dates hold times, and user.age is a number"},
        Row{"18 is known", "column 1: only a field can be asked whether it is known"},
        Row{"has(\"x\")", "column 5: only a field can be asked whether it is known"}));

INSTANTIATE_TEST_SUITE_P(
    Grammar, Errors,
    ::testing::Values(
        Row{"", "column 1: expected a field, a literal or '(', but the rule ends here"},
        Row{"  ", "column 3: expected a field, a literal or '(', but the rule ends here"},
        Row{"user.age >=", "column 12: expected a field, a literal or '(', but the rule ends here"},
        Row{"user.age = 18", "column 10: '=' is not part of the language; compare with =="},
        Row{"user.age <> 18", "column 10: '<>' is not part of the language; write !="},
        Row{"user.member & true", "column 13: '&' is not part of the language; write 'and'"},
        Row{"user.age + 1 > 2",
            "column 10: '+' is not part of the language; there is no arithmetic: provide the "
            "result "
            "as a field"},
        Row{"user.member AND true",
            "column 13: expected 'and', 'or' or the end, found 'AND'; it is written 'and'"},
        Row{"user.member true", "column 13: expected 'and', 'or' or the end, found 'true'"},
        Row{"17 < user.age < 30", "column 15: comparisons do not chain; write a < b and b < c"},
        Row{"(user.member", "column 13: expected ')', but the rule ends here"},
        Row{"user.member)", "column 12: expected 'and', 'or' or the end, found ')'"},
        Row{"user.member and and true",
            "column 17: expected a field, a literal or '(', found 'and'"},
        Row{"user.age is null",
            "column 13: expected 'known', 'not known' or 'unknown', found 'null'"},
        Row{"context.country in {\"de\"}",
            "column 20: '{' is not part of the language; sets are written with [ and ]"},
        Row{"context.country in []",
            "column 21: expected a text; a set has texts or numbers, at least one, found ']'"},
        Row{"context.country in [\"de\", 1]",
            "column 27: expected a text; a set has texts or numbers, at least one, found '1'"},
        Row{"user.age in [1, \"de\"]",
            "column 17: expected a number, as the others of this set, found '\"de\"'"},
        Row{"context.country in [\"de\", \"at\", \"de\"]",
            "column 33: '\"de\"' is in the set twice; take one out"},
        Row{"hat(user.age)",
            "column 1: there is no function 'hat'; the nearest valid name is 'has'"},
        Row{"context.country == \"de", "column 20: the text that begins here has no end quote"},
        Row{"context.country == \"d\\x\"",
            "column 22: after \\ stands one of \\ \" ' n t; a backslash itself is written \\\\"},
        Row{"context.country == “de”",
            "column 20: '“' is not part of the language; texts and unusual names stand in double "
            "or "
            "single quotes"},
        Row{"user.age > 18y",
            "column 12: a number is written like 18, -2.5 or 1e6; texts stand in quotes"},
        Row{"user.age > 1e999",
            "column 12: the number '1e999' does not fit a double; its size must be 0 or 1e-308 to "
            "1e308"}));

INSTANTIATE_TEST_SUITE_P(
    Times, Errors,
    ::testing::Values(
        Row{"now in hours(\"9:00\", \"17:00\")",
            "column 14: '9:00' is not a time of the day, 00:00 to 24:00; write \"22:00\""},
        Row{"now in hours(\"09:00\", \"24:01\")",
            "column 23: '24:01' is not a time of the day, 00:00 to 24:00; write \"22:00\""},
        Row{"now in hours(\"09:00\", \"09:00\")",
            "column 14: hours from a time to itself could be all or none; leave the window out"},
        Row{"now in hours(\"24:00\", \"09:00\")",
            "column 14: hours begin at 23:59 at the latest; write \"00:00\""},
        Row{"now in hours(\"09:00\")", "column 21: expected ',', found ')'"},
        Row{"now in hours(9, 10)", "column 14: expected a text like \"22:00\", found '9'"},
        Row{"now in weekdays(\"monday\")",
            "column 17: 'monday' is not a weekday; write mon, tue, wed, thu, fri, sat, sun or a "
            "range such as mon-fri"},
        Row{"now in dates(\"2026-12-24\", \"2026-12-01\")",
            "column 14: the first of dates is after the second; both belong to the window"},
        Row{"now > date(\"2027-02-29\")",
            "column 12: '2027-02-29' is not a day of the calendar since 1970; write "
            "\"2026-12-01\""},
        Row{"now > date(\"01.12.2026\")",
            "column 12: '01.12.2026' is not a day of the calendar since 1970; write "
            "\"2026-12-01\""},
        Row{"now > time(\"2026-12-01\")",
            "column 12: '2026-12-01' is not a minute of the calendar since 1970; write "
            "\"2026-12-01 08:30\""},
        Row{"user.seen < ago(\"3 days\")",
            "column 17: '3 days' is not a span up to 3660 days; write \"90m\", \"36h\" or \"30d\""},
        Row{"user.seen < ago(\"3661d\")",
            "column 17: '3661d' is not a span up to 3660 days; write \"90m\", \"36h\" or \"30d\""},
        Row{"user.seen < ago(\"0d\")",
            "column 17: '0d' is not a span up to 3660 days; write \"90m\", \"36h\" or \"30d\""},
        Row{"hours(\"09:00\", \"17:00\")",
            "column 1: hours(..) stands after 'in'; write now in hours(..)"}));

TEST(ErrorPlaces, ColumnsCountCharacters) {
  EXPECT_THAT(ErrorOf("context.country == \"Österreich 🎿\" or user.agee > 1"),
              ::testing::StartsWith("column 38: there is no field"));
}

TEST(ErrorPlaces, FurtherLinesAreNamed) {
  RuleError error;
  EXPECT_FALSE(Rule::Compile("user.age >= 18\n  and user.agee > 1", TestSchema(),
                             absl::UTCTimeZone(), &error));
  EXPECT_EQ(error.line, 2);
  EXPECT_EQ(error.column, 7);
  EXPECT_THAT(error.ToString(), ::testing::StartsWith("line 2, column 7: there is no field"));
}

TEST(ErrorPlaces, BytesThatAreNoTextAreRefused) {
  EXPECT_EQ(ErrorOf("context.country == \"\xff\""),
            "column 21: the rule is not UTF-8; save the file as UTF-8");
  EXPECT_EQ(ErrorOf("user.age\xc3"), "column 9: the rule is not UTF-8; save the file as UTF-8");
  EXPECT_EQ(ErrorOf(std::string("true\0", 5)),
            "column 5: control characters are not part of the language");
  EXPECT_EQ(ErrorOf("context.country == \"a\nb\""),
            "column 22: a text has no control characters and ends on its line; write \\n or \\t");
}

TEST(ErrorPlaces, LongThingsAreCutInMessages) {
  const std::string name = "user." + std::string(1000, 'x');
  EXPECT_LT(ErrorOf(name).size(), 200u);
  EXPECT_LT(ErrorOf("user.age == \"" + std::string(1000, 'x') + "\"").size(), 250u);
}

}  // namespace
}  // namespace fulcrum::rules
