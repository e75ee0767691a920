// Rules by chance: the program says what the tree says, printing loses nothing, and what an index
// may rely on is true.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "base/random.h"
#include "rules/limits.h"
#include "rules/parser.h"
#include "rules/printer.h"
#include "rules/rule.h"
#include "tests/rules/fields.h"
#include "tests/rules/random_rules.h"
#include "tests/rules/tree_interpreter.h"

namespace fulcrum::rules {
namespace {

constexpr int kRules = 4000;
constexpr int kWorldsPerRule = 25;

// The rule, or nullopt where the tree is over a limit.
std::optional<Rule> Compile(const Expression& tree, const absl::TimeZone& zone) {
  RuleError error;
  auto rule = Rule::Compile(Print(tree), TestSchema(), zone, &error);
  EXPECT_TRUE(rule || error.message.find(" the limit ") != std::string::npos)
      << error.ToString() << ": " << Print(tree);
  return rule;
}

TEST(RandomRules, TheProgramSaysWhatTheTreeSays) {
  RandomRules rules(1);
  base::RandomStream random(2);
  const absl::TimeZone zones[] = {Zone("Europe/Berlin"), Zone("America/Sao_Paulo"),
                                  absl::UTCTimeZone()};
  std::array<int, 3> said{};
  int compiled = 0;
  for (int i = 0; i < kRules; ++i) {
    const Expression tree = rules.Condition(i % 5);
    const auto rule = Compile(tree, zones[i % 3]);
    if (!rule) continue;
    ++compiled;
    for (int j = 0; j < kWorldsPerRule; ++j) {
      const RandomWorld world(rule->zone(), &random);
      const Truth truth = TreeInterpreter(world.world()).Say(tree);
      ++said[static_cast<size_t>(truth)];
      ASSERT_EQ(rule->Evaluate(world.values(), world.moment()), truth) << Print(tree);
      ASSERT_EQ(rule->IsEligible(world.values(), world.moment()), truth == Truth::kTrue);
    }
  }
  EXPECT_GT(compiled, kRules * 9 / 10);
  for (const int count : said) EXPECT_GT(count, kRules * kWorldsPerRule / 10);
}

TEST(RandomRules, PrintingLosesNothing) {
  RandomRules rules(3);
  for (int i = 0; i < kRules; ++i) {
    const Expression tree = rules.Condition(i % 5);
    const std::string printed = Print(tree);
    if (printed.size() > kSourceBytesMax) continue;
    Fault fault;
    const auto parsed = Parse(printed, &fault);
    if (!parsed && fault.message.find("limit") != std::string::npos) continue;
    ASSERT_TRUE(parsed) << printed << fault.message;
    ASSERT_EQ(*parsed, tree) << printed;
    ASSERT_EQ(Print(*parsed), printed);
  }
}

TEST(RandomRules, SlotsThatAreNotNamedDoNotMatter) {
  RandomRules rules(4);
  base::RandomStream random(5);
  for (int i = 0; i < kRules; ++i) {
    const auto rule = Compile(rules.Condition(i % 4), absl::UTCTimeZone());
    if (!rule) continue;
    const RandomWorld world(rule->zone(), &random);
    std::vector<Value> gathered(TestSchema().size());
    for (const uint16_t slot : rule->slots()) gathered[slot] = world.values()[slot];
    ASSERT_EQ(rule->Evaluate(gathered, world.moment()),
              rule->Evaluate(world.values(), world.moment()));
    if (!rule->reads_time()) {
      ASSERT_EQ(rule->Evaluate(world.values(), Moment()),
                rule->Evaluate(world.values(), world.moment()));
    }
  }
}

// Whether an index that keeps the rule under `required` would find it in this world.
bool Finds(const std::set<std::string>& required, const std::map<std::string, TreeValue>& fields,
           const std::string& field) {
  const auto found = fields.find(field);
  if (found == fields.end()) return false;
  if (const auto* text = std::get_if<std::string>(&found->second)) return required.contains(*text);
  const auto* texts = std::get_if<std::vector<std::string>>(&found->second);
  return texts != nullptr && std::any_of(texts->begin(), texts->end(),
                                         [&](const auto& text) { return required.contains(text); });
}

TEST(RandomRules, AnIndexOverRequiredValuesMissesNoTrueRule) {
  RandomRules rules(6);
  base::RandomStream random(7);
  int stated = 0;
  int found = 0;
  int passed_over = 0;
  for (int i = 0; i < kRules; ++i) {
    const auto rule = Compile(rules.Condition(i % 4), absl::UTCTimeZone());
    if (!rule) continue;
    for (const Field& field : TestSchema().fields()) {
      const auto required = rule->RequiredValues(field.name);
      if (!required) continue;
      ++stated;
      for (int j = 0; j < kWorldsPerRule; ++j) {
        const RandomWorld world(rule->zone(), &random);
        const bool finds = Finds(*required, world.world().fields, field.name);
        const bool eligible = rule->IsEligible(world.values(), world.moment());
        ASSERT_TRUE(finds || !eligible) << rule->ToString() << " by " << field.name;
        found += eligible ? 1 : 0;
        passed_over += finds ? 0 : 1;
      }
    }
  }
  EXPECT_GT(stated, kRules / 10);
  EXPECT_GT(found, 1000);
  EXPECT_GT(passed_over, 1000);
}

// Bytes by chance, and rules with one byte changed: refused or compiled, and what is compiled has a
// printed form that says the same.
TEST(RandomRules, DamagedSourcesAreRefusedOrRules) {
  RandomRules rules(8);
  base::RandomStream random(9);
  constexpr char kBytes[] = "()[]\"'=<>!&|.,- \\andotruew019\x80\xc3";
  int accepted = 0;
  int refused = 0;
  for (int i = 0; i < 4 * kRules; ++i) {
    std::string source = Print(rules.Condition(i % 3));
    source[random.NextBelow(static_cast<uint32_t>(source.size()))] =
        kBytes[random.NextBelow(sizeof(kBytes) - 1)];
    RuleError error;
    const auto rule = Rule::Compile(source, TestSchema(), absl::UTCTimeZone(), &error);
    if (!rule) {
      ++refused;
      ASSERT_FALSE(error.message.empty());
      ASSERT_LE(error.column, static_cast<int>(source.size()) + 1);
      continue;
    }
    ++accepted;
    ASSERT_EQ(ErrorOf(rule->ToString()), "accepted") << source;
  }
  EXPECT_GT(accepted, 100);
  EXPECT_GT(refused, 100);
}

}  // namespace
}  // namespace fulcrum::rules
