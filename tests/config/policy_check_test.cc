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
  return bundle.ok() ? (*bundle)->surfaces[0].policy : Policy{};
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
}

TEST(PolicyCheck, WhatCannotWorkIsRefusedWithPlaceAndRemedy) {
  const std::pair<const char*, const char*> cases[] = {
      {"{kind: greedy, epsilon: 0.1}", "policy.epsilon: only 'kind: epsilon_greedy' reads it"},
      {"{temperature: 0.1}", "policy.temperature: only 'kind: softmax' reads it"},
      {"{kind: softmax, temperature: 0}", "policy.temperature"},
      {"{kind: top_two, beta: 1.5}", "policy.beta"},
      {"{kind: top_to}", "top_two"},
      {"{kind: upper_bound, widht: 1}", "width"},
  };
  for (const auto& [policy, expected] : cases) {
    Problems problems;
    EXPECT_FALSE(Load(absl::StrCat("    policy: ", policy, "\n"), &problems).ok()) << policy;
    const std::string told(problems.ToStatus().message());
    EXPECT_THAT(told, HasSubstr(expected)) << policy;
    EXPECT_THAT(told, HasSubstr("a.yaml:4")) << policy;
  }
}

}  // namespace
}  // namespace fulcrum::config
