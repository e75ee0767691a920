#include "config/text_pattern.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/support/status_matchers.h"

namespace fulcrum::config {
namespace {

std::shared_ptr<const TextPattern> Compile(std::string_view expression) {
  auto pattern = TextPattern::Compile(expression);
  EXPECT_THAT(pattern, testing::IsOk());
  return pattern.ok() ? *std::move(pattern) : nullptr;
}

std::string Replaced(std::string_view expression, std::string_view replacement, std::string text) {
  EXPECT_TRUE(Compile(expression)->ReplaceEach(replacement, &text)) << text;
  return text;
}

TEST(TextPattern, EveryMatchGivesWay) {
  EXPECT_EQ(Replaced("[0-9]+", "#", "a1b22c333"), "a#b#c#");
  EXPECT_EQ(Replaced("[0-9]+", "", "1a2"), "a");
  EXPECT_EQ(Replaced("(.)@(.)", "\\2\\\\\\1", "a@b c@d"), "b\\a d\\c");
  EXPECT_EQ(Replaced("(x)|(y)", "[\\1]", "xy"), "[x][]");  // a group that took no part is empty
  EXPECT_EQ(Replaced("^a", "b", "aaa"), "baa");            // the beginning is that of the text
  EXPECT_EQ(Replaced("\xc3\xa9", "e", "caf\xc3\xa9"), "cafe");
}

TEST(TextPattern, MatchesAreHandedOver) {
  std::string text = "id 12, id 345";
  EXPECT_TRUE(Compile("[0-9]+")->ReplaceEach(
      [](std::string_view match) { return std::to_string(match.size()); }, &text));
  EXPECT_EQ(text, "id 2, id 3");
}

// What cannot be done leaves the text as it was.
TEST(TextPattern, BoundsHold) {
  const auto refuses = [](std::string_view expression, std::string_view with,
                          const std::string& text) {
    std::string masked = text;
    EXPECT_FALSE(Compile(expression)->ReplaceEach(with, &masked));
    EXPECT_EQ(masked, text);
  };
  const size_t most = TextPattern::kTextBytesMax;
  EXPECT_EQ(Replaced("a", "bb", std::string(most / 2, 'a')), std::string(most, 'b'));
  refuses("a", "bb", std::string(most / 2 + 1, 'a'));  // too long after
  refuses("a", "", std::string(most + 1, 'a'));        // too long before
  refuses("a", "b", "a\xff");                          // not UTF-8
  refuses("\\b", "b", "a word");                       // empty matches
}

}  // namespace
}  // namespace fulcrum::config
