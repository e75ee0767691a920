// What Posteriors learn, and that copies do not hear of it.
#include <cmath>
#include <limits>

#include "base/random.h"
#include "scoring/posteriors.h"
#include "tests/support/status_matchers.h"

namespace fulcrum::scoring {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
const LinearSpec kSpec = {.terms = 3, .noise_sd = 0.3, .prior_sd = 0.3, .has_model = true};

Observation Of(std::string_view segment, std::string_view action_id, double reward) {
  return {.surface = "page", .segment = segment, .action_id = action_id, .reward = reward};
}

Observation Of(std::string_view action_id, absl::Span<const double> basis, double reward) {
  return {.surface = "page", .action_id = action_id, .basis = basis, .reward = reward};
}

Posteriors Linear() {
  Posteriors posteriors;
  posteriors.SetLinear("page", kSpec);
  return posteriors;
}

TEST(LearnedCounts, GoToTheSegmentAndToAll) {
  Posteriors posteriors;
  posteriors.Observe(Of("young", "hat", 1));
  posteriors.Observe(Of("old", "hat", 0.25));
  posteriors.Observe(Of("", "hat", 0));
  EXPECT_EQ(posteriors.Find("young", "hat").trials, 1);
  EXPECT_EQ(posteriors.Find("", "hat").trials, 3);
  EXPECT_EQ(posteriors.Find("", "hat").successes, 1.25);
  EXPECT_EQ(posteriors.Find("young", "shoes").trials, 0);
}

// "old" heard of the hat for the first time after one success elsewhere.
TEST(LearnedCounts, AnArmNewToASegmentGoesOnFromAllSegments) {
  Posteriors posteriors;
  posteriors.Set("", "hat", {100, 30});
  const ArmCounts before = posteriors.Find("old", "hat");
  posteriors.Observe(Of("old", "hat", 1));
  EXPECT_EQ(posteriors.Find("old", "hat").trials, before.trials + 1);
  EXPECT_EQ(posteriors.Find("old", "hat").successes, before.successes + 1);
  EXPECT_EQ(posteriors.Find("", "hat").trials, 101);
  posteriors.Observe(Of("young", "hat", 0));
  EXPECT_EQ(posteriors.Find("old", "hat").trials, 101) << "from then on it has its own";
}

TEST(LearnedCounts, RewardsAreLimitedToOneSuccess) {
  Posteriors posteriors;
  posteriors.Observe(Of("", "hat", 7));
  posteriors.Observe(Of("", "hat", -7));
  EXPECT_EQ(posteriors.Find("", "hat").trials, 2);
  EXPECT_EQ(posteriors.Find("", "hat").successes, 1);
  posteriors.Correct(Of("", "hat", 0.5), 7);
  EXPECT_EQ(posteriors.Find("", "hat").successes, 0.5);
}

TEST(LearnedCounts, ACorrectionIsAsIfTheFinalRewardHadComeFirst) {
  base::RandomStream random(3);
  Posteriors at_once;
  Posteriors corrected;
  for (int i = 0; i < 1000; ++i) {
    const double first = 3 * random.NextUniform() - 1;
    const double last = 3 * random.NextUniform() - 1;
    const char* const segment = i % 2 == 0 ? "young" : "";
    at_once.Observe(Of(segment, "hat", last));
    corrected.Observe(Of(segment, "hat", first));
    corrected.Correct(Of(segment, "hat", last), first);
  }
  for (const char* segment : {"young", ""}) {
    EXPECT_EQ(corrected.Find(segment, "hat").trials, at_once.Find(segment, "hat").trials);
    EXPECT_NEAR(corrected.Find(segment, "hat").successes, at_once.Find(segment, "hat").successes,
                1e-10);
  }
  EXPECT_EQ(corrected.ignored(), 0u);
}

// 0.1 + 0.2 - 0.1 - 0.2 is less than nothing.
TEST(LearnedCounts, RoundingMakesNoImpossibleCounts) {
  Posteriors posteriors;
  for (const double reward : {0.1, 0.2}) posteriors.Observe(Of("", "hat", reward));
  for (const double reward : {0.1, 0.2}) posteriors.Correct(Of("", "hat", 0), reward);
  EXPECT_GE(posteriors.Find("", "hat").successes, 0);
  FULCRUM_EXPECT_OK(Posteriors::Parse(posteriors.Serialise()));
}

TEST(LearnedCounts, WhatCannotBeUsedIsCounted) {
  Posteriors posteriors;
  posteriors.Correct(Of("young", "hat", 1), 0);
  EXPECT_EQ(posteriors.ignored(), 1u);
  posteriors.Observe(Of("", "hat", kNan));
  posteriors.Observe(Of("", "hat", 1e13));
  EXPECT_EQ(posteriors.ignored(), 3u);
  EXPECT_EQ(posteriors.size(), 0u);
}

TEST(LearnedLinear, EachArmAndTheNeutralActionHaveTheirOwn) {
  Posteriors posteriors = Linear();
  const std::vector<double> x = {1, 0, 0.5};
  posteriors.Observe(Of("hat", x, 1));
  posteriors.Observe(Of(kNeutralActionId, x, -1));
  ASSERT_EQ(posteriors.linear_size(), 2u);
  const double hat = posteriors.FindLinear("page", "hat")->At(x).mean;
  EXPECT_GT(hat, 0);
  EXPECT_EQ(posteriors.FindLinear("page", kNeutralActionId)->At(x).mean, -hat);
  EXPECT_EQ(posteriors.FindLinear("page", "shoes"), nullptr);
  EXPECT_EQ(posteriors.FindLinear("other", "hat"), nullptr);
  EXPECT_EQ(posteriors.size(), 0u) << "no counts of a linear surface";
}

TEST(LearnedLinear, ObserveAndCorrectAreTheArms) {
  Posteriors posteriors = Linear();
  LinearArm arm(kSpec);
  base::RandomStream random(4);
  for (int i = 0; i < 50; ++i) {
    const std::vector<double> x = {1, random.NextUniform(), random.NextUniform()};
    posteriors.Observe(Of("hat", x, 2));
    posteriors.Correct(Of("hat", x, 0.5), 2);
    arm.Add(kSpec, x, 1, 2);
    arm.Add(kSpec, x, 0, -1.5);
  }
  EXPECT_EQ(posteriors.FindLinear("page", "hat")->sums(), arm.sums());
  EXPECT_EQ(posteriors.Condition(), arm.condition());
}

TEST(LearnedLinear, WhatCannotBeUsedIsCounted) {
  Posteriors posteriors = Linear();
  const std::vector<double> x = {1, 0.5, 0};
  posteriors.Correct(Of("hat", x, 1), 0);  // of an arm not known
  posteriors.Observe(Of("hat", {1, 0.5}, 1));
  posteriors.Observe(Of("hat", absl::Span<const double>(), 1));
  posteriors.Observe(Of("hat", {1, 0.5, 1e5}, 1));
  posteriors.Observe(Of("hat", {1, 0.5, kNan}, 1));
  posteriors.Observe(Of("hat", x, kNan));
  EXPECT_EQ(posteriors.ignored(), 6u);
  EXPECT_EQ(posteriors.linear_size(), 0u);
  posteriors.Observe(Of("hat", x, 1));
  posteriors.Correct(Of("hat", {1, 0.5, 1e5}, 1), 0);
  EXPECT_EQ(posteriors.ignored(), 7u);
  EXPECT_EQ(posteriors.ill_conditioned(), 0u);
}

TEST(LearnedLinear, FactorsThatCannotFollowAreCounted) {
  Posteriors posteriors;
  posteriors.SetLinear("page", {.terms = 2, .noise_sd = 1, .prior_sd = 1, .has_model = false});
  const std::vector<double> large = {1, 9999};
  for (int i = 0; i < 20'000; ++i) posteriors.Observe(Of("hat", large, 1));
  EXPECT_GT(posteriors.ill_conditioned(), 5'000u);
  EXPECT_LE(posteriors.Condition(), LinearArm::kConditionMax);
  const auto read = Posteriors::Parse(posteriors.Serialise());
  FULCRUM_ASSERT_OK(read);
  EXPECT_EQ(read->Serialise(), posteriors.Serialise());
  EXPECT_EQ(read->FindLinear("page", "hat")->At(large).mean,
            posteriors.FindLinear("page", "hat")->At(large).mean);
}

TEST(LearnedLinear, AnotherPriorNeedsNoNewFold) {
  Posteriors changed = Linear();
  Posteriors fresh;
  LinearSpec other = kSpec;
  other.noise_sd = 1;
  other.has_model = false;
  fresh.SetLinear("page", other);
  const std::vector<double> x = {1, 0.5, 2};
  for (Posteriors* posteriors : {&changed, &fresh}) posteriors->Observe(Of("hat", x, 1));
  EXPECT_NE(changed.Serialise(), fresh.Serialise());
  changed.SetLinear("page", other);
  EXPECT_EQ(changed.Serialise(), fresh.Serialise());
  EXPECT_EQ(changed.FindLinear("page", "hat")->At(x).mean,
            fresh.FindLinear("page", "hat")->At(x).mean);
  other.terms = 4;
  changed.SetLinear("page", other);
  EXPECT_EQ(changed.linear_size(), 0u) << "other terms mean other coefficients";
}

TEST(LearnedLinear, TheSurfacesAreTheBundles) {
  config::Bundle bundle;
  bundle.surfaces.resize(2);
  bundle.surfaces[0].id = "page";
  bundle.surfaces[0].linear = config::LinearPosterior{.context_keys = {"hour"}};
  bundle.surfaces[1].id = "mail";
  Posteriors posteriors = Linear();
  posteriors.SetLinear("mail", kSpec);
  posteriors.Observe(Of("hat", {1, 0, 2}, 1));
  posteriors.SetSurfaces(bundle, true);
  EXPECT_EQ(*posteriors.FindSpec("page"), kSpec);
  EXPECT_EQ(posteriors.FindSpec("mail"), nullptr);
  EXPECT_NE(posteriors.FindLinear("page", "hat"), nullptr);
}

// Going on from a snapshot is going on.
TEST(LearnedPosteriors, BitsDoNotDependOnRestarts) {
  base::RandomStream random(5);
  Posteriors straight = Linear();
  Posteriors restarted = Linear();
  for (int i = 0; i < 400; ++i) {
    const std::vector<double> x = {1, random.NextUniform(), 2 * random.NextUniform() - 1};
    const char* const arm = i % 3 == 0 ? "hat" : "none";
    const double reward = random.NextUniform();
    for (Posteriors* posteriors : {&straight, &restarted}) {
      posteriors->Observe(Of(arm, x, reward));
      posteriors->Observe({.surface = "mail", .segment = "s", .action_id = arm, .reward = reward});
      if (i % 5 == 0) posteriors->Correct(Of(arm, x, 0), reward);
    }
    if (i % 37 != 0) continue;
    auto read = Posteriors::Parse(restarted.Serialise());
    FULCRUM_ASSERT_OK(read);
    restarted = *std::move(read);
    const Posteriors published = straight;
  }
  EXPECT_EQ(straight.Serialise(), restarted.Serialise());
}

TEST(LearnedPosteriors, CopiesAreIsolated) {
  Posteriors posteriors = Linear();
  const std::vector<double> x = {1, 0.5, 0};
  const Observation linear = Of("hat", x, 1);
  const Observation counted = {
      .surface = "mail", .segment = "young", .action_id = "hat", .reward = 1};
  posteriors.Observe(linear);
  posteriors.Observe(counted);
  const std::string before = posteriors.Serialise();

  const Posteriors published = posteriors;
  Posteriors other = published;
  EXPECT_EQ(published.FindLinear("page", "hat"), posteriors.FindLinear("page", "hat"))
      << "shared while nobody writes";
  for (int i = 0; i < 3; ++i) {
    posteriors.Observe(linear);
    posteriors.Observe(counted);
    posteriors.Correct(counted, 0);
  }
  other.Observe({.surface = "mail", .segment = "old", .action_id = "shoes", .reward = 1});
  EXPECT_EQ(published.Serialise(), before);
  EXPECT_EQ(other.Find("young", "hat").trials, 1);
  EXPECT_EQ(posteriors.Find("young", "hat").trials, 4);
  EXPECT_EQ(posteriors.Find("", "shoes").trials, 0);
}

// Of what half of the users look at, half of a trial is seen.
TEST(LearnedPosteriors, CountAsMuchOfATrialAsWasLookedAt) {
  Posteriors posteriors;
  posteriors.SetValue("till", 100);
  posteriors.SetLinear("line", {.terms = 2, .noise_sd = 0.3, .prior_sd = 1e3});
  for (int i = 0; i < 100; ++i) {
    const double reward = i % 10 == 0 ? 1 : 0;
    posteriors.Observe({"page", "", "hat", {}, reward, 0, 0.5});
    posteriors.Observe({"till", "", "hat", {}, 20 * reward, 0, 0.5});
    const std::vector<double> x = {1, 0};
    posteriors.Observe({"line", "", "hat", x, 20 * reward, 0, 0.5});
  }
  EXPECT_EQ(posteriors.Find("", "hat").trials, 50);
  EXPECT_EQ(posteriors.Find("", "hat").successes, 10);
  EXPECT_EQ(posteriors.FindValues("till")->Find("", "hat").trials, 50);
  EXPECT_EQ(posteriors.FindValues("till")->Find("", "hat").amount, 200);
  EXPECT_NEAR(posteriors.FindLinear("line", "hat")->At({1, 0}).mean, 4, 1e-4);
  // A refund takes the success, not the look.
  posteriors.Correct({"page", "", "hat", {}, 0, 0, 0.5}, 1);
  posteriors.Correct({"line", "", "hat", std::vector<double>{1, 0}, 0, 0, 0.5}, 20);
  EXPECT_EQ(posteriors.Find("", "hat").trials, 50);
  EXPECT_EQ(posteriors.Find("", "hat").successes, 9);
  EXPECT_NEAR(posteriors.FindLinear("line", "hat")->At({1, 0}).mean, 3.6, 1e-4);
}

// Few look, and by luck each of them liked it: no failures are left, and none are invented.
TEST(LearnedPosteriors, MoreSuccessesThanTrialsAreNoFailures) {
  Posteriors posteriors;
  for (int i = 0; i < 3; ++i) posteriors.Observe({"page", "", "hat", {}, 1, 0, 0.1});
  EXPECT_NEAR(posteriors.Find("", "hat").trials, 0.3, 1e-15);
  EXPECT_EQ(posteriors.Find("", "hat").successes, 3);
  EXPECT_EQ(posteriors.Find("", "hat").Failures(), 0);
  const auto read = Posteriors::Parse(posteriors.Serialise());
  FULCRUM_ASSERT_OK(read);
  EXPECT_EQ(read->Find("", "hat"), posteriors.Find("", "hat"));
}

}  // namespace
}  // namespace fulcrum::scoring
