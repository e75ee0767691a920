// Kleene's tables, written out, and what follows from them over every small rule.
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "rules/rule.h"
#include "tests/rules/fields.h"

namespace fulcrum::rules {
namespace {

constexpr Truth T = Truth::kTrue;
constexpr Truth F = Truth::kFalse;
constexpr Truth U = Truth::kUnknown;
constexpr std::array<Truth, 3> kAll = {T, U, F};

Value Of(Truth truth) {
  return truth == U ? Value() : Value::Boolean(truth == T);
}

// With p as user.member, q as action.new.
Truth Say(const std::string& source, Truth p, Truth q) {
  return Compiled(source).Evaluate(Values({{"user.member", Of(p)}, {"action.new", Of(q)}}), {});
}

struct Row {
  Truth p, q, p_and_q, p_or_q, not_p, p_equal_q;
};
constexpr Row kTable[] = {
    {T, T, T, T, F, T}, {T, U, U, T, F, U}, {T, F, F, T, F, F},
    {U, T, U, T, U, U}, {U, U, U, U, U, U}, {U, F, F, U, U, U},
    {F, T, F, T, T, F}, {F, U, F, U, T, U}, {F, F, F, F, T, T},
};

TEST(Kleene, TablesAreAsWritten) {
  for (const Row& row : kTable) {
    EXPECT_EQ(Say("user.member and action.new", row.p, row.q), row.p_and_q);
    EXPECT_EQ(Say("user.member or action.new", row.p, row.q), row.p_or_q);
    EXPECT_EQ(Say("not user.member", row.p, row.q), row.not_p);
    EXPECT_EQ(Say("user.member == action.new", row.p, row.q), row.p_equal_q);
  }
}

TEST(Kleene, ChainsOfThreeAreTheSmallestAndTheLargest) {
  for (const Truth p : kAll) {
    for (const Truth q : kAll) {
      for (const char* third : {"true", "false"}) {
        const Truth r = std::string(third) == "true" ? T : F;
        const std::string name = third;
        EXPECT_EQ(Say("user.member and " + name + " and action.new", p, q), std::min({p, q, r}));
        EXPECT_EQ(Say("user.member or " + name + " or action.new", p, q), std::max({p, q, r}));
      }
    }
  }
}

// Pairs that must say the same for all nine inputs.
TEST(Kleene, LawsHold) {
  const std::vector<std::pair<std::string, std::string>> laws = {
      {"not (user.member and action.new)", "not user.member or not action.new"},
      {"not (user.member or action.new)", "not user.member and not action.new"},
      {"not not user.member", "user.member"},
      {"user.member and action.new", "action.new and user.member"},
      {"user.member != action.new", "not (user.member == action.new)"},
      {"user.member and (user.member or action.new)", "user.member"},
      {"user.member or (user.member and action.new)", "user.member"},
      {"user.member == true", "user.member"},
      {"user.member == false", "not user.member"},
      {"not (not user.member and not (action.new or false))", "user.member or action.new"},
  };
  for (const auto& [left, right] : laws) {
    for (const Truth p : kAll) {
      for (const Truth q : kAll) EXPECT_EQ(Say(left, p, q), Say(right, p, q)) << left;
    }
  }
}

// The excluded middle does not: that is what makes an unknown not eligible.
TEST(Kleene, AnUnknownIsNeitherThisNorThat) {
  EXPECT_EQ(Say("user.member or not user.member", U, T), U);
  EXPECT_EQ(Say("user.member and not user.member", U, T), U);
}

TEST(Kleene, OnlyTrueIsEligible) {
  const Rule rule = Compiled("user.member");
  for (const Truth p : kAll) {
    EXPECT_EQ(rule.IsEligible(Values({{"user.member", Of(p)}}), {}), p == T);
  }
}

}  // namespace
}  // namespace fulcrum::rules
