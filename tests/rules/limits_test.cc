// Every limit: what is just inside is taken, one more is refused, and the refusal names it.
#include "rules/limits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "rules/rule.h"
#include "tests/rules/fields.h"

namespace fulcrum::rules {
namespace {

using ::testing::HasSubstr;

std::string Repeat(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

TEST(Limits, SourceBytes) {
  const std::string rule = "true";
  const std::string spaces(kSourceBytesMax - rule.size(), ' ');
  EXPECT_EQ(ErrorOf(rule + spaces), "accepted");
  EXPECT_THAT(ErrorOf(rule + spaces + " "), HasSubstr("source_bytes_max, 4096"));
}

TEST(Limits, DepthOfParentheses) {
  const auto nested = [](int depth) { return Repeat("(", depth) + "true" + Repeat(")", depth); };
  EXPECT_EQ(ErrorOf(nested(kDepthMax)), "accepted");
  EXPECT_EQ(ErrorOf(nested(kDepthMax + 1)),
            "column 33: parentheses and 'not' nest deeper than the limit depth_max, 32; split the "
            "rule");
}

TEST(Limits, DepthOfNots) {
  EXPECT_EQ(ErrorOf(Repeat("not ", kDepthMax) + "true"), "accepted");
  EXPECT_THAT(ErrorOf(Repeat("not ", kDepthMax + 1) + "true"), HasSubstr("depth_max"));
  EXPECT_THAT(ErrorOf(Repeat("!(", kDepthMax) + "true" + Repeat(")", kDepthMax)),
              HasSubstr("depth_max"));
}

TEST(Limits, DepthIsOfNestingNotOfLength) {
  EXPECT_EQ(ErrorOf("true" + Repeat(" and (true)", 2 * kDepthMax)), "accepted");
  EXPECT_EQ(ErrorOf("true" + Repeat(" and not true", 2 * kDepthMax)), "accepted");
}

TEST(Limits, NothingElseNests) {
  EXPECT_EQ(ErrorOf(Repeat("has(", 1000)),
            "column 5: only a field can be asked whether it is known");
  EXPECT_THAT(ErrorOf(Repeat("[", 1000)), HasSubstr("column 2: expected a text"));
  EXPECT_THAT(ErrorOf("user" + Repeat("[", 1000)), HasSubstr("column 6: expected a text"));
}

TEST(Limits, Nodes) {
  EXPECT_EQ(ErrorOf("true" + Repeat(" and true", kNodesMax - 2)), "accepted");
  EXPECT_THAT(ErrorOf("true" + Repeat(" and true", kNodesMax - 1)), HasSubstr("nodes_max, 256"));
}

TEST(Limits, SetSize) {
  const auto members = [](size_t size) {
    std::string set = "user.age in [0";
    for (size_t i = 1; i < size; ++i) set += "," + std::to_string(i);
    return set + "]";
  };
  EXPECT_EQ(ErrorOf(members(kSetSizeMax)), "accepted");
  EXPECT_THAT(ErrorOf(members(kSetSizeMax + 1)), HasSubstr("set_size_max, 256"));
}

TEST(Limits, Cost) {
  const std::string pair = "action.tags intersects user.likes";
  EXPECT_EQ(ErrorOf(pair + " and " + pair), "accepted");
  EXPECT_EQ(Compiled(pair + " and " + pair).cost(), kCostMax);
  EXPECT_EQ(ErrorOf(pair + " and " + pair + " and user.member"),
            "column 77: up to here the rule may need 8193 comparisons, more than the limit "
            "cost_max, 8192; compare fewer sets that fields hold");
}

TEST(Limits, CostIsThatOfTheWorstCase) {
  EXPECT_EQ(Compiled("user.age > 1").cost(), 1u);
  EXPECT_EQ(Compiled("user.age in [1, 2, 3, 4]").cost(), 3u);
  EXPECT_EQ(Compiled("\"a\" in action.tags").cost(), 64u);
  EXPECT_EQ(Compiled("action.tags intersects [\"a\", \"b\"]").cost(), 128u);
  EXPECT_EQ(Compiled("true").cost(), 1u);
  EXPECT_EQ(Compiled("user.member or not user.age > 1").cost(), 2u);
}

TEST(Limits, FieldsOfASchema) {
  std::vector<Field> fields;
  for (size_t i = 0; i < kFieldsMax; ++i) fields.push_back({"user.f" + std::to_string(i)});
  EXPECT_TRUE(Schema::Make(fields).ok());
  fields.push_back({"user.more"});
  EXPECT_THAT(std::string(Schema::Make(fields).status().message()), HasSubstr("fields_max, 4096"));
}

}  // namespace
}  // namespace fulcrum::rules
