// The policies a simulation asks for, from their text to what the service does.
#include "simulation/served_policy.h"

#include "simulation/in_process.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace fulcrum::simulation {
namespace {

using ::fulcrum::testing::StatusIs;
using ::testing::HasSubstr;

// The first decision of the world under a policy.
absl::StatusOr<DecisionRecord> Decide(const ServedPolicy& policy) {
  const World world = *FindWorld("stationary");
  const testing::TemporaryDirectory temporary;
  const base::SystemClock clock;
  InProcessOptions options;
  options.directory = temporary.path();
  options.bundle.policy = PolicyYaml(policy);
  options.bundle.exploration_floor = policy.exploration_floor;
  options.clock = &clock;
  auto path = InProcess::Start(world, options);
  if (!path.ok()) return path.status();
  return (*path)->Decide(Visits(world, 1, kUsersDefault).Next(),
                         std::make_shared<const scoring::Posteriors>((*path)->start()));
}

struct Case {
  const char* text;
  Policy policy;
  double floor;
};

TEST(ServedPolicy, IsWhatTheServiceDecidesBy) {
  constexpr Case kCases[] = {
      {"thompson", {PolicyKind::kThompson, 0}, 0.02},
      {"greedy@0.1", {PolicyKind::kGreedy, 0}, 0.1},
      {"epsilon_greedy:0.3@0", {PolicyKind::kEpsilonGreedy, 0.3}, 0},
      {"softmax:0.05", {PolicyKind::kSoftmax, 0.05}, 0.02},
      {"upper_bound:2", {PolicyKind::kUpperBound, 2}, 0.02},
      {"inverse_gap:50", {PolicyKind::kInverseGap, 50}, 0.02},
      {"top_two:0.25@1", {PolicyKind::kTopTwo, 0.25}, 1},
      {"uniform", {PolicyKind::kEpsilonGreedy, 1}, 0.02},
  };
  for (const Case& expected : kCases) {
    const auto policy = ParsePolicy(expected.text);
    FULCRUM_ASSERT_OK(policy);
    EXPECT_EQ(policy->text, expected.text);
    const auto record = Decide(*policy);
    FULCRUM_ASSERT_OK(record);
    EXPECT_EQ(record->policy, expected.policy) << expected.text;
    EXPECT_EQ(record->exploration_floor, expected.floor) << expected.text;
  }
}

TEST(ServedPolicy, WithoutAParameterItIsTheBundlesDefault) {
  const auto record = Decide(*ParsePolicy("softmax"));
  FULCRUM_ASSERT_OK(record);
  EXPECT_EQ(record->policy, (Policy{PolicyKind::kSoftmax, 0.01}));
}

TEST(ServedPolicy, WhatIsNoneIsRefusedByName) {
  const auto refused = [](const char* text, const char* why) {
    EXPECT_THAT(ParsePolicy(text).status(),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(why)))
        << text;
  };
  refused("oracle", "thompson, greedy, epsilon_greedy");
  refused("", "there are: thompson");
  refused("greedy:1", "has no parameter");
  refused("uniform:1", "has no parameter");
  refused("softmax:hot", "temperature is not a number");
  refused("softmax:", "temperature is not a number");
  refused("thompson@", "the exploration floor");
  refused("thompson@a", "the exploration floor");
}

TEST(ServedPolicy, RangesAreTheBundlesToCheck) {
  EXPECT_FALSE(Decide(*ParsePolicy("epsilon_greedy:2")).ok());
  EXPECT_FALSE(Decide(*ParsePolicy("softmax:nan")).ok());
  EXPECT_FALSE(Decide(*ParsePolicy("thompson@1.5")).ok());
}

}  // namespace
}  // namespace fulcrum::simulation
