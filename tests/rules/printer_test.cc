#include "rules/printer.h"

#include <gtest/gtest.h>

#include <string>

#include "rules/parser.h"

namespace fulcrum::rules {
namespace {

std::string Canonical(const std::string& source) {
  Fault fault;
  const auto expression = Parse(source, &fault);
  return expression ? Print(*expression) : fault.message;
}

struct Row {
  std::string source;
  std::string printed;
};

class Printer : public ::testing::TestWithParam<Row> {};

TEST_P(Printer, HasOneSpelling) {
  const auto& [source, printed] = GetParam();
  EXPECT_EQ(Canonical(source), printed);
  EXPECT_EQ(Canonical(printed), printed);
  Fault fault;
  EXPECT_EQ(*Parse(source, &fault), *Parse(printed, &fault));
}

INSTANTIATE_TEST_SUITE_P(
    All, Printer,
    ::testing::Values(
        Row{"a.b&&c.d||!e.f", "a.b and c.d or not e.f"}, Row{"((a.b))", "a.b"},
        Row{"(a.b or c.d) and e.f", "(a.b or c.d) and e.f"},
        Row{"a.b or (c.d and e.f)", "a.b or c.d and e.f"},
        Row{"a.b and (c.d and e.f)", "a.b and (c.d and e.f)"},
        Row{"(a.b or c.d) or e.f", "(a.b or c.d) or e.f"},
        Row{"not (a.b and c.d)", "not (a.b and c.d)"}, Row{"not not a.b", "not not a.b"},
        Row{"not (a.b == 1)", "not a.b == 1"}, Row{"not a.b in [1]", "a.b not in [1]"},
        Row{"a.b in['x',\"y\"]", "a.b in [\"x\", \"y\"]"}, Row{"a.b is known", "has(a.b)"},
        Row{"a.b is unknown", "a.b is not known"}, Row{"not has(a.b)", "a.b is not known"},
        Row{"a.b==1.50", "a.b == 1.5"}, Row{"a.b==1e3", "a.b == 1000"},
        Row{"a.b > -0.1", "a.b > -0.1"}, Row{"a.b > 1e300", "a.b > 1e+300"},
        Row{"a.b == 'it\\'s \"x\"\\n'", "a.b == \"it's \\\"x\\\"\\n\""},
        Row{"a[\"b\"].c == 1", "a.b.c == 1"}, Row{"a[\"b c\"] == 1", "a[\"b c\"] == 1"},
        Row{"a.b[\"c-d\"] == 1", "a[\"b.c-d\"] == 1"}, Row{"a.in == 1", "a.in == 1"},
        Row{"now in hours('22:00','06:00')", "now in hours(\"22:00\", \"06:00\")"},
        Row{"not now in hours('22:00','24:00')", "now not in hours(\"22:00\", \"24:00\")"},
        Row{"now in weekdays('sun','mon')", "now in weekdays(\"mon\", \"sun\")"},
        Row{"now not in dates('2026-01-01','2026-01-02')",
            "now not in dates(\"2026-01-01\", \"2026-01-02\")"},
        Row{"now>time('2026-01-01 08:05')", "now > time(\"2026-01-01 08:05\")"},
        Row{"now>date('2026-01-01')", "now > date(\"2026-01-01\")"},
        Row{"a.b<ago('48h')", "a.b < ago(\"2d\")"}, Row{"a.b<ago('90m')", "a.b < ago(\"90m\")"},
        Row{"a.b<ago('120m')", "a.b < ago(\"2h\")"},
        Row{"a.b  intersects\n\t['x']", "a.b intersects [\"x\"]"}));

}  // namespace
}  // namespace fulcrum::rules
