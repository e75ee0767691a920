#include "masking/text_mask.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace fulcrum::masking {
namespace {

using config::MaskingAction;
using config::MaskingField;
using config::MaskingRule;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;

constexpr char kSalt[] = "sixteen bytes or more";
constexpr char kWhole[] = "[0-9a-f]+";

MaskingRule Rule(const std::string& field, MaskingAction action, const std::string& pattern,
                 const std::string& replacement = "") {
  MaskingRule rule;
  rule.name = "rule";
  rule.fields = {field};
  rule.action = action;
  if (!pattern.empty()) rule.pattern = *config::TextPattern::Compile(pattern);
  rule.replacement = replacement;
  return rule;
}

struct Result {
  std::string text;
  Masked masked;
};
Result Apply(const std::vector<MaskingRule>& rules, std::string text,
             MaskingField field = MaskingField::kOutcomeKind, std::string_view salt = kSalt) {
  Result result{std::move(text), {}};
  TextMask(field, rules, salt).Apply(&result.text, &result.masked);
  return result;
}

TEST(TextMask, ATextIsHashedWithTheSaltAndItsField) {
  const std::vector<MaskingRule> rules = {Rule("request_id", MaskingAction::kHash, ""),
                                          Rule("outcome_id", MaskingAction::kHash, "")};
  const auto of = [&](const std::string& text, MaskingField field, std::string_view salt) {
    return Apply(rules, text, field, salt).text;
  };
  const std::string ann = of("ann", MaskingField::kRequestId, kSalt);
  EXPECT_EQ(ann.size(), 32u);
  EXPECT_THAT(ann, MatchesRegex(kWhole));
  EXPECT_EQ(of("ann", MaskingField::kRequestId, kSalt), ann);
  EXPECT_NE(of("bob", MaskingField::kRequestId, kSalt), ann);
  EXPECT_NE(of("ann", MaskingField::kRequestId, "another salt, as long"), ann);
  EXPECT_NE(of("ann", MaskingField::kOutcomeId, kSalt), ann);
  EXPECT_EQ(of("ann", MaskingField::kOutcomeKind, kSalt), "ann");  // no rule names it
  EXPECT_EQ(of("", MaskingField::kRequestId, kSalt), "");
}

// Part of the promise to joins across logs: pinned, so that it does not change unnoticed. The value
// is HMAC-SHA-256 of "request_id", a zero byte and "ann", its first 16 bytes.
TEST(TextMask, TheHashIsWhatOthersWouldCompute) {
  EXPECT_EQ(KeyedHash("0123456789abcdef", "request_id", "ann", 16),
            "4d3dfecca525a67ef2d130fe1de1ffc3");
}

TEST(TextMask, OnlyMatchesAreHashed) {
  const std::vector<MaskingRule> rules = {
      Rule("outcome_id", MaskingAction::kHash, "[^ @]+@[^ @]+")};
  const Result one = Apply(rules, "order 7 of ann@x.org", MaskingField::kOutcomeId);
  EXPECT_THAT(one.text, MatchesRegex("order 7 of [0-9a-f]+"));
  EXPECT_EQ(one.text.size(), std::string("order 7 of ").size() + 16);
  EXPECT_THAT(one.masked.changed, ElementsAre(0));
  EXPECT_FALSE(one.masked.failed.has_value());
  EXPECT_NE(Apply(rules, "order 7 of bob@x.org", MaskingField::kOutcomeId).text, one.text);
  const Result none = Apply(rules, "order 7", MaskingField::kOutcomeId);
  EXPECT_EQ(none.text, "order 7");
  EXPECT_THAT(none.masked.changed, IsEmpty());
}

TEST(TextMask, RulesRunInTheirOrder) {
  const Result result = Apply({Rule("outcome_kind", MaskingAction::kReplace, "[0-9]+", "n"),
                               Rule("other", MaskingAction::kReplace, "o", "0"),
                               Rule("outcome_kind", MaskingAction::kReplace, "n of", "many of")},
                              "12 of 3");
  EXPECT_EQ(result.text, "many of n");
  EXPECT_THAT(result.masked.changed, ElementsAre(0, 2));
}

struct Failure {
  const char* name;
  std::vector<MaskingRule> rules;
  std::string text;
};

// Whatever goes wrong, nothing of the text is left.
TEST(TextMask, WhatCannotBeMaskedIsHashedAsAWhole) {
  const auto rule = [](const std::string& pattern, const std::string& replacement) {
    return Rule("outcome_kind", MaskingAction::kReplace, pattern, replacement);
  };
  const Failure failures[] = {
      {"too long after", {rule("s", "ssh, ")}, std::string(40, 's')},
      {"too long before", {rule("s", "h")}, std::string(65, 's')},
      {"not UTF-8", {rule("s", "h")}, "s\xff"},
      {"two ends make a new match", {rule("ab", "")}, "aabb"},
      {"the group still matches", {rule("(a)b?", "\\1")}, "ab"},
      {"a later rule writes it again", {rule("a", "b"), rule("b", "a")}, "a"},
  };
  for (const Failure& failure : failures) {
    const Result result = Apply(failure.rules, failure.text);
    EXPECT_EQ(result.text, KeyedHash(kSalt, "outcome_kind", failure.text, 16)) << failure.name;
    EXPECT_TRUE(result.masked.failed.has_value()) << failure.name;
  }
}

}  // namespace
}  // namespace fulcrum::masking
