// docs/eligibility.md is true: its examples compile, its errors are the ones given, its limits
// hold.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "rules/limits.h"
#include "rules/rule.h"
#include "tests/rules/fields.h"

namespace fulcrum::rules {
namespace {

std::string Page() {
  std::ostringstream text;
  text << std::ifstream(FULCRUM_SOURCE_DIR "/docs/eligibility.md").rdbuf();
  return text.str();
}

// What stands in the first fenced block after `heading`.
std::string Block(const std::string& heading) {
  const std::string page = Page();
  const size_t at = page.find(heading);
  const size_t begin = page.find("```\n", at) + 4;
  EXPECT_NE(at, std::string::npos) << heading;
  return page.substr(begin, page.find("```", begin) - begin);
}

std::vector<std::string> Paragraphs(const std::string& block) {
  return absl::StrSplit(block, "\n\n", absl::SkipWhitespace());
}

Schema SchemaOfThePage() {
  std::vector<Field> fields = TestSchema().fields();
  fields.push_back({"user.first_order", Type::kTime});
  return *Schema::Make(fields);
}

TEST(Documentation, ExamplesCompile) {
  const Schema schema = SchemaOfThePage();
  std::vector<std::string> sources = Paragraphs(Block("## Examples"));
  sources.push_back(Block("# Eligibility rules"));
  sources.push_back(Block("**A rule that comes out unknown"));
  ASSERT_EQ(sources.size(), 6u);
  for (std::string source : sources) {
    if (source[0] == '#') source.erase(0, source.find('\n'));
    RuleError error;
    EXPECT_TRUE(Rule::Compile(source, schema, absl::UTCTimeZone(), &error))
        << source << ": " << error.ToString();
  }
}

TEST(Documentation, ErrorsAreTheOnesGiven) {
  const auto errors = Paragraphs(Block("## Errors"));
  ASSERT_EQ(errors.size(), 3u);
  for (const std::string& pair : errors) {
    const std::vector<std::string> lines = absl::StrSplit(pair, '\n', absl::SkipEmpty());
    ASSERT_EQ(lines.size(), 2u);
    EXPECT_EQ(ErrorOf(lines[0]), lines[1]);
  }
}

TEST(Documentation, LimitsAreTheOnesThatHold) {
  const std::string page = Page();
  const std::pair<const char*, size_t> limits[] = {{"source_bytes_max", kSourceBytesMax},
                                                   {"depth_max", kDepthMax},
                                                   {"nodes_max", kNodesMax},
                                                   {"set_size_max", kSetSizeMax},
                                                   {"cost_max", kCostMax}};
  for (const auto& [name, limit] : limits) {
    EXPECT_THAT(page, ::testing::HasSubstr(absl::StrCat("| `", name, "` | ", limit, " |")));
  }
  EXPECT_THAT(page, ::testing::HasSubstr(absl::StrCat("more than ", kFieldSetSizeMax, " members")));
  EXPECT_THAT(page, ::testing::HasSubstr(absl::StrCat("up to ", kAgoDaysMax, " days")));
}

}  // namespace
}  // namespace fulcrum::rules
