// What is refused, and in which words: one good bundle, one change, the message it must give.
#include <regex>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "config/loader.h"
#include "tests/support/status_matchers.h"

namespace fulcrum::config {
namespace {

using ::testing::HasSubstr;

constexpr char kGood[] = R"(surfaces:
  - id: home
    campaigns: [spring, house]
    latency_budget: 20ms
    fallback_action: magazine
    baseline: {value: 0}
    exploration_floor: 0.05
    segment_feature: level
campaigns:
  - id: spring
    account: shop
    currency: EUR
    time_zone: Europe/Berlin
    start: 2026-03-01T00:00:00Z
    end: 2026-06-01T00:00:00Z
    actions:
      - id: coat
        cost_micros: 2_000_000
  - id: house
    account: shop
    currency: EUR
    actions:
      - id: magazine
constraints:
  - id: day
    campaign: spring
    resource: cost
    window: day
    limit: 5
feature_views:
  - name: users
    entity: user
    features:
      - {name: level, type: text}
      - {name: orders, type: number}
context_keys:
  - name: hour
server:
  listen: 127.0.0.1:7171
)";

struct Case {
  std::string name;
  std::string from;
  std::string to;
  std::string message;
};

std::string Name(const ::testing::TestParamInfo<Case>& info) {
  return info.param.name;
}

absl::Status Load(const std::string& text) {
  Problems problems;
  return BuildBundle(base::PosixFileSystem(), {{"a.yaml", text}}, "/nowhere", &problems).status();
}

class LoaderErrors : public ::testing::TestWithParam<Case> {};

TEST_P(LoaderErrors, NamesPlaceAndRemedy) {
  const Case& test = GetParam();
  const std::string good = kGood;
  FULCRUM_ASSERT_OK(Load(good));
  ASSERT_NE(good.find(test.from), std::string::npos) << test.from;
  const std::string bad = absl::StrReplaceAll(good, {{test.from, test.to}});
  EXPECT_THAT(Load(bad),
              testing::StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(test.message)));
}

INSTANTIATE_TEST_SUITE_P(
    Names, LoaderErrors,
    ::testing::Values(
        Case{"UnknownField", "latency_budget", "latency_buget",
             "a.yaml:4:5: unknown field 'latency_buget' of surfaces[0]; the nearest valid name is "
             "'latency_budget'"},
        Case{"UnknownTopField", "server:", "servers:",
             "a.yaml:38:1: unknown field 'servers' of the file; the nearest valid name is "
             "'server'"},
        Case{"UnknownEnumValue", "window: day", "window: dya",
             "a.yaml:28:13: constraints[0].window: unknown value 'dya'; the nearest valid name is "
             "'day'"},
        Case{"FullEnumName", "window: day", "window: WINDOW_DAY", "unknown value 'WINDOW_DAY'"},
        Case{"UnspecifiedEnum", "window: day", "window: unspecified",
             "unknown value 'unspecified'"},
        Case{"DanglingCampaignOfSurface", "[spring, house]", "[sprig, house]",
             "a.yaml:3:17: surfaces[0].campaigns[0]: there is no campaign 'sprig'; the nearest "
             "valid name is 'spring'"},
        Case{"DanglingCampaignOfConstraint", "campaign: spring", "campaign: huose",
             "a.yaml:26:15: constraints[0].campaign: there is no campaign 'huose'; the nearest "
             "valid name is 'house'"},
        Case{"DanglingFallback", "fallback_action: magazine", "fallback_action: magazin",
             "a.yaml:5:22: surfaces[0].fallback_action: there is no action 'magazin'; the nearest "
             "valid name is 'magazine'"},
        Case{"DanglingSegment", "segment_feature: level", "segment_feature: levels",
             "a.yaml:8:22: surfaces[0].segment_feature: there is no feature of the user view "
             "'levels'; the nearest valid name is 'level'"},
        Case{"NumericSegment", "segment_feature: level", "segment_feature: orders",
             "'orders' is a number"},
        Case{"DanglingModel", "server:", "model: {manifest: model/none.yaml}\nserver:",
             "a.yaml:38:19: model.manifest: "},
        Case{"BadId", "id: spring", "id: Spring",
             "a.yaml:10:9: campaigns[0].id: 'Spring' is not an id"},
        Case{"NeutralAction", "id: coat", "id: none",
             "a.yaml:17:13: campaigns[0].actions[0].id: 'none' is the neutral action"},
        Case{"NeutralFallback", "fallback_action: magazine", "fallback_action: none",
             "'none' is the fallback if the line is absent"},
        Case{"DuplicateAction", "id: magazine", "id: coat",
             "a.yaml:23:13: campaigns[1].actions[0].id: 'coat' is given twice; first at "
             "a.yaml:17:13"},
        Case{"DuplicateCampaign", "id: house", "id: spring",
             "campaigns[1].id: 'spring' is given twice"},
        Case{"DuplicateReference", "[spring, house]", "[spring, spring]",
             "surfaces[0].campaigns[1]: 'spring' is given twice"},
        Case{"DuplicateFeature", "name: orders", "name: level", "'level' is given twice"}),
    Name);

INSTANTIATE_TEST_SUITE_P(
    Values, LoaderErrors,
    ::testing::Values(
        Case{"NaN", "exploration_floor: 0.05", "exploration_floor: .nan",
             "a.yaml:7:24: surfaces[0].exploration_floor: expected a finite number, not '.nan'"},
        Case{"BareNaN", "exploration_floor: 0.05", "exploration_floor: nan",
             "expected a finite number, not 'nan'"},
        Case{"Infinity", "exploration_floor: 0.05", "exploration_floor: .inf",
             "expected a finite number"},
        Case{"Overflow", "exploration_floor: 0.05", "exploration_floor: 1e999",
             "expected a finite number"},
        Case{"FloorTooLarge", "exploration_floor: 0.05", "exploration_floor: 1.01",
             "a.yaml:7:24: surfaces[0].exploration_floor: must be 0 to 1"},
        Case{"BaselineNegative", "{value: 0}", "{value: -0.1}",
             "a.yaml:6:23: surfaces[0].baseline.value: must be 0 to 1"},
        Case{"BaselineTwice", "{value: 0}", "{value: 0, alpha: 2}",
             "a.yaml:6:33: surfaces[0].baseline.alpha: excluded by 'value'"},
        Case{"LimitNegative", "limit: 5", "limit: -1",
             "a.yaml:29:12: constraints[0].limit: must be at least 0"},
        Case{"LimitTooLong", "limit: 5", "limit: 9223372036854775808", "is outside"},
        Case{"LimitFraction", "limit: 5", "limit: 5.5", "expected a whole number, not '5.5'"},
        Case{"LimitHexadecimal", "limit: 5", "limit: 0x10", "expected a whole number"},
        Case{"LimitOctal", "limit: 5", "limit: 010", "without leading zeros"},
        Case{"LimitQuoted", "limit: 5", "limit: \"5\"", "text in quotes; remove the quotes"},
        Case{"LimitMissing", "    limit: 5\n", "", "a.yaml:25:5: constraints[0] needs 'limit'"},
        Case{"LimitNull", "limit: 5", "limit:", "constraints[0].limit has no value"},
        Case{"LimitTilde", "limit: 5", "limit: ~", "constraints[0].limit has no value"},
        Case{"TextThatIsANumber", "account: shop", "account: 007", "put 007 in quotes"},
        Case{"TextThatIsTrue", "account: shop", "account: true", "put true in quotes"},
        Case{"BadGrouping", "2_000_000", "2__000", "expected a whole number, not '2__000'"},
        Case{"CurrencyLower", "currency: EUR", "currency: eur", "three capitals by ISO 4217"},
        Case{"NoZone", "Europe/Berlin", "Europe/Berln",
             "a.yaml:13:16: campaigns[0].time_zone: there is no time zone 'Europe/Berln'"},
        Case{"ZoneOutside", "Europe/Berlin", "../../etc/passwd", "there is no time zone"},
        Case{"EndBeforeStart", "end: 2026-06-01", "end: 2026-01-01",
             "a.yaml:15:10: campaigns[0].end: must be after 'start'"},
        Case{"DateOnly", "start: 2026-03-01T00:00:00Z", "start: 2026-03-01",
             "expected a time by RFC 3339"},
        Case{"DurationWithoutUnit", "20ms", "20", "expected a time span with its unit"},
        Case{"DurationTooLong", "20ms", "11s", "surfaces[0].latency_budget: must be 1ms to 10s"},
        Case{"DurationInfinite", "20ms", "inf", "expected a time span with its unit"},
        Case{"EmptyList", "[spring, house]", "[]", "surfaces[0].campaigns must not be empty"},
        Case{"NoSurfaces", "surfaces:", "context_keys: []\n#", "'surfaces' is missing"}),
    Name);

INSTANTIATE_TEST_SUITE_P(
    Shapes, LoaderErrors,
    ::testing::Values(
        Case{"ScalarForList", "[spring, house]", "spring",
             "surfaces[0].campaigns must be a list, not a single value"},
        Case{"ListForScalar", "account: shop", "account: [shop]",
             "campaigns[0].account must be a single value, not a list"},
        Case{"ScalarForMap", "baseline: {value: 0}", "baseline: 0",
             "surfaces[0].baseline must be a group of fields, not a single value"},
        Case{"RepeatedKey", "    latency_budget: 20ms", "    latency_budget: 20ms\n    id: home2",
             "a.yaml:5:5: 'id' is given twice; first on line 2"},
        Case{"Anchor", "account: shop", "account: &a shop", "an anchor ('&name')"},
        Case{"Tag", "account: shop", "account: !!str shop", "a tag ("},
        Case{"SecondDocument", "server:", "---\nserver:", "one file holds one document"},
        Case{"NotYaml", "[spring, house]", "[spring, house", "not YAML: "},
        Case{"Tab", "    account: shop", "\taccount: shop", "not YAML: "}),
    Name);

INSTANTIATE_TEST_SUITE_P(
    Rules, LoaderErrors,
    ::testing::Values(
        Case{"ListensEverywhere", "127.0.0.1:7171", "0.0.0.0:7171",
             "a.yaml:39:11: server.listen: '0.0.0.0:7171' is not a loopback address: nothing "
             "listens elsewhere until roles are enforced"},
        Case{"ListensByName", "127.0.0.1:7171", "localhost:7171", "is not a loopback address"},
        Case{"ListensOnIpv6", "127.0.0.1:7171", "\"[::]:7171\"", "is not a loopback address"},
        Case{"ListensWithoutPort", "127.0.0.1:7171", "127.0.0.1", "has no port"},
        Case{"ListensOnABadPort", "127.0.0.1:7171", "127.0.0.1:70000", "has no port"},
        Case{"MetricsOnUnix", "listen: 127.0.0.1:7171", "metrics_listen: unix:/run/metrics",
             "server.metrics_listen: "},
        Case{"FallbackWithLimit", "campaign: spring", "campaign: house",
             "a.yaml:5:22: surfaces[0].fallback_action: 'magazine' is limited by constraint 'day' "
             "at a.yaml:25:5"},
        Case{"FallbackWithDates", "  - id: house", "  - id: house\n    start: 2026-01-01T00:00:00Z",
             "a fallback must be allowed at any time"},
        Case{"TwoCurrencies", "  - id: house\n    account: shop\n    currency: EUR",
             "  - id: house\n    account: shop\n    currency: USD",
             "campaigns[1].currency: account 'shop' uses EUR; an account has one currency"},
        Case{"TwoUserViews", "context_keys:",
             "  - {name: more, entity: user, features: [{name: age}]}\ncontext_keys:",
             "this kind of entity has a view already, at a.yaml:31:5"},
        Case{"StarInside", "name: hour", "name: a*b", "'*' may only stand at the end"}),
    Name);

TEST(LoaderErrors, AcceptsEveryKindOfLoopback) {
  for (const char* address :
       {"127.0.0.1:0", "127.9.8.7:65535", "\"[::1]:7171\"", "unix:/run/fulcrum.sock"}) {
    FULCRUM_EXPECT_OK(Load(absl::StrReplaceAll(kGood, {{"127.0.0.1:7171", address}})));
  }
}

TEST(LoaderErrors, AnAliasIsRefused) {
  EXPECT_THAT(
      Load(absl::StrReplaceAll(
          kGood, {{"account: shop", "account: &a shop"}, {"currency: EUR", "currency: *a"}})),
      testing::StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("an alias ('*name')")));
}

TEST(LoaderErrors, DepthAndSizeAreBounded) {
  EXPECT_THAT(
      Load(std::string(100, '[') + std::string(100, ']')),
      testing::StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("nested deeper than")));
  EXPECT_THAT(Load("#" + std::string(9 << 20, ' ')),
              testing::StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("larger than")));
}

TEST(LoaderErrors, OnlyUtf8IsText) {
  for (const char* bad : {"\xff", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82"}) {
    EXPECT_THAT(Load(absl::StrCat(kGood, "# ", bad)),
                testing::StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("not UTF-8")));
  }
  FULCRUM_EXPECT_OK(Load(absl::StrCat(kGood, "# \xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80")));
}

TEST(LoaderErrors, OneProblemIsOneLine) {
  const absl::Status status = Load(absl::StrCat(kGood, "\"a\\nb\\e[2J\": 1\n"));
  EXPECT_THAT(status, testing::StatusIs(absl::StatusCode::kInvalidArgument,
                                        HasSubstr("unknown field 'a?b?[2J'")));
}

TEST(LoaderErrors, AreSortedByPlace) {
  const absl::Status status = Load(absl::StrReplaceAll(
      kGood, {{"id: home", "id: HOME"}, {"[spring, house]", "[sprig]"}, {"limit: 5", "limit: x"}}));
  const std::string text(status.message());
  EXPECT_TRUE(
      std::regex_search(text, std::regex("^a.yaml:2:9: .*\na.yaml:3:17: .*\na.yaml:29:12: ")))
      << text;
}

}  // namespace
}  // namespace fulcrum::config
