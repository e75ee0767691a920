// Posteriors that forget, against sums over all that was ever observed.
#include <cmath>
#include <vector>

#include "base/random.h"
#include "scoring/posteriors.h"
#include "tests/support/status_matchers.h"

namespace fulcrum::scoring {
namespace {

constexpr int64_t kHour = 3'600'000'000;
constexpr int64_t kDay = 24 * kHour;
constexpr int64_t kStart = 1'574'553'600'000'000;

struct Seen {
  std::string segment;
  int64_t time = 0;
  double reward = 0;
  double x = 0;
};

config::Bundle TwoSurfaces() {
  config::Bundle bundle;
  bundle.surfaces.resize(2);
  bundle.surfaces[0].id = "lined";
  bundle.surfaces[0].linear.emplace();
  bundle.surfaces[0].forgetting = absl::Hours(24);
  bundle.surfaces[1].id = "page";
  bundle.surfaces[1].forgetting = absl::Hours(24);
  return bundle;
}

void Observe(const Seen& seen, Posteriors* to) {
  to->Observe({"page", seen.segment, "hat", {}, seen.reward, seen.time});
  const std::vector<double> x = {1, seen.x};
  to->Observe({"lined", seen.segment, "hat", x, seen.reward, seen.time});
}

// 500 observations over 150 half-lives, late by up to two of them, and restarts in between.
class Forgetting : public ::testing::Test {
 protected:
  void Run(bool restart) {
    posteriors_.SetSurfaces(TwoSurfaces(), true);
    base::RandomStream random(5);
    now_ = kStart;
    for (int i = 0; i < 500; ++i) {
      now_ += static_cast<int64_t>(random.NextUniform() * 0.6 * kDay);
      posteriors_.AdvanceTo(now_);
      Seen seen;
      seen.segment = "";
      seen.time = now_ - static_cast<int64_t>(random.NextUniform() * 2 * kDay);
      seen.reward = random.NextUniform();
      seen.x = random.NextUniform();
      Observe(seen, &posteriors_);
      seen_.push_back(seen);
      if (restart && i % 7 == 0) {
        auto again = Posteriors::Parse(posteriors_.Serialise());
        FULCRUM_ASSERT_OK(again);
        posteriors_ = *std::move(again);
      }
    }
  }
  // Of what is older than the last step.
  double WeightOf(const Seen& seen) const {
    const int64_t step = kDay / 32;
    const int64_t landmark = seen_first_ + (now_ - seen_first_) / step * step;
    return std::exp2(static_cast<double>(seen.time - landmark) / kDay);
  }

  Posteriors posteriors_;
  std::vector<Seen> seen_;
  int64_t now_ = 0;
  int64_t seen_first_ = 0;
};

TEST_F(Forgetting, CountsAreTheWeighedSums) {
  Run(false);
  seen_first_ = posteriors_.CountsOf(kDay).decay().landmark_us();
  double trials = 0;
  double successes = 0;
  for (const Seen& seen : seen_) {
    trials += WeightOf(seen);
    successes += WeightOf(seen) * seen.reward;
  }
  const ArmCounts counts = posteriors_.CountsOf(kDay).Find("", "hat");
  EXPECT_NEAR(counts.trials, trials, 1e-12 * trials);
  EXPECT_NEAR(counts.successes, successes, 1e-12 * successes);
  EXPECT_EQ(posteriors_.Find("", "hat").trials, 500) << "of those that forget nothing";
  EXPECT_LT(trials, 10);
}

TEST_F(Forgetting, ALinearArmIsTheWeighedRegression) {
  Run(false);
  seen_first_ = posteriors_.CountsOf(kDay).decay().landmark_us();
  const double prior = 1 / (0.3 * 0.3);
  const double noise = 1 / (0.3 * 0.3);
  double p00 = prior;
  double p01 = 0;
  double p11 = prior;
  double h0 = 0;
  double h1 = prior;  // the model's score is expected
  for (const Seen& seen : seen_) {
    const double weight = WeightOf(seen) * noise;
    p00 += weight;
    p01 += weight * seen.x;
    p11 += weight * seen.x * seen.x;
    h0 += weight * seen.reward;
    h1 += weight * seen.reward * seen.x;
  }
  const double determinant = p00 * p11 - p01 * p01;
  const double x = 0.7;
  const double mean = ((p11 * h0 - p01 * h1) + x * (p00 * h1 - p01 * h0)) / determinant;
  const double variance = (p11 - 2 * x * p01 + x * x * p00) / determinant;
  const std::vector<double> at = {1, x};
  const Belief belief = posteriors_.FindLinear("lined", "hat")->At(at);
  EXPECT_NEAR(belief.mean, mean, 1e-11);
  EXPECT_NEAR(belief.sd, std::sqrt(variance), 1e-11);
}

TEST_F(Forgetting, ARestartLeavesNoTrace) {
  Run(false);
  const std::string straight = posteriors_.Serialise();
  posteriors_ = Posteriors();
  Run(true);
  EXPECT_EQ(posteriors_.Serialise(), straight);
  const std::vector<double> x = {1, 0.3};
  const auto again = Posteriors::Parse(straight);
  FULCRUM_ASSERT_OK(again);
  EXPECT_EQ(again->FindLinear("lined", "hat")->At(x).mean,
            posteriors_.FindLinear("lined", "hat")->At(x).mean);
}

// In any order: what comes late counts as if it had come in time.
TEST_F(Forgetting, LateEvidenceWeighsAsIfInTime) {
  Run(false);
  Posteriors backwards;
  backwards.SetSurfaces(TwoSurfaces(), true);
  backwards.AdvanceTo(kStart);
  backwards.AdvanceTo(now_);
  for (size_t i = seen_.size(); i > 0; --i) Observe(seen_[i - 1], &backwards);
  const double trials = posteriors_.CountsOf(kDay).Find("", "hat").trials;
  // The landmarks differ, and so does by up to a step what is called now.
  EXPECT_NEAR(backwards.CountsOf(kDay).Find("", "hat").trials / trials, 1, 0.022);
}

TEST_F(Forgetting, WhatIsOldIsThePriorAgain) {
  Run(false);
  EXPECT_TRUE(posteriors_.AdvanceTo(now_ + 200 * kDay));
  EXPECT_LT(posteriors_.CountsOf(kDay).Find("", "hat").trials, 1e-50);
  const std::vector<double> x = {1, 0.3};
  const Belief prior = PriorBelief(0.3, x);
  EXPECT_NEAR(posteriors_.FindLinear("lined", "hat")->At(x).mean, prior.mean, 1e-12);
  EXPECT_NEAR(posteriors_.FindLinear("lined", "hat")->At(x).sd, prior.sd, 1e-12);
  EXPECT_FALSE(posteriors_.AdvanceTo(now_)) << "time does not go back";
}

TEST_F(Forgetting, ACorrectionTakesBackWhatWasAdded) {
  posteriors_.SetSurfaces(TwoSurfaces(), true);
  posteriors_.AdvanceTo(kStart);
  Observe({"", kStart, 0.25, 0.5}, &posteriors_);
  Posteriors without = posteriors_;
  without.AdvanceTo(kStart + 3 * kDay);
  Observe({"", kStart + kHour, 0, 0.5}, &without);

  Observe({"", kStart + kHour, 1, 0.5}, &posteriors_);
  posteriors_.AdvanceTo(kStart + 3 * kDay);
  const std::vector<double> x = {1, 0.5};
  posteriors_.Correct({"page", "", "hat", {}, 0, kStart + kHour}, 1);
  posteriors_.Correct({"lined", "", "hat", x, 0, kStart + kHour}, 1);
  EXPECT_DOUBLE_EQ(posteriors_.CountsOf(kDay).Find("", "hat").successes,
                   without.CountsOf(kDay).Find("", "hat").successes);
  EXPECT_DOUBLE_EQ(posteriors_.FindLinear("lined", "hat")->At(x).mean,
                   without.FindLinear("lined", "hat")->At(x).mean);
  EXPECT_EQ(posteriors_.ignored(), 0u);
}

// They age from the first decision that is told.
TEST_F(Forgetting, TheModelsCountsAgeToo) {
  posteriors_.Set("", "hat", {100, 10});
  posteriors_.SetSurfaces(TwoSurfaces(), true);
  posteriors_.AdvanceTo(kStart, /*counts_too=*/false);
  posteriors_.AdvanceTo(kStart + 5 * kDay);
  EXPECT_EQ(posteriors_.CountsOf(kDay).Find("", "hat").trials, 100);
  posteriors_.AdvanceTo(kStart + 6 * kDay);
  EXPECT_EQ(posteriors_.CountsOf(kDay).Find("", "hat").trials, 50);
  EXPECT_EQ(posteriors_.CountsOf(kDay).Find("", "hat").successes, 5);
  EXPECT_EQ(posteriors_.Find("", "hat").trials, 100);
}

TEST_F(Forgetting, AmountsAreWeighedLikeCounts) {
  config::Bundle bundle = TwoSurfaces();
  bundle.surfaces[1].value = config::ValuePosterior{.cap = 100};
  posteriors_.SetSurfaces(bundle, false);
  posteriors_.AdvanceTo(kStart);
  posteriors_.Observe({"page", "new", "hat", {}, 30, kStart});
  posteriors_.Observe({"page", "new", "hat", {}, 0, kStart});
  posteriors_.AdvanceTo(kStart + kDay);
  posteriors_.Observe({"page", "new", "hat", {}, 250, kStart + kDay});
  const ArmBook& book = *posteriors_.FindValues("page");
  EXPECT_EQ(book.Find("new", "hat"), (ArmCounts{2, 1.5, 115, 10450}));
  EXPECT_EQ(posteriors_.capped(), 1u);
  EXPECT_EQ(posteriors_.Find("new", "hat").trials, 0) << "amounts are no counts";
  // A partial refund, then the rest; each takes back what was added, cap and age and all.
  posteriors_.Correct({"page", "new", "hat", {}, 60, kStart + kDay}, 250);
  EXPECT_EQ(book.Find("new", "hat"), (ArmCounts{2, 1.5, 75, 4050}));
  posteriors_.Correct({"page", "new", "hat", {}, 0, kStart + kDay}, 60);
  EXPECT_EQ(book.Find("new", "hat"), (ArmCounts{2, 0.5, 15, 450}));
  posteriors_.Correct({"page", "new", "hat", {}, 0, kStart}, 30);
  EXPECT_EQ(book.Find("", "hat"), (ArmCounts{2, 0, 0, 0}));
  EXPECT_EQ(posteriors_.ignored(), 0u);
}

TEST_F(Forgetting, EachHalfLifeWeighsForItself) {
  config::Bundle bundle = TwoSurfaces();
  bundle.surfaces[0].linear.reset();
  bundle.surfaces[0].forgetting = absl::Hours(1);
  posteriors_.SetSurfaces(bundle, false);
  posteriors_.AdvanceTo(kStart);
  posteriors_.Observe({"lined", "", "hat", {}, 1, kStart});
  posteriors_.Observe({"page", "", "hat", {}, 1, kStart});
  posteriors_.AdvanceTo(kStart + kDay);
  EXPECT_EQ(posteriors_.CountsOf(kDay).Find("", "hat").trials, 1);
  EXPECT_EQ(posteriors_.CountsOf(kHour).Find("", "hat").trials, std::ldexp(2, -24));
  EXPECT_EQ(posteriors_.CountsOf(7).Find("", "hat").trials, 2) << "unknown: nothing is forgotten";
}

}  // namespace
}  // namespace fulcrum::scoring
