// What is refused of rewards, exposure and linear posteriors: one good bundle, one change, the
// message it must give.
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "config/loader.h"
#include "tests/support/status_matchers.h"

namespace fulcrum::config {
namespace {

using ::testing::HasSubstr;

constexpr char kGood[] = R"(surfaces:
  - id: home
    campaigns: [house]
    segment_feature: level
    exposure: required
    exposure_window: 1m
    reward_kind: order
    linear:
      noise_sd: 0.5
      prior_sd: 0.25
      segments: [gold, silver]
      context_keys: [hour, page.depth]
campaigns:
  - {id: house, account: shop, currency: EUR, actions: [{id: magazine}]}
feature_views:
  - name: users
    entity: user
    features:
      - {name: level, type: text}
context_keys:
  - name: hour
  - {name: browser, type: text}
  - name: page.*
)";

absl::StatusOr<std::shared_ptr<const Bundle>> Load(const std::string& text) {
  Problems problems;
  return BuildBundle(base::PosixFileSystem(), {{"a.yaml", text}}, "/nowhere", &problems);
}

TEST(LearningCheck, AGoodSurfaceIsResolved) {
  const auto bundle = Load(kGood);
  FULCRUM_ASSERT_OK(bundle);
  const Surface& surface = (*bundle)->surfaces[0];
  EXPECT_TRUE(surface.exposure_required);
  EXPECT_EQ(surface.exposure_window, absl::Minutes(1));
  EXPECT_EQ(surface.attribution_window, absl::Hours(1));
  EXPECT_EQ(surface.reward_kind, "order");
  ASSERT_TRUE(surface.linear.has_value());
  EXPECT_EQ(surface.linear->terms(), 6u);
  EXPECT_EQ(surface.linear->prior_sd, 0.25);
}

struct Case {
  std::string name;
  std::string from;
  std::string to;
  std::string message;
};

class LearningErrors : public ::testing::TestWithParam<Case> {};

TEST_P(LearningErrors, NamesPlaceAndRemedy) {
  const Case& test = GetParam();
  ASSERT_NE(std::string(kGood).find(test.from), std::string::npos) << test.from;
  EXPECT_THAT(Load(absl::StrReplaceAll(kGood, {{test.from, test.to}})),
              testing::StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(test.message)));
}

INSTANTIATE_TEST_SUITE_P(
    Surfaces, LearningErrors,
    ::testing::Values(
        Case{"UnknownKey", "[hour,", "[hours,",
             "a.yaml:12:22: surfaces[0].linear.context_keys[0]: there is no context key 'hours'; "
             "the nearest valid name is 'hour'"},
        Case{"TextKey", "[hour,", "[browser,",
             "a.yaml:12:22: surfaces[0].linear.context_keys[0]: 'browser' is text"},
        Case{"KeyTwice", "page.depth", "hour",
             "a.yaml:12:28: surfaces[0].linear.context_keys[1]: 'hour' is given twice; first at "
             "a.yaml:12:22"},
        Case{"SegmentTwice", "silver", "gold",
             "a.yaml:11:24: surfaces[0].linear.segments[1]: 'gold' is given twice; first at "
             "a.yaml:11:18"},
        Case{"EmptySegment", "silver", "''",
             "a.yaml:11:24: surfaces[0].linear.segments[1]: must not be empty"},
        Case{"SegmentsOfNothing", "    segment_feature: level\n", "",
             "a.yaml:10:7: surfaces[0].linear.segments: the surface has no 'segment_feature'"},
        Case{"WindowWithoutReports", "exposure: required", "exposure: assumed",
             "a.yaml:6:22: surfaces[0].exposure_window: nothing waits for reports"},
        Case{"NoRewardKind", "reward_kind: order", "reward_kind: ''",
             "a.yaml:7:18: surfaces[0].reward_kind: 0 bytes long; name the outcomes"},
        Case{"LongRewardKind", "reward_kind: order", "reward_kind: " + std::string(65, 'a'),
             "surfaces[0].reward_kind: 65 bytes long"},
        Case{"WidePrior", "prior_sd: 0.25", "prior_sd: 501",
             "a.yaml:10:17: surfaces[0].linear.prior_sd: more than 1000 times 'noise_sd'"},
        Case{"NoNoise", "noise_sd: 0.5", "noise_sd: 0", "surfaces[0].linear.noise_sd: must be"}),
    [](const auto& test) { return test.param.name; });

constexpr char kLinear[] = R"(    linear:
      noise_sd: 0.5
      prior_sd: 0.25
      segments: [gold, silver]
      context_keys: [hour, page.depth]
)";

TEST(LearningCheck, PriorsAndAmountsAreResolved) {
  const auto bundle =
      Load(absl::StrReplaceAll(kGood, {{kLinear,
                                        "    value: {cap: 500, amount_mean: 40, amount_sd: 30}\n"
                                        "    pooling: {estimate: true}\n    forgetting: 168h\n"
                                        "    baseline: {value: 2.5}\n"}}));
  FULCRUM_ASSERT_OK(bundle);
  const Surface& surface = (*bundle)->surfaces[0];
  EXPECT_EQ(surface.value, (ValuePosterior{500, 40, 30, 1}));
  EXPECT_EQ(surface.pooling, (Pooling{20, true}));
  EXPECT_EQ(surface.forgetting, absl::Hours(168));
  EXPECT_EQ(surface.baseline_value, 2.5);
  EXPECT_FALSE(surface.IsCounted());
  EXPECT_EQ(surface.ExaminationAt(0), 1);
}

TEST(LearningCheck, LogOddsAndPositionEffectsAreResolved) {
  const auto bundle = Load(absl::StrReplaceAll(
      kGood, {{kLinear,
               "    logistic: {segments: [gold], context_keys: [hour]}\n    slate_size_max: 3\n"
               "    position_effects: [1, 0.5]\n"}}));
  FULCRUM_ASSERT_OK(bundle);
  const Surface& surface = (*bundle)->surfaces[0];
  EXPECT_EQ(surface.linear, (LinearPosterior{.noise_sd = 1,
                                             .prior_sd = 0.3,
                                             .segments = {"gold"},
                                             .context_keys = {"hour"},
                                             .log_odds = true}));
  EXPECT_EQ(surface.ExaminationAt(0), 1);
  EXPECT_EQ(surface.ExaminationAt(1), 0.5);
  EXPECT_EQ(surface.ExaminationAt(2), 1);
}

TEST(LearningCheck, PriorsAndAmountsThatDoNotFitAreRefused) {
  const std::string value = "    value: {cap: 5, amount_mean: 4, amount_sd: 3}\n";
  const std::pair<std::string, std::string> cases[] = {
      {kLinear + value, "surfaces[0].value: the surface has 'linear'"},
      {"    value: {cap: 5, amount_mean: 6, amount_sd: 3}\n",
       "a.yaml:8:34: surfaces[0].value.amount_mean: beyond 'cap'"},
      {"    value: {amount_mean: 6, amount_sd: 3}\n", "needs 'cap'"},
      {kLinear + std::string("    pooling: {}\n"), "surfaces[0].pooling: the surface has 'linear'"},
      {"    logistic: {}\n    pooling: {}\n", "the surface has 'logistic', whose actions share"},
      {kLinear + std::string("    logistic: {}\n"),
       "surfaces[0].logistic: the surface has 'linear'"},
      {"    logistic: {}\n" + value, "surfaces[0].value: the surface has 'logistic'"},
      {"    logistic: {prior_sd: 0}\n", "surfaces[0].logistic.prior_sd: must be"},
      {"    logistic: {context_keys: [dusk]}\n", "there is no context key 'dusk'"},
      {"    logistic: {}\n    baseline: {value: 2}\n",
       "surfaces[0].baseline.value: must be 0 to 1"},
      {"    position_effects: [1, 0.5]\n",
       "surfaces[0].position_effects: 2 entries, but 'slate_size_max' is 1"},
      {"    position_effects: [0]\n", "surfaces[0].position_effects[0]: must be"},
      {"    pooling: {strength: 0}\n", "surfaces[0].pooling.strength: must be 1 to"},
      {"    pooling: {}\nmodel: {manifest: m.yaml}\n", "the model's opinion is the prior here"},
      {"    forgetting: 1s\n", "surfaces[0].forgetting: must be"},
      {"    baseline: {value: 2}\n", "surfaces[0].baseline.value: must be 0 to 1: rewards are"},
  };
  for (const auto& [text, message] : cases) {
    EXPECT_THAT(Load(absl::StrReplaceAll(kGood, {{kLinear, text}})),
                testing::StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(message)))
        << text;
  }
}

TEST(LearningCheck, TermsAreBounded) {
  const auto with = [](size_t segments) {
    std::string list = "[";
    for (size_t i = 0; i < segments; ++i) absl::StrAppend(&list, "s", i, ", ");
    return Load(absl::StrReplaceAll(kGood, {{"[gold, silver]", list + "]"}}));
  };
  FULCRUM_EXPECT_OK(with(LinearPosterior::kTermsMax - 4));
  EXPECT_THAT(with(LinearPosterior::kTermsMax - 3),
              testing::StatusIs(absl::StatusCode::kInvalidArgument,
                                HasSubstr("surfaces[0].linear: 1, the score, segments and "
                                          "context_keys make 31 terms; at most 30")));
}

}  // namespace
}  // namespace fulcrum::config
