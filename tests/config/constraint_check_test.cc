// Rows, exclusions, quiet hours and variants: one good bundle, what it becomes, and what is refused
// of it.
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "config/loader.h"
#include "tests/support/status_matchers.h"

namespace fulcrum::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kGood[] = R"(surfaces:
  - {id: cart, campaigns: [house, shoes], segment_feature: level, region_key: context.country}
  - {id: home, campaigns: [house, shoes]}
campaigns:
  - id: house
    account: shop
    currency: EUR
    time_zone: Europe/Berlin
    quiet_hours: [{from: "22:00", to: "07:30"}]
    actions:
      - {id: gift, creative: red, attributes: [{name: weight, number: 0.1}]}
      - {id: mug, categories: [ware], variant_of: gift}
  - id: shoes
    account: shop
    currency: EUR
    actions:
      - {id: boots, cost_micros: 7, categories: [ware, wear]}
      - {id: clogs, cost_micros: 5, creative: red}
constraints:
  - {id: all, resource: exposures, window: total, limit: 9}
  - {id: by-account, account: shop, resource: cost, window: hour, limit: 9, time_zone: Asia/Tokyo}
  - {id: by-action, actions: [mug, clogs], per: user, resource: exposures, window: rolling, span: 6h, limit: 1}
  - {id: by-campaign, campaign: house, resource: exposures, window: day, limit: 9}
  - {id: by-category, categories: [ware], campaign: shoes, resource: exposures, window: total, limit: 2, relaxation: 3}
  - {id: by-creative, creatives: [red], resource: exposures, window: total, limit: 2}
  - id: by-request
    resource: attribute
    attribute: weight
    window: total
    limit: 1
    surfaces: [cart]
    segments: [silver, gold]
    regions: [FR]
    where: [{key: context.channel, values: [mail, app]}]
    start: 2026-03-01T00:00:00Z
    end: 2026-04-01T00:00:00Z
exclusions:
  - {id: either, actions: [gift], categories: [wear]}
  - {id: rest, actions: [mug, clogs], span: 48h}
feature_views:
  - {name: users, entity: user, features: [{name: level, type: text}, {name: age}]}
context_keys:
  - {name: country, type: text}
  - {name: channel, type: text}
  - {name: hour}
)";

absl::StatusOr<std::shared_ptr<const Bundle>> Load(const std::string& text) {
  Problems problems;
  return BuildBundle(base::PosixFileSystem(), {{"a.yaml", text}}, "/nowhere", &problems);
}

const Constraint& Row(const Bundle& bundle, const std::string& id) {
  for (const Constraint& row : bundle.constraints) {
    if (row.id == id) return row;
  }
  ADD_FAILURE() << id;
  return bundle.constraints.front();
}

// boots 0, clogs 1, gift 2, mug 3
TEST(ConstraintCheck, RowsCountWhatTheirScopeNames) {
  const auto loaded = Load(kGood);
  FULCRUM_ASSERT_OK(loaded);
  const Bundle& bundle = **loaded;
  EXPECT_THAT(Row(bundle, "all").actions, ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(Row(bundle, "by-account").actions, ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(Row(bundle, "by-action").actions, ElementsAre(1, 3));
  EXPECT_THAT(Row(bundle, "by-campaign").actions, ElementsAre(2, 3));
  EXPECT_THAT(Row(bundle, "by-category").actions, ElementsAre(0));
  EXPECT_THAT(Row(bundle, "by-creative").actions, ElementsAre(1, 2));
}

TEST(ConstraintCheck, RowsAreResolved) {
  const auto loaded = Load(kGood);
  FULCRUM_ASSERT_OK(loaded);
  const Bundle& bundle = **loaded;
  EXPECT_EQ(Row(bundle, "by-account").time_zone.name(), "Asia/Tokyo");
  EXPECT_EQ(Row(bundle, "by-account").window, Window::kHour);
  EXPECT_EQ(Row(bundle, "by-campaign").time_zone.name(), "Europe/Berlin");
  EXPECT_EQ(Row(bundle, "all").time_zone.name(), "UTC");
  EXPECT_FALSE(Row(bundle, "all").per_user);
  EXPECT_TRUE(Row(bundle, "all").IsLeased());
  EXPECT_EQ(Row(bundle, "by-action").span_us, int64_t{6} * 3600 * 1'000'000);
  EXPECT_FALSE(Row(bundle, "by-action").IsLeased());
  EXPECT_EQ(Row(bundle, "by-category").relaxation, 3u);
  EXPECT_FALSE(Row(bundle, "by-category").IsHard());
  const Constraint& scoped = Row(bundle, "by-request");
  EXPECT_THAT(scoped.surfaces, ElementsAre(0));
  EXPECT_THAT(scoped.segments, ElementsAre("gold", "silver"));
  EXPECT_THAT(scoped.regions, ElementsAre("FR"));
  ASSERT_EQ(scoped.where.size(), 1u);
  EXPECT_FALSE(scoped.where[0].of_user);
  EXPECT_EQ(scoped.where[0].key, "channel");
  EXPECT_THAT(scoped.where[0].values, ElementsAre("app", "mail"));
  EXPECT_EQ(scoped.start, absl::FromCivil(absl::CivilDay(2026, 3, 1), absl::UTCTimeZone()));
  EXPECT_EQ(scoped.end, absl::FromCivil(absl::CivilDay(2026, 4, 1), absl::UTCTimeZone()));
}

TEST(ConstraintCheck, ActionsKnowTheirRows) {
  const auto loaded = Load(kGood);
  FULCRUM_ASSERT_OK(loaded);
  const Bundle& bundle = **loaded;
  std::vector<std::pair<std::string, int64_t>> gift;
  for (const Use& use : bundle.actions[2].uses) {
    gift.emplace_back(bundle.constraints[static_cast<size_t>(use.row)].id, use.amount);
  }
  EXPECT_THAT(gift, ElementsAre(std::pair("all", 1), std::pair("by-campaign", 1),
                                std::pair("by-creative", 1), std::pair("by-request", 100'000)))
      << "what costs nothing uses no row of costs";
  EXPECT_EQ(bundle.actions[3].variant_of, 2);
  EXPECT_EQ(bundle.actions[2].variant_of, -1);
  ASSERT_EQ(bundle.campaigns[0].quiet_hours.size(), 1u);
  EXPECT_EQ(bundle.campaigns[0].quiet_hours[0].from, 22 * 60);
  EXPECT_EQ(bundle.campaigns[0].quiet_hours[0].to, 7 * 60 + 30);
}

TEST(ConstraintCheck, AnExclusionWithASpanCountsWhatWasShown) {
  const auto loaded = Load(kGood);
  FULCRUM_ASSERT_OK(loaded);
  const Bundle& bundle = **loaded;
  EXPECT_THAT(bundle.exclusions[0].actions, ElementsAre(0, 2));
  EXPECT_THAT(bundle.actions[0].excluded_by, IsEmpty()) << "within a slate only";
  EXPECT_THAT(bundle.exclusions[1].actions, ElementsAre(1, 3));
  ASSERT_EQ(bundle.actions[1].excluded_by.size(), 1u);
  const Constraint& shown =
      bundle.constraints[static_cast<size_t>(bundle.actions[1].excluded_by[0])];
  EXPECT_EQ(shown.id, "rest:mug");
  EXPECT_THAT(shown.actions, ElementsAre(3));
  EXPECT_TRUE(shown.per_user);
  EXPECT_EQ(shown.limit, kNoLimit);
  EXPECT_EQ(shown.span_us, int64_t{48} * 3600 * 1'000'000);
}

TEST(ConstraintCheck, WhatDoesNotFitIsRefused) {
  struct Case {
    const char* from;
    const char* to;
    const char* message;
  };
  const Case cases[] = {
      {"campaign: house,", "campaign: hose,", "there is no campaign 'hose'; the nearest valid"},
      {"account: shop, resource", "account: shops, resource", "there is no account 'shops'"},
      {"actions: [mug, clogs], per", "actions: [mug, clog], per",
       "constraints[2].actions[1]: there is no action 'clog'"},
      {"creatives: [red]", "creatives: [rad]", "there is no creative 'rad'"},
      {"categories: [ware], campaign", "categories: [were], campaign", "there is no category"},
      {"surfaces: [cart]", "surfaces: [card]", "there is no surface 'card'"},
      {"surfaces: [cart]\n    segments: [silver, gold]\n    regions: [FR]",
       "surfaces: [home]\n    segments: [gold]", "no surface in its scope has a 'segment_feature'"},
      {"surfaces: [cart]\n    segments: [silver, gold]\n    regions: [FR]",
       "surfaces: [home]\n    regions: [FR]", "no surface in its scope has a 'region_key'"},
      {"key: context.channel", "key: channel", "expected 'user.FEATURE' or 'context.KEY'"},
      {"key: context.channel", "key: user.age", "there is no text feature of the user view 'age'"},
      {"key: context.channel", "key: context.hour", "there is no context key of type text 'hour'"},
      {"campaign: shoes, resource", "campaign: house, actions: [boots], resource",
       "constraints[4]: counts no action"},
      {"window: rolling, span: 6h", "window: rolling", "'window: rolling' needs 'span'"},
      {"window: total, limit: 9", "window: total, span: 6h, limit: 9", "only a 'window: rolling'"},
      {"    attribute: weight\n", "", "'resource: attribute' needs 'attribute'"},
      {"    attribute: weight\n", "    attribute: wait\n", "there is no attribute of an action"},
      {"resource: exposures, window: total, limit: 9",
       "resource: exposures, attribute: weight, window: total, limit: 9",
       "counted by 'resource: attribute' only"},
      {"currency: EUR\n    time_zone", "currency: USD\n    time_zone",
       "an account has one currency"},
      {"account: shop\n    currency: EUR\n    time_zone",
       "account: house\n    currency: USD\n    time_zone", ""},
      {"limit: 9, time_zone: Asia/Tokyo", "limit: 9, time_zone: Tokyo", "there is no time zone"},
      {"end: 2026-04-01", "end: 2026-02-01", "constraints[6].end: must be after 'start'"},
      {"relaxation: 3", "relaxation: 10", "relaxation: must be"},
      {"from: \"22:00\"", "from: \"24:00\"", "'24:00' is no time of day such as 22:00"},
      {"from: \"22:00\", to: \"07:30\"", "from: \"22:00\", to: \"22:00\"", "starts when it ends"},
      {"variant_of: gift", "variant_of: boots", "there is no action of the campaign 'boots'"},
      {"variant_of: gift", "variant_of: mug", "'mug' is itself a variant"},
      {"[{name: weight, number: 0.1}]", "[{name: weight, number: 1}, {name: weight, number: 2}]",
       "'weight' is given twice"},
      {"{id: either, actions: [gift], categories: [wear]}", "{id: either, actions: [gift]}",
       "exclusions[0]: lists 1 of the bundle's actions"},
      {"id: rest, actions", "id: either, actions", "'either' is given twice"},
      {"campaigns: [house, shoes]}", "campaigns: [house, shoes], fallback_action: clogs}",
       "'clogs' is limited by constraint 'all'"},
  };
  for (const Case& one : cases) {
    ASSERT_NE(std::string(kGood).find(one.from), std::string::npos) << one.from;
    const auto loaded = Load(absl::StrReplaceAll(kGood, {{one.from, one.to}}));
    if (*one.message == '\0') continue;
    EXPECT_THAT(loaded,
                testing::StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(one.message)))
        << one.to;
  }
}

// `fields` added to the row `all`.
absl::StatusOr<std::shared_ptr<const Bundle>> LoadTerms(const std::string& fields,
                                                        bool exposure_required = false) {
  const std::string home = "{id: home, campaigns: [house, shoes]";
  return Load(absl::StrReplaceAll(
      kGood, {{"window: total, limit: 9", absl::StrCat("window: total, limit: 9, ", fields)},
              {home, absl::StrCat(home, exposure_required ? ", exposure: required" : "")}}));
}

TEST(ConstraintCheck, TermsAreResolved) {
  const auto loaded = LoadTerms(
      "charged_on: purchase, returned_on: [return, cancellation], return_window: 48h, unshown: "
      "keep",
      /*exposure_required=*/true);
  FULCRUM_ASSERT_OK(loaded);
  DebitTerms terms = Row(**loaded, "all").terms;
  EXPECT_EQ(terms.charged_on, "purchase");
  EXPECT_THAT(terms.returned_on, ElementsAre("cancellation", "return"));
  EXPECT_EQ(terms.return_window_us, int64_t{48} * 3600 * 1'000'000);
  EXPECT_TRUE(terms.kept_unshown);
  EXPECT_FALSE(terms.in_cost) << "the row counts exposures";
  EXPECT_EQ(Row(**loaded, "by-account").terms, DebitTerms());

  const auto returned = LoadTerms("returned_on: [return]");
  FULCRUM_ASSERT_OK(returned);
  EXPECT_EQ(Row(**returned, "all").terms.return_window_us, int64_t{720} * 3600 * 1'000'000);
  const auto cost = Load(absl::StrReplaceAll(
      kGood, {{"window: hour, limit: 9", "window: hour, limit: 9, charged_on: click"}}));
  FULCRUM_ASSERT_OK(cost);
  EXPECT_TRUE(Row(**cost, "by-account").terms.in_cost);
}

TEST(ConstraintCheck, TermsThatDoNotFitAreRefused) {
  const std::string long_kind(65, 'k');
  const std::pair<std::string, std::string> cases[] = {
      {"charged_on: ''", "constraints[0].charged_on: 0 bytes long; name a kind of outcome"},
      {"charged_on: " + long_kind, "constraints[0].charged_on: 65 bytes long"},
      {"returned_on: ['']", "constraints[0].returned_on[0]: 0 bytes long"},
      {"returned_on: [a, b, a]", "constraints[0].returned_on[2]: 'a' is given twice"},
      {"returned_on: [a, b, c, d, e, f, g, h, i]", "9 kinds; at most 8 are allowed"},
      {"charged_on: a, returned_on: [b, a]",
       "constraints[0].returned_on[1]: 'a' is what the row is charged on"},
      {"return_window: 1h", "name the kinds in 'returned_on' or remove it"},
      {"returned_on: [a], return_window: 9000h", "return_window: must be"},
      {"unshown: keep", "add 'exposure: required' to one or remove it"},
      {"unshown: lose", "unshown: "},
  };
  for (const auto& [fields, message] : cases) {
    EXPECT_THAT(LoadTerms(fields),
                testing::StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(message)))
        << fields;
  }
  EXPECT_THAT(LoadTerms("surfaces: [cart], unshown: keep", /*exposure_required=*/true),
              testing::StatusIs(absl::StatusCode::kInvalidArgument,
                                HasSubstr("no surface in its scope waits")));
}

TEST(ConstraintCheck, CostsOfTwoCurrenciesHaveNoSum) {
  const std::string two =
      absl::StrReplaceAll(kGood, {{"account: shop\n    currency: EUR\n    time_zone",
                                   "account: lab\n    currency: USD\n    time_zone"},
                                  {"{id: gift, ", "{id: gift, cost_micros: 3, "},
                                  {"{id: by-account, account: shop", "{id: by-account"}});
  EXPECT_THAT(Load(two),
              testing::StatusIs(absl::StatusCode::kInvalidArgument,
                                HasSubstr("constraints[1]: counts costs in USD and EUR, which")));
}

// A fallback may go out unlogged, at any time.
TEST(ConstraintCheck, AFallbackIsNeitherExcludedNorQuiet) {
  const std::string no_rows = std::string(kGood).substr(0, std::string(kGood).find("constraints:"));
  const std::string rest = std::string(kGood).substr(std::string(kGood).find("feature_views:"));
  const std::string home = "{id: home, campaigns: [house, shoes]}";
  const auto with = [&](const std::string& fallback, const std::string& more) {
    return Load(
        absl::StrReplaceAll(
            no_rows,
            {{home, "{id: home, campaigns: [house, shoes], fallback_action: " + fallback + "}"}}) +
        more + rest);
  };
  FULCRUM_EXPECT_OK(with("boots", ""));
  EXPECT_THAT(with("gift", ""), testing::StatusIs(absl::StatusCode::kInvalidArgument,
                                                  HasSubstr("which has quiet hours")));
  EXPECT_THAT(with("boots", "exclusions: [{id: x, actions: [boots, mug], span: 1h}]\n"),
              testing::StatusIs(absl::StatusCode::kInvalidArgument,
                                HasSubstr("'boots' is in exclusion 'x'")));
}

}  // namespace
}  // namespace fulcrum::config
