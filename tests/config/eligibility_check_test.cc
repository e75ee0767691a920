// What is refused of rules, attributes, approvals, expiry, regions and jurisdictions: one good
// bundle, one change, the message it must give.
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "config/loader.h"
#include "tests/support/status_matchers.h"

namespace fulcrum::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kGood[] = R"(surfaces:
  - {id: home, campaigns: [spring, house], region_key: context.country, fallback_action: magazine}
  - {id: bare, campaigns: [house]}
campaigns:
  - id: spring
    account: shop
    currency: EUR
    start: 2026-03-01T00:00:00Z
    eligible: user.age >= 18 and context.geo.city != "x" and campaign.account == "shop"
    actions:
      - id: coat
        eligible: action.size in ["m", "l"] and "sale" in action.tags
        approval: pending
        expires: 2026-06-01T00:00:00Z
        regions: [fr, de]
        attributes: [{name: size, text: m}, {name: tags, texts: [sale, new]}]
      - id: hat
        attributes: [{name: size, text: s}, {name: weight, number: 2}]
  - id: house
    account: shop
    currency: EUR
    actions:
      - {id: magazine, categories: [news]}
constraints:
  - {id: day, campaign: spring, resource: attribute, attribute: weight, window: day, limit: 5}
jurisdictions:
  - {id: eu, regions: [fr], eligible: user.age >= 18 or not ("wine" in action.categories)}
feature_views:
  - name: users
    entity: user
    features: [{name: age}, {name: level, type: text}]
context_keys: [{name: country, type: text}, {name: geo.*, type: text}]
)";

absl::StatusOr<std::shared_ptr<const Bundle>> Load(const std::string& text) {
  Problems problems;
  return BuildBundle(base::PosixFileSystem(), {{"a.yaml", text}}, "/nowhere", &problems);
}

const Action& ActionOf(const Bundle& bundle, const char* id) {
  return bundle.actions[static_cast<size_t>(bundle.action_index.find(id)->second)];
}

TEST(EligibilityCheck, AGoodBundleIsCompiled) {
  const auto bundle = Load(kGood);
  FULCRUM_ASSERT_OK(bundle);
  const Action& coat = ActionOf(**bundle, "coat");
  ASSERT_NE(coat.eligible, nullptr);
  EXPECT_FALSE(coat.approved);
  EXPECT_THAT(coat.regions, ElementsAre("de", "fr"));
  EXPECT_EQ(coat.expires, absl::FromUnixSeconds(1'780'272'000));
  EXPECT_EQ(std::get<std::string>(coat.attributes.at("size")), "m");
  EXPECT_THAT(std::get<std::vector<std::string>>(coat.attributes.at("tags")),
              ElementsAre("new", "sale"));
  const Action& hat = ActionOf(**bundle, "hat");
  EXPECT_TRUE(hat.approved);
  EXPECT_EQ(hat.eligible, nullptr);
  EXPECT_EQ(std::get<double>(hat.attributes.at("weight")), 2);
  ASSERT_EQ((*bundle)->jurisdictions.size(), 1u);
  const RuleFields& fields = (*bundle)->rule_fields;
  std::vector<std::string> read;
  for (const uint16_t slot : fields.read) read.push_back(fields.fields[slot].key);
  EXPECT_THAT(read, ElementsAre("age", "country", "geo.city")) << "no rule reads the level";
}

TEST(EligibilityCheck, ADefaultThatIsWrittenOutDoesNotChangeTheVersion) {
  const std::string written =
      absl::StrReplaceAll(kGood, {{"- id: hat", "- id: hat\n        approval: approved"}});
  EXPECT_EQ((*Load(kGood))->version, (*Load(written))->version);
}

// The first block of YAML in the documentation.
TEST(EligibilityCheck, TheDocumentedBundleIsGood) {
  const auto text = base::ReadWholeFile(base::PosixFileSystem(),
                                        FULCRUM_SOURCE_DIR "/docs/eligibility.md", 1 << 20);
  FULCRUM_ASSERT_OK(text);
  const size_t start = text->find("```yaml\n");
  ASSERT_NE(start, std::string::npos);
  const size_t first = start + std::string("```yaml\n").size();
  FULCRUM_EXPECT_OK(Load(text->substr(first, text->find("```", first) - first)));
}

struct Case {
  std::string name;
  std::string from;
  std::string to;
  std::string message;
};

std::string Name(const ::testing::TestParamInfo<Case>& info) {
  return info.param.name;
}

class EligibilityErrors : public ::testing::TestWithParam<Case> {};

TEST_P(EligibilityErrors, NamesPlaceAndRemedy) {
  const Case& test = GetParam();
  const std::string good = kGood;
  ASSERT_NE(good.find(test.from), std::string::npos) << test.from;
  const std::string bad = absl::StrReplaceAll(good, {{test.from, test.to}});
  EXPECT_THAT(Load(bad).status(),
              testing::StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(test.message)));
}

INSTANTIATE_TEST_SUITE_P(
    Rules, EligibilityErrors,
    ::testing::Values(
        Case{"UnknownFeature", "eligible: user.age >= 18 and", "eligible: user.aeg >= 18 and",
             "a.yaml:9:15: campaigns[0].eligible: column 1: there is no field 'user.aeg'; the "
             "nearest valid name is 'user.age'"},
        Case{"UnknownContextKey", "context.geo.city", "context.county",
             "campaigns[0].eligible: column 20: there is no field 'context.county'; the nearest "
             "valid name is 'context.country'"},
        Case{"UnknownAttribute", "action.size in", "action.sizes in",
             "a.yaml:12:19: campaigns[0].actions[0].eligible: column 1: there is no field "
             "'action.sizes'; the nearest valid name is 'action.size'"},
        Case{"TextAsNumber", "user.age >= 18 and", "user.level >= 18 and",
             "campaigns[0].eligible: column 12: "},
        Case{"PrefixIsText", "context.geo.city != \"x\"", "context.geo.city != 3",
             "campaigns[0].eligible: column 37: "},
        Case{"NoRule",
             "eligible: user.age >= 18 and context.geo.city != \"x\" and "
             "campaign.account == \"shop\"",
             "eligible: ''", "a.yaml:9:15: campaigns[0].eligible: column 1: "},
        Case{"SecondLine", "eligible: user.age >= 18 and",
             "eligible: |\n      user.age >= 18 and\n      user.aeg > 3 and",
             "campaigns[0].eligible: line 2, column 1: there is no field 'user.aeg'"},
        Case{"OfAJurisdiction", "eligible: user.age >= 18 or", "eligible: user.aeg >= 18 or",
             "jurisdictions[0].eligible: column 1: there is no field 'user.aeg'"}),
    Name);

INSTANTIATE_TEST_SUITE_P(
    Facts, EligibilityErrors,
    ::testing::Values(
        Case{"NoValue", "{name: weight, number: 2}", "{name: weight}",
             "a.yaml:18:45: campaigns[0].actions[1].attributes[1]: needs exactly one of 'number', "
             "'text' and 'texts'"},
        Case{"TwoValues", "{name: weight, number: 2}", "{name: weight, number: 2, text: a}",
             "needs exactly one of"},
        Case{"TwoTypes", "{name: size, text: s}", "{name: size, number: 3}",
             "campaigns[0].actions[1].attributes[0]: 'size' is a number here and a text at "
             "a.yaml:16:22; an attribute has one type"},
        Case{"BuiltIn", "{name: weight, number: 2}",
             "{name: weight, number: 2}, {name: cost_micros, number: 2}",
             "attributes[2].name: 'action.cost_micros' means something else in rules"},
        Case{"CountedText", "attribute: weight", "attribute: size",
             "constraints[0].attribute: there is no attribute of an action that is a number "
             "'size'; the nearest valid name is 'weight'"},
        Case{"Approval", "approval: pending", "approval: maybe", "unknown value 'maybe'"},
        Case{"ExpiredBefore", "expires: 2026-06-01", "expires: 2026-02-01",
             "a.yaml:14:18: campaigns[0].actions[0].expires: must be after the campaign's 'start'"},
        Case{"EmptyRegion", "regions: [fr, de]", "regions: [fr, '']",
             "campaigns[0].actions[0].regions[1]: must not be empty"},
        Case{"NoRegionKey", ", region_key: context.country", "",
             "campaigns[0].actions[0].regions: no surface that shows it has a 'region_key'"},
        Case{"TwoJurisdictions", "  - {id: eu, regions: [fr],",
             "  - {id: eu, regions: [de], eligible: 'true'}\n  - {id: eu, regions: [fr],",
             "jurisdictions[1].id: 'eu' is given twice; first at a.yaml:27:10"},
        Case{"JurisdictionOfNowhere", "regions: [fr],", "regions: [],", "must not be empty"},
        Case{"JurisdictionWithoutRule",
             ", eligible: user.age >= 18 or not (\"wine\" in "
             "action.categories)",
             "", "jurisdictions[0] needs 'eligible'"}),
    Name);

INSTANTIATE_TEST_SUITE_P(
    Fallbacks, EligibilityErrors,
    ::testing::Values(
        Case{"RuleOfTheCampaign", "  - id: house", "  - id: house\n    eligible: user.age > 1",
             "surfaces[0].fallback_action: 'magazine' belongs to campaign 'house', which has a "
             "rule; a fallback must be allowed for everybody at any time"},
        Case{"Rule", "{id: magazine,", "{id: magazine, eligible: user.age > 1,",
             "'magazine' has a rule"},
        Case{"NotApproved", "{id: magazine,", "{id: magazine, approval: denied,",
             "'magazine' is not approved"},
        Case{"Expires", "{id: magazine,", "{id: magazine, expires: 2027-01-01T00:00:00Z,",
             "'magazine' expires"},
        Case{"Regions", "{id: magazine,", "{id: magazine, regions: [fr],",
             "'magazine' may be shown in some regions only"},
        Case{"Jurisdiction", "categories: [news]", "categories: [wine]",
             "'magazine' may be refused by the rule of jurisdiction 'eu'"},
        Case{"JurisdictionAsksWhatIsKnown", "user.age >= 18 or not (\"wine\" in action.categories)",
             "user.age is unknown or user.age >= 18",
             "'magazine' may be refused by the rule of jurisdiction 'eu'"},
        Case{"JurisdictionByTheClock", "user.age >= 18 or not (\"wine\" in action.categories)",
             "now >= date(\"1970-01-01\")",
             "'magazine' may be refused by the rule of jurisdiction 'eu'"}),
    Name);

}  // namespace
}  // namespace fulcrum::config
