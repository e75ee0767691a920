// What model, posteriors and bundle prove of a record: any flipped bit in what they gave is found
// where it is, however small.
#include <limits>

#include "gmock/gmock.h"
#include "replay/scores.h"
#include "replay/selection.h"
#include "tests/replay/scored_world.h"

namespace fulcrum::replay {
namespace {

using ::testing::HasSubstr;
using testing::ScoredDecision;

constexpr int kRecords = 500;

class Scores : public ::testing::Test {
 protected:
  Comparison Compare(const ScoredDecision& decision) const {
    return CompareScores(decision.record, &decision.snapshot, world_.world());
  }
  ScoredDecision NextOf(const std::string& surface) {
    for (;;) {
      ScoredDecision decision = world_.Decide();
      if (decision.record.surface == surface) return decision;
    }
  }
  void Flip(double* value) {
    *value = std::bit_cast<double>(std::bit_cast<uint64_t>(*value) ^ Bit());
  }
  uint64_t Bit() { return uint64_t{1} << world_.Below(64); }

  // `change` does it to a decision of `surface`; the difference must be at `position` and say
  // `what`.
  template <typename Change>
  void ExpectFound(const std::string& surface, uint32_t position, const std::string& what,
                   Change change) {
    for (int i = 0; i < kRecords / 5; ++i) {
      ScoredDecision decision = NextOf(surface);
      change(&decision);
      const Comparison again = Compare(decision);
      ASSERT_TRUE(again.difference.has_value()) << what;
      EXPECT_EQ(again.difference->position, position);
      EXPECT_EQ(again.difference->what, what);
      EXPECT_NE(again.difference->recorded, again.difference->recomputed);
    }
  }

  testing::ScoredWorld world_;
};

TEST_F(Scores, AnUntouchedRecordIsTheSameAgain) {
  for (int i = 0; i < kRecords; ++i) {
    const ScoredDecision decision = world_.Decide();
    const Comparison again = Compare(decision);
    ASSERT_FALSE(again.difference.has_value())
        << again.difference->what << " is " << again.difference->recorded << ", again "
        << again.difference->recomputed;
    ASSERT_TRUE(again.identical()) << again.not_replayed;
    ASSERT_TRUE(CompareSelection(decision.record).identical());
  }
}

TEST_F(Scores, AnyFlippedBitOfACandidateIsFound) {
  ExpectFound("beta", 0, "score of 'action-2'",
              [&](ScoredDecision* one) { Flip(&one->record.candidates[2].score); });
  ExpectFound("beta", 0, "alpha of 'action-1'",
              [&](ScoredDecision* one) { Flip(&one->record.candidates[1].alpha); });
  ExpectFound("known", 0, "beta of 'action-5'",
              [&](ScoredDecision* one) { Flip(&one->record.candidates[5].beta); });
  ExpectFound("lined", 0, "mean of 'action-0'",
              [&](ScoredDecision* one) { Flip(&one->record.candidates[0].mean); });
  ExpectFound("lined", 0, "sd of 'action-3'",
              [&](ScoredDecision* one) { Flip(&one->record.candidates[3].sd); });
}

TEST_F(Scores, AnyFlippedBitOfTheNeutralActionIsFound) {
  ExpectFound("beta", 0, "neutral_alpha",
              [&](ScoredDecision* one) { Flip(&one->record.neutral_alpha); });
  ExpectFound("beta", 0, "neutral_beta",
              [&](ScoredDecision* one) { Flip(&one->record.neutral_beta); });
  ExpectFound("odds", 0, "whether posteriors are of log odds",
              [&](ScoredDecision* one) { one->record.log_odds = false; });
  ExpectFound("odds", 0, "mean of 'action-0'",
              [&](ScoredDecision* one) { Flip(&one->record.candidates[0].mean); });
  ExpectFound("lined", 0, "neutral_mean",
              [&](ScoredDecision* one) { Flip(&one->record.neutral_mean); });
  ExpectFound("lined", 0, "neutral_sd",
              [&](ScoredDecision* one) { Flip(&one->record.neutral_sd); });
  ExpectFound("known", 0, "neutral_value",
              [&](ScoredDecision* one) { Flip(&one->record.neutral_value); });
  ExpectFound("known", 0, "whether the neutral action's value is known",
              [&](ScoredDecision* one) { one->record.neutral_known = false; });
}

TEST_F(Scores, AnyFlippedBitOfWhatTheBundleSaysIsFound) {
  ExpectFound("beta", 0, "exploration_floor",
              [&](ScoredDecision* one) { Flip(&one->record.exploration_floor); });
  ExpectFound("beta", 0, "schema version",
              [&](ScoredDecision* one) { one->record.versions.schema ^= 4; });
  ExpectFound("beta", 1, "seed",
              [&](ScoredDecision* one) { one->record.positions[0].seed ^= Bit(); });
  ExpectFound("lined", 1, "basis[3]",
              [&](ScoredDecision* one) { Flip(&one->record.positions[0].basis[3]); });
  ExpectFound("lined", 1, "terms of the basis",
              [&](ScoredDecision* one) { one->record.positions[0].basis.pop_back(); });
  ExpectFound("beta", 0, "campaign of 'action-4'",
              [&](ScoredDecision* one) { one->record.candidates[4].campaign_id = "autumn"; });
  ExpectFound("beta", 0, "candidate",
              [&](ScoredDecision* one) { one->record.candidates[4].action_id = "action-9"; });
  ExpectFound("beta", 0, "surface", [&](ScoredDecision* one) { one->record.surface = "bet"; });
}

// A hold's outcome is the ledger's and cannot be known again; what is known before the holds can.
TEST_F(Scores, AMaskThatTheBundleContradictsIsFound) {
  for (const MaskReason wrong : {MaskReason::kCampaignInactive, MaskReason::kInvalidScore}) {
    ExpectFound("beta", 0, "mask of 'action-1'",
                [&](ScoredDecision* one) { one->record.candidates[1].mask = wrong; });
  }
  ScoredDecision decision = NextOf("beta");
  decision.record.candidates[1].mask = MaskReason::kNoHold;
  EXPECT_TRUE(Compare(decision).identical());
  world_.bundle().campaigns[0].end = absl::FromUnixMicros(decision.record.occurred_us);
  const Comparison ended = Compare(decision);
  ASSERT_TRUE(ended.difference.has_value());
  EXPECT_EQ(ended.difference->recomputed, "campaign inactive");
  world_.bundle().campaigns[0].end = absl::FromUnixMicros(decision.record.occurred_us + 1);
  EXPECT_TRUE(Compare(decision).identical());
}

TEST_F(Scores, AChangedInputIsFoundByTheScore) {
  for (int i = 0; i < kRecords / 5; ++i) {
    ScoredDecision decision = NextOf("beta");
    for (size_t column = 0; column < 8; ++column) decision.snapshot.values[column] += 2;
    const Comparison again = Compare(decision);
    ASSERT_TRUE(again.difference.has_value());
    EXPECT_EQ(again.difference->what, "score of 'action-0'");
  }
}

TEST_F(Scores, ASnapshotOfAnotherShapeIsFoundNotRead) {
  ScoredDecision decision = NextOf("lined");
  const auto what = [&](auto change) {
    ScoredDecision changed = decision;
    change(&changed.snapshot);
    const Comparison again = Compare(changed);
    return again.difference.has_value() ? again.difference->what : "no difference";
  };
  EXPECT_EQ(what([](FeatureSnapshot* one) { one->values.pop_back(); }), "values of the snapshot");
  EXPECT_EQ(what([](FeatureSnapshot* one) { one->basis.push_back(1); }), "terms of the snapshot");
  EXPECT_EQ(what([](FeatureSnapshot* one) { ++one->model; }), "model of the snapshot");
}

TEST_F(Scores, WithoutASnapshotItIsNotReplayed) {
  const ScoredDecision decision = world_.Decide();
  const Comparison again = CompareScores(decision.record, nullptr, world_.world());
  EXPECT_THAT(again.not_replayed, HasSubstr("no feature snapshot"));
  EXPECT_FALSE(again.difference.has_value());
}

// An arm of which the model said nothing finite has no posterior.
TEST_F(Scores, AMissingScoreIsTheSameAgainIfItIsMissingAgain) {
  ScoredDecision decision = NextOf("beta");
  CandidateRecord& candidate = decision.record.candidates[0];
  candidate.score = std::numeric_limits<double>::quiet_NaN();
  candidate.mask = MaskReason::kInvalidScore;
  const Comparison again = Compare(decision);
  ASSERT_TRUE(again.difference.has_value()) << "the model does say something";
  EXPECT_EQ(again.difference->recorded, "nan");
}

}  // namespace
}  // namespace fulcrum::replay
