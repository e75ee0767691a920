// Policies of surfaces: each kind with its parameter, and a parameter that nobody reads.
#include "config/policy_check.h"

#include "absl/strings/str_cat.h"
#include "config/loader.h"
#include "gmock/gmock.h"
#include "tests/support/status_matchers.h"

namespace fulcrum::config {
namespace {

using ::testing::HasSubstr;

absl::StatusOr<std::shared_ptr<const Bundle>> Load(const std::string& policy, Problems* problems) {
  const std::string text = absl::StrCat(
      "surfaces:\n  - id: home\n    campaigns: [house]\n", policy,
      "campaigns:\n  - {id: house, account: shop, currency: EUR, actions: [{id: magazine}]}\n");
  return BuildBundle(base::PosixFileSystem(), {{"a.yaml", text}}, "/nowhere", problems);
}

Policy PolicyOf(const std::string& policy) {
  Problems problems;
  const auto bundle = Load(policy.empty() ? "" : "    policy: " + policy + "\n", &problems);
  EXPECT_THAT(bundle, testing::IsOk()) << policy;
  return bundle.ok() ? (*bundle)->surfaces[0].choice.policy : Policy{};
}

TEST(PolicyCheck, EachKindWithItsParameter) {
  EXPECT_EQ(PolicyOf(""), Policy{});
  EXPECT_EQ(PolicyOf("{}"), Policy{});
  EXPECT_EQ(PolicyOf("{kind: thompson}"), Policy{});
  EXPECT_EQ(PolicyOf("{kind: greedy}"), (Policy{PolicyKind::kGreedy, 0}));
  EXPECT_EQ(PolicyOf("{kind: epsilon_greedy}"), (Policy{PolicyKind::kEpsilonGreedy, 0.1}));
  EXPECT_EQ(PolicyOf("{kind: epsilon_greedy, epsilon: 0}"),
            (Policy{PolicyKind::kEpsilonGreedy, 0}));
  EXPECT_EQ(PolicyOf("{kind: softmax, temperature: 0.5}"), (Policy{PolicyKind::kSoftmax, 0.5}));
  EXPECT_EQ(PolicyOf("{kind: upper_bound, width: 2}"), (Policy{PolicyKind::kUpperBound, 2}));
  EXPECT_EQ(PolicyOf("{kind: inverse_gap}"), (Policy{PolicyKind::kInverseGap, 1000}));
  EXPECT_EQ(PolicyOf("{kind: top_two, beta: 0.25}"), (Policy{PolicyKind::kTopTwo, 0.25}));
  EXPECT_EQ(PolicyOf("{uncertainty: -1.5}"), (Policy{PolicyKind::kThompson, 0, -1.5}));
  EXPECT_EQ(PolicyOf("{kind: fixed_shares, shares: [{action: magazine, share: 1}]}"),
            (Policy{PolicyKind::kFixedShares, 0}));
}

TEST(PolicyCheck, WhatCannotWorkIsRefusedWithPlaceAndRemedy) {
  const std::pair<const char*, const char*> cases[] = {
      {"{kind: greedy, epsilon: 0.1}", "policy.epsilon: only 'kind: epsilon_greedy' reads it"},
      {"{temperature: 0.1}", "policy.temperature: only 'kind: softmax' reads it"},
      {"{kind: softmax, temperature: 0}", "policy.temperature"},
      {"{kind: top_two, beta: 1.5}", "policy.beta"},
      {"{kind: top_to}", "top_two"},
      {"{kind: upper_bound, widht: 1}", "width"},
      {"{kind: greedy, uncertainty: -11}", "policy.uncertainty"},
      {"{kind: fixed_shares}", "policy: 'kind: fixed_shares' draws nothing without 'shares'"},
      {"{kind: fixed_shares, shares: [{action: magazin, share: 1}]}",
       "policy.shares[0].action: the surface has no action 'magazin'; the nearest valid name is "
       "'magazine'"},
      {"{kind: fixed_shares, shares: [{action: none, share: -1}]}", "shares[0].share"},
      {"{kind: fixed_shares, shares: [{action: none, share: 1}, {action: none, share: 2}]}",
       "shares[1].action: 'none' is given twice"},
      {"{shares: [{action: none, share: 1}]}", "policy.shares: only 'kind: fixed_shares' reads it"},
  };
  for (const auto& [policy, expected] : cases) {
    Problems problems;
    EXPECT_FALSE(Load(absl::StrCat("    policy: ", policy, "\n"), &problems).ok()) << policy;
    const std::string told(problems.ToStatus().message());
    EXPECT_THAT(told, HasSubstr(expected)) << policy;
    EXPECT_THAT(told, HasSubstr("a.yaml:4")) << policy;
  }
}

// The surface, with these lines; context keys `country` (text) and `hour` (number).
std::shared_ptr<const Bundle> Surface(const std::string& lines, std::string* told) {
  Problems problems;
  const std::string text = absl::StrCat(
      "surfaces:\n  - id: home\n    campaigns: [house]\n", lines,
      "campaigns:\n  - id: house\n    account: shop\n    currency: EUR\n"
      "    actions: [{id: magazine}, {id: poster}]\n"
      "context_keys: [{name: country, type: text}, {name: hour}]\n"
      "feature_views: [{name: u, entity: user, features: [{name: state, type: text}]}]\n");
  auto bundle = BuildBundle(base::PosixFileSystem(), {{"a.yaml", text}}, "/nowhere", &problems);
  *told = std::string(problems.ToStatus().message());
  return bundle.ok() ? *bundle : nullptr;
}

TEST(ChoiceCheck, BandsRegionsAndShadowsAreResolved) {
  std::string told;
  const auto bundle = Surface(
      "    exploration_floor: 0.05\n"
      "    policy: {kind: fixed_shares, shares: [{action: poster, share: 3}]}\n"
      "    bands: [{action: poster, max: 0.6}, {action: none, min: 0.1}]\n"
      "    region_key: context.country\n    regions:\n"
      "      - {region: FR, policy: {kind: greedy}}\n"
      "      - {region: DE, exploration_floor: 0, bands: [{action: magazine, min: 0.5, max: "
      "0.5}]}\n"
      "    holdout: {share: 0.25, experiment: total}\n"
      "    shadows: [{id: best, policy: {kind: greedy}, exploration_floor: 0}]\n",
      &told);
  ASSERT_NE(bundle, nullptr) << told;
  const auto& surface = bundle->surfaces[0];
  EXPECT_EQ(surface.region_context_key, "country");
  EXPECT_EQ(surface.region_feature, "");
  EXPECT_EQ(surface.mode, Mode::kLive);
  const Choice& own = surface.ChoiceIn("IT");
  EXPECT_EQ(&own, &surface.choice);
  EXPECT_EQ(own.ShareOf(bundle->action_index.at("poster")), (Share{3, 0, 0.6}));
  EXPECT_EQ(own.ShareOf(bundle->action_index.at("magazine")), Share{});
  EXPECT_EQ(own.ShareOf(kNeutralAction), (Share{0, 0.1, 1}));
  const Choice& french = surface.ChoiceIn("FR");
  EXPECT_EQ(french.policy, (Policy{PolicyKind::kGreedy, 0}));
  EXPECT_EQ(french.exploration_floor, 0.05);
  EXPECT_EQ(french.ShareOf(kNeutralAction), (Share{0, 0.1, 1}));
  const Choice& german = surface.ChoiceIn("DE");
  EXPECT_EQ(german.policy.kind, PolicyKind::kFixedShares);
  EXPECT_EQ(german.exploration_floor, 0);
  EXPECT_EQ(german.ShareOf(kNeutralAction), Share{});
  EXPECT_EQ(german.ShareOf(bundle->action_index.at("poster")), (Share{3, 0, 1}));
  EXPECT_EQ(german.ShareOf(bundle->action_index.at("magazine")), (Share{0, 0.5, 0.5}));
  EXPECT_EQ(surface.holdout->ticks, kTicksTotal / 4);
  EXPECT_EQ(surface.holdout->experiment, "total");
  EXPECT_EQ(surface.shadows[0].policy.kind, PolicyKind::kGreedy);
}

TEST(ChoiceCheck, CautiousModeIsResolvedWithAndWithoutSettings) {
  std::string told;
  const auto plain = Surface("    mode: cautious\n", &told);
  ASSERT_NE(plain, nullptr) << told;
  EXPECT_EQ(plain->surfaces[0].actions_max, 3u);
  EXPECT_EQ(plain->surfaces[0].choice.exploration_floor, 0.005);
  EXPECT_EQ(plain->surfaces[0].choice.policy.uncertainty, -1);
  const auto bundle = Surface(
      "    mode: cautious\n    exploration_floor: 0.001\n    policy: {uncertainty: -9.5}\n"
      "    caution: {actions_max: 1}\n    region_key: user.state\n"
      "    regions: [{region: x, exploration_floor: 1}]\n",
      &told);
  ASSERT_NE(bundle, nullptr) << told;
  EXPECT_EQ(bundle->surfaces[0].actions_max, 1u);
  EXPECT_EQ(bundle->surfaces[0].choice.exploration_floor, 0.001);
  EXPECT_EQ(bundle->surfaces[0].choice.policy.uncertainty, -10);
  EXPECT_EQ(bundle->surfaces[0].ChoiceIn("x").exploration_floor, 0.005);
  EXPECT_EQ(bundle->surfaces[0].region_feature, "state");
}

TEST(ChoiceCheck, ABundleFromBeforeKeepsItsVersion) {
  std::string told;
  const auto before = Surface("", &told);
  const auto now = Surface("    mode: live\n", &told);
  ASSERT_TRUE(before != nullptr && now != nullptr) << told;
  EXPECT_EQ(before->version, now->version);
  EXPECT_NE(before->version, Surface("    mode: log_only\n", &told)->version);
}

TEST(ChoiceCheck, WhatDoesNotFitIsRefusedWithPlaceAndRemedy) {
  const std::pair<const char*, const char*> cases[] = {
      {"bands: [{action: x}]", "bands[0].action: the surface has no action 'x'"},
      {"bands: [{action: poster, min: 0.5, max: 0.4}]", "bands[0].min: larger than its 'max', 0.4"},
      {"bands: [{action: poster, min: 0.7}, {action: none, min: 0.29}]",
       "bands: the least probabilities and the exploration floor sum to 1.01"},
      {"bands: [{action: poster, min: 1.5}]", "bands[0].min: must be 0 to 1"},
      {"bands: [{action: poster}, {action: poster}]", "bands[1].action: 'poster' is given twice"},
      {"regions: [{region: DE}]", "regions: nothing says where a request's region is found"},
      {"region_key: country", "region_key: expected 'user.FEATURE' or 'context.KEY'"},
      {"region_key: context.hour", "there is no context key of type text 'hour'"},
      {"region_key: user.stat", "the nearest valid name is 'state'"},
      {"mode: aprentice", "apprentice"},
      {"holdout: {share: 0.1}", "holdout needs 'experiment'"},
      {"holdout: {share: 1.1, experiment: a}", "holdout.share"},
      {"shadows: [{id: a}, {id: a}]", "shadows[1].id: 'a' is given twice"},
      {"shadows: [{id: a, policy: {kind: fixed_shares, shares: [{action: none, share: 1}]}}]",
       "a shadow has no shares of its own"},
      {"caution: {actions_max: 0}", "caution.actions_max"},
      {"diversity: {full_supply: 2}", "diversity needs 'gamma'"},
      {"diversity: {gamma: -1}", "diversity.gamma"},
  };
  for (const auto& [line, expected] : cases) {
    std::string told;
    EXPECT_EQ(Surface(absl::StrCat("    ", line, "\n"), &told), nullptr) << line;
    EXPECT_THAT(told, HasSubstr(expected)) << line;
    EXPECT_THAT(told, HasSubstr("a.yaml:4")) << line;
  }
  std::string told;
  EXPECT_EQ(Surface("    region_key: user.state\n    bands: [{action: none, min: 0.9}]\n"
                    "    regions: [{region: x, exploration_floor: 0.2}]\n",
                    &told),
            nullptr);
  EXPECT_THAT(told, HasSubstr("regions[0].exploration_floor: the least probabilities"));
  EXPECT_EQ(Surface("    region_key: user.state\n    regions: [{region: x}, {region: x}]\n", &told),
            nullptr);
  EXPECT_THAT(told, HasSubstr("regions[1].region: 'x' is given twice"));
}

absl::StatusOr<std::shared_ptr<const Bundle>> WithActions(const std::string& actions,
                                                          Problems* problems) {
  return BuildBundle(
      base::PosixFileSystem(),
      {{"a.yaml", absl::StrCat("surfaces: [{id: home, campaigns: [house]}]\n"
                               "campaigns:\n  - {id: house, account: shop, currency: "
                               "EUR,\n     actions: [",
                               actions, "]}\n")}},
      "/nowhere", problems);
}

TEST(LikenessCheck, VectorsAreBroughtToLengthOne) {
  Problems problems;
  const auto bundle = WithActions(
      "{id: a, categories: [z, b], vector: [3, -4]}, {id: b, vector: [0, 2]}, {id: c}", &problems);
  ASSERT_THAT(bundle, testing::IsOk());
  EXPECT_EQ((*bundle)->actions[0].categories, (std::vector<std::string>{"b", "z"}));
  EXPECT_EQ((*bundle)->actions[0].vector, (std::vector<double>{0.6, -0.8}));
  EXPECT_EQ((*bundle)->actions[1].vector, (std::vector<double>{0, 1}));
}

TEST(LikenessCheck, WhatHasNoLikenessIsRefused) {
  const std::pair<const char*, const char*> cases[] = {
      {"{id: a, vector: [0, 0]}", "actions[0].vector: has no direction"},
      {"{id: a, vector: [1e200]}", "actions[0].vector: has no direction"},
      {"{id: a, vector: [1]}, {id: b, vector: [1, 2]}",
       "actions[1].vector: 2 numbers; all vectors have as many"},
      {"{id: a, categories: [x, x]}", "actions[0].categories: a category is given twice"},
      {"{id: a, categories: [X]}", "actions[0].categories[0]"},
  };
  for (const auto& [actions, expected] : cases) {
    Problems problems;
    EXPECT_FALSE(WithActions(actions, &problems).ok()) << actions;
    EXPECT_THAT(std::string(problems.ToStatus().message()), HasSubstr(expected)) << actions;
  }
}

}  // namespace
}  // namespace fulcrum::config
