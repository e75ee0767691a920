#include "learning/outcome_fold.h"

#include <cmath>

#include "base/hash.h"
#include "tests/learning/learning_fixture.h"

namespace fulcrum::learning {
namespace {

using ::fulcrum::testing::StatusIs;
using ::testing::_;

void Apply(OutcomeFold* fold, const std::vector<LogEvent>& events) {
  for (const LogEvent& event : events) fold->Apply(fold->lsn() + 1, event);
}

TEST(OutcomeFold, ASettledPositionIsOneTrialWithItsReward) {
  OutcomeFold fold(LearningStart());
  Apply(&fold, {JoinDecision(0, 0), JoinOutcome(0, "a", 1, 10)});
  EXPECT_EQ(fold.posteriors().Find("new", "arm-0").trials, 50) << "pending";
  EXPECT_EQ(fold.posteriors().lsn(), 0u);
  Apply(&fold, {JoinDecision(1, 60)});
  EXPECT_EQ(fold.posteriors().Find("new", "arm-0").trials, 51);
  EXPECT_EQ(fold.posteriors().Find("new", "arm-0").successes, 6);
  EXPECT_EQ(fold.posteriors().Find("", "arm-0").trials, 101);
  EXPECT_EQ(fold.posteriors().lsn(), 3u) << "the record that changed them";
  Apply(&fold, {JoinDecision(2, 61)});
  EXPECT_EQ(fold.lsn(), 4u);
  EXPECT_EQ(fold.posteriors().lsn(), 3u);
}

TEST(OutcomeFold, ARefundTakesTheSuccessBackAndNotTheTrial) {
  OutcomeFold fold(LearningStart());
  Apply(&fold, {JoinDecision(0, 0), JoinOutcome(0, "a", 1, 10), JoinDecision(1, 60),
                JoinOutcome(0, "a", 0, 70)});
  EXPECT_EQ(fold.posteriors().Find("new", "arm-0").trials, 51);
  EXPECT_EQ(fold.posteriors().Find("new", "arm-0").successes, 5);
}

TEST(OutcomeFold, MissingTeachesNothing) {
  OutcomeFold fold(LearningStart());
  Apply(&fold, {JoinDecision(0, 0, 1, true), JoinOutcome(0, "a", 1, 10)});
  const auto unshown = fold.join().TakeUnshown(kStartUs + 60 * kSecondUs);
  ASSERT_EQ(unshown.size(), 1u);
  Apply(&fold, {unshown[0], JoinDecision(1, 60), JoinExposure(0)});
  EXPECT_EQ(fold.changes(), 0u);
  EXPECT_EQ(fold.posteriors().Find("new", "arm-0").trials, 50);
}

TEST(OutcomeFold, APositionCountsAsMuchAsItIsLookedAt) {
  config::Bundle bundle = LearningBundle();
  bundle.surfaces[1].position_effects = {0.5, 0.25};
  config::ModelManifest manifest;
  manifest.version = 7;
  OutcomeFold fold(StartOf(bundle, SomeCounts(), &manifest));
  Apply(&fold, {JoinDecision(0, 0, 3), JoinOutcome(0, "a", 1, 10), JoinDecision(1, 60)});
  EXPECT_EQ(fold.posteriors().Find("new", "arm-0").trials, 50.5);
  EXPECT_EQ(fold.posteriors().Find("new", "arm-0").successes, 6);
  EXPECT_EQ(fold.posteriors().Find("new", "arm-1").trials, 0.25);
  EXPECT_EQ(fold.posteriors().Find("new", "arm-2").trials, 1);
  EXPECT_NE(fold.origin(), LearningStart().origin);
}

TEST(OutcomeFold, ALinearSurfaceLearnsInItsOwnPosterior) {
  OutcomeFold fold(LearningStart());
  Apply(&fold, {LinedDecision(0, 0), JoinOutcome(0, "a", 1, 10), JoinDecision(1, 60)});
  EXPECT_NE(fold.posteriors().FindLinear("lined", "arm-0"), nullptr);
  EXPECT_EQ(fold.posteriors().FindLinear("page", "arm-0"), nullptr);
  EXPECT_EQ(fold.posteriors().Find("new", "arm-0").trials, 50);
}

TEST(OutcomeFold, WhatTheCountsHoldDoesNotTeachAgainButIsStillCorrected) {
  const std::vector<LogEvent> log = {
      JoinDecision(0, 0), JoinOutcome(0, "a", 1, 10), JoinDecision(1, 60),  // settles 0
      JoinOutcome(0, "a", 0, 70), JoinDecision(2, 120)};                    // settles 1
  OutcomeFold whole(LearningStart());
  Apply(&whole, log);
  EXPECT_EQ(whole.posteriors().Find("new", "arm-0").trials, 52);

  // A model of what had settled by LSN 3, and the service that goes on with it.
  OutcomeFold trained(LearningStart());
  Apply(&trained, {log[0], log[1], log[2]});
  FoldStart start = LearningStart(8, 3);
  start.posteriors.Set("new", "arm-0", trained.posteriors().Find("new", "arm-0"));
  start.posteriors.Set("", "arm-0", trained.posteriors().Find("", "arm-0"));
  OutcomeFold next(start);
  Apply(&next, {log[0], log[1], log[2]});
  EXPECT_EQ(next.changes(), 0u);
  EXPECT_EQ(next.posteriors().Find("new", "arm-0").trials, 51);
  Apply(&next, {log[3], log[4]});
  EXPECT_EQ(next.posteriors().Find("new", "arm-0").trials, 52);
  EXPECT_EQ(next.posteriors().Find("new", "arm-0").successes,
            whole.posteriors().Find("new", "arm-0").successes);
}

std::string SomeBytes() {
  OutcomeFold fold(LearningStart());
  Apply(&fold, {JoinDecision(0, 0), LinedDecision(1, 1), JoinOutcome(1, "a", 1, 10),
                JoinDecision(2, 70, 2, true)});
  return fold.Serialise();
}

TEST(OutcomeFold, GoesOnExactlyWhereItWasSerialised) {
  const std::string bytes = SomeBytes();
  auto fold = OutcomeFold::Parse(bytes, LearningStart());
  FULCRUM_ASSERT_OK(fold);
  EXPECT_EQ(fold->Serialise(), bytes);
  EXPECT_EQ(fold->lsn(), 4u);
  Apply(&*fold, {JoinExposure(2, 1), JoinDecision(3, 200)});
  OutcomeFold whole(LearningStart());
  Apply(&whole, {JoinDecision(0, 0), LinedDecision(1, 1), JoinOutcome(1, "a", 1, 10),
                 JoinDecision(2, 70, 2, true), JoinExposure(2, 1), JoinDecision(3, 200)});
  EXPECT_EQ(fold->Serialise(), whole.Serialise());
}

std::string Golden(const std::string& name) {
  const auto bytes = base::ReadWholeFile(
      base::PosixFileSystem(), FULCRUM_SOURCE_DIR "/tests/golden/posteriors/" + name, 1 << 20);
  FULCRUM_EXPECT_OK(bytes);
  return bytes.value_or("");
}

TEST(OutcomeFold, ACheckpointWithPosteriorsOfVersion2IsStillRead) {
  const auto fold = OutcomeFold::Parse(Golden("fold-v1-posteriors-v2.bin"), LearningStart());
  FULCRUM_ASSERT_OK(fold);
  EXPECT_EQ(fold->Serialise(), SomeBytes());
}

FoldStart ForgettingStart(Lsn counts_lsn = 0) {
  config::Bundle bundle = LearningBundle();
  for (config::Surface& surface : bundle.surfaces) surface.forgetting = absl::Minutes(1);
  config::ModelManifest manifest;
  manifest.version = 7;
  manifest.counts_lsn = counts_lsn;
  return StartOf(bundle, SomeCounts(), &manifest);
}

constexpr int64_t kMinuteUs = 60 * kSecondUs;

TEST(OutcomeFold, WhatWasLearnedCountsLessAsTheLogGoesOn) {
  OutcomeFold fold(ForgettingStart());
  Apply(&fold, {JoinDecision(0, 0), JoinOutcome(0, "a", 1, 10)});
  EXPECT_EQ(fold.posteriors().lsn(), 0u);
  Apply(&fold, {JoinDecision(1, 60)});  // settles 0, which is a half-life old
  const scoring::ArmBook& book = fold.posteriors().CountsOf(kMinuteUs);
  EXPECT_EQ(book.Find("new", "arm-0").trials, 25.5);
  EXPECT_EQ(book.Find("new", "arm-0").successes, 3);
  EXPECT_EQ(fold.posteriors().Find("new", "arm-0").trials, 51);
  // Nothing settles, but time goes on.
  const uint64_t changes = fold.changes();
  Apply(&fold, {JoinDecision(2, 100)});
  EXPECT_EQ(fold.posteriors().lsn(), 4u) << "the record that changed them";
  EXPECT_EQ(fold.changes(), changes + 1);
  EXPECT_LT(fold.posteriors().CountsOf(kMinuteUs).Find("new", "arm-0").trials, 17);
  Apply(&fold, {JoinDecision(3, 100), JoinDecision(4, 90)});
  EXPECT_EQ(fold.posteriors().lsn(), 4u) << "time did not go on";
}

TEST(OutcomeFold, ForgettingGoesOnExactlyWhereItWasSerialised) {
  std::vector<LogEvent> log;
  for (uint64_t i = 0; i < 300; ++i) {
    const auto second = static_cast<int64_t>(i * 31 - i % 4 * 20);
    log.push_back(i % 3 == 0 ? LinedDecision(i, second) : JoinDecision(i, second));
    if (i % 2 == 0) log.push_back(JoinOutcome(i, "a", 1, second + 5));
    if (i % 8 == 4) log.push_back(JoinOutcome(i - 2, "a", 0, second + 6));
  }
  OutcomeFold whole(ForgettingStart());
  OutcomeFold cut(ForgettingStart());
  for (size_t i = 0; i < log.size(); ++i) {
    whole.Apply(i + 1, log[i]);
    cut.Apply(i + 1, log[i]);
    if (i % 5 != 0) continue;
    auto again = OutcomeFold::Parse(cut.Serialise(), ForgettingStart());
    FULCRUM_ASSERT_OK(again);
    cut = *std::move(again);
  }
  EXPECT_GT(whole.join().stats().corrected, 10u);
  EXPECT_EQ(cut.Serialise(), whole.Serialise());
}

TEST(OutcomeFold, TheModelsCountsAgeFromTheLsnThatTheyHold) {
  OutcomeFold fold(ForgettingStart(/*counts_lsn=*/2));
  Apply(&fold, {JoinDecision(0, 0), JoinDecision(1, 300), JoinDecision(2, 310)});
  EXPECT_EQ(fold.posteriors().CountsOf(kMinuteUs).Find("new", "arm-0").trials, 50);
  Apply(&fold, {JoinDecision(3, 370)});  // 1 and 2 settle: one is 70 s old, one 60 s
  EXPECT_NEAR(fold.posteriors().CountsOf(kMinuteUs).Find("new", "arm-0").trials,
              25 + std::exp2(-70.0 / 60) + 0.5, 1e-12);
}

TEST(OutcomeFold, AnotherModelOrAnotherLinearPosteriorIsAnotherStart) {
  const std::string bytes = SomeBytes();
  EXPECT_THAT(OutcomeFold::Parse(bytes, LearningStart(8)),
              StatusIs(absl::StatusCode::kFailedPrecondition, _));
  config::ModelManifest manifest;
  manifest.version = 7;
  config::Bundle bundle = LearningBundle();
  EXPECT_EQ(StartOf(bundle, {}, &manifest).origin, LearningStart().origin);
  bundle.surfaces[0].linear->noise_sd = 0.25;
  EXPECT_NE(StartOf(bundle, {}, &manifest).origin, LearningStart().origin);
  bundle = LearningBundle();
  bundle.surfaces[0].linear->segments = {"old"};
  EXPECT_NE(StartOf(bundle, {}, &manifest).origin, LearningStart().origin);
  bundle = LearningBundle();
  bundle.surfaces[1].forgetting = absl::Hours(1);
  EXPECT_NE(StartOf(bundle, {}, &manifest).origin, LearningStart().origin);
  bundle = LearningBundle();
  bundle.surfaces[1].choice.exploration_floor = 0.5;  // does not shape posteriors
  EXPECT_EQ(StartOf(bundle, {}, &manifest).origin, LearningStart().origin);
}

TEST(OutcomeFold, DamagedBytesAreRefused) {
  const std::string bytes = SomeBytes();
  for (size_t i = 0; i < bytes.size(); ++i) {
    EXPECT_THAT(OutcomeFold::Parse(bytes.substr(0, i), LearningStart()),
                StatusIs(absl::StatusCode::kDataLoss, _));
    std::string flipped = bytes;
    flipped[i] = static_cast<char>(flipped[i] ^ 1);
    EXPECT_THAT(OutcomeFold::Parse(flipped, LearningStart()),
                StatusIs(absl::StatusCode::kDataLoss, _));
  }
}

}  // namespace
}  // namespace fulcrum::learning
