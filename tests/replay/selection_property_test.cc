// What the record alone can prove: an untouched record is drawn again the same, and a flipped bit
// in anything that shapes the distribution or the draw is found where it is.
#include <bit>
#include <limits>

#include "domain/detail.h"
#include "gmock/gmock.h"
#include "replay/selection.h"
#include "tests/replay/record_fixture.h"

namespace fulcrum::replay {
namespace {

using testing::Family;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr int kRecords = 400;

class Selection : public ::testing::TestWithParam<Family> {
 protected:
  DecisionRecord Next() { return testing::RandomDecision(GetParam(), &random_); }
  // A record whose candidate 0 can be drawn, has a rival, and is certain neither to win nor to
  // lose. By Thompson sampling, whose ticks follow every bit of a posterior.
  DecisionRecord NextOpenChoice() {
    for (;;) {
      DecisionRecord record = Next();
      if (record.candidates.size() < 2) continue;
      record.candidates[0].mask = record.candidates[1].mask = MaskReason::kNone;
      record.policy = {};
      record.exploration_floor = 0;  // the share is all its own
      testing::DrawAll(&record, GetParam());
      const double share = PropensityOf(record.positions[0].ticks[0]);
      if (share > 0.05 && share < 0.95) return record;
    }
  }
  size_t Below(size_t bound) { return random_() % bound; }

  std::mt19937_64 random_{20240611};
};

void Flip(double* value, int bit) {
  *value = std::bit_cast<double>(std::bit_cast<uint64_t>(*value) ^ (uint64_t{1} << bit));
}

TEST_P(Selection, AnUntouchedRecordIsTheSameAgain) {
  size_t positions = 0;
  for (int i = 0; i < kRecords; ++i) {
    const DecisionRecord record = Next();
    const Comparison again = CompareSelection(record);
    ASSERT_FALSE(again.difference.has_value()) << again.difference->what;
    ASSERT_TRUE(again.identical());
    positions += record.positions.size();
  }
  EXPECT_GT(positions, static_cast<size_t>(kRecords)) << "slates are among them";
}

// The lowest bits of a posterior move the ticks by less than one; of the upper ones, each is seen.
TEST_P(Selection, AFlippedBitInAPosteriorChangesTicks) {
  for (int i = 0; i < kRecords; ++i) {
    DecisionRecord record = NextOpenChoice();
    CandidateRecord& arm = record.candidates[0];
    const int bit = 44 + static_cast<int>(Below(8));  // of the mantissa
    Flip(GetParam() == Family::kBeta ? &arm.alpha : &arm.mean, bit);
    const Comparison again = CompareSelection(record);
    ASSERT_TRUE(again.difference.has_value()) << "bit " << bit;
    EXPECT_EQ(again.difference->position, 1u);
    EXPECT_THAT(again.difference->what, StartsWith("ticks of '"));
    EXPECT_NE(again.difference->recorded, again.difference->recomputed);
  }
}

TEST_P(Selection, AnotherPolicyIsFound) {
  int found = 0;
  for (int i = 0; i < kRecords; ++i) {
    DecisionRecord record = NextOpenChoice();
    record.policy = {PolicyKind::kSoftmax, 0.1};
    found += CompareSelection(record).difference.has_value() ? 1 : 0;
    record.policy.parameter = 0;
    const Comparison impossible = CompareSelection(record);
    ASSERT_TRUE(impossible.difference.has_value());
    EXPECT_EQ(impossible.difference->what, "policy");
    EXPECT_EQ(impossible.difference->recorded, "softmax");
  }
  EXPECT_EQ(found, kRecords);
}

TEST_P(Selection, AFlippedBitInTicksIsFoundInItsPlace) {
  for (int i = 0; i < kRecords; ++i) {
    DecisionRecord record = Next();
    const size_t position = Below(record.positions.size());
    std::vector<Ticks>& ticks = record.positions[position].ticks;
    const size_t arm = Below(ticks.size());
    const Ticks before = ticks[arm];
    ticks[arm] ^= Ticks{1} << Below(32);
    const Comparison again = CompareSelection(record);
    ASSERT_TRUE(again.difference.has_value());
    const std::string id = arm == record.candidates.size() ? std::string(kNeutralActionId)
                                                           : record.candidates[arm].action_id;
    EXPECT_EQ(*again.difference,
              (Difference{static_cast<uint32_t>(position + 1), absl::StrCat("ticks of '", id, "'"),
                          absl::StrCat(ticks[arm]), absl::StrCat(before)}));
  }
}

// Not every other seed draws another action; those that do are found, the others make no difference
// that the record alone could show.
TEST_P(Selection, AFlippedBitInASeedIsFoundIfItDrawsAnotherAction) {
  int found = 0;
  for (int i = 0; i < kRecords; ++i) {
    DecisionRecord record = Next();
    const size_t number = Below(record.positions.size());
    PositionRecord& position = record.positions[number];
    position.seed ^= uint64_t{1} << Below(64);
    const size_t drawn = policy::Draw(position.ticks, record.id, position.seed);
    const std::string id = drawn == record.candidates.size() ? std::string(kNeutralActionId)
                                                             : record.candidates[drawn].action_id;
    const Comparison again = CompareSelection(record);
    if (id == position.action_id) {
      EXPECT_TRUE(again.identical());
      continue;
    }
    ++found;
    EXPECT_EQ(again.difference,
              (Difference{static_cast<uint32_t>(number + 1), "action", position.action_id, id}));
  }
  EXPECT_GT(found, kRecords / 10);
}

TEST_P(Selection, AnotherActionIsFoundInItsPlace) {
  for (int i = 0; i < kRecords; ++i) {
    DecisionRecord record = Next();
    const size_t number = Below(record.positions.size());
    const std::string drawn = record.positions[number].action_id;
    record.positions[number].action_id = drawn == kNeutralActionId ? "action-0" : kNeutralActionId;
    const Comparison again = CompareSelection(record);
    EXPECT_EQ(again.difference, (Difference{static_cast<uint32_t>(number + 1), "action",
                                            record.positions[number].action_id, drawn}));
  }
}

TEST_P(Selection, AFlippedMaskIsFoundAtTheFirstPosition) {
  for (int i = 0; i < kRecords; ++i) {
    DecisionRecord record = NextOpenChoice();
    MaskReason& mask = record.candidates[0].mask;
    mask = mask == MaskReason::kNone ? MaskReason::kNoHold : MaskReason::kNone;
    const Comparison again = CompareSelection(record);
    ASSERT_TRUE(again.difference.has_value());
    EXPECT_EQ(again.difference->position, 1u);
    EXPECT_EQ(again.difference->what, "ticks of 'action-0'");
    EXPECT_EQ(again.difference->recomputed, "0");
  }
}

TEST_P(Selection, APositionTooFewOrTooManyIsFound) {
  for (int i = 0; i < kRecords; ++i) {
    DecisionRecord record = Next();
    const auto drawn = static_cast<uint32_t>(record.positions.size());
    DecisionRecord more = record;
    more.positions.push_back(more.positions.back());
    EXPECT_EQ(CompareSelection(more).difference,
              (Difference{drawn + 1, "position", more.positions.back().action_id, "none"}));
    record.positions.pop_back();
    EXPECT_EQ(CompareSelection(record).difference,
              (Difference{drawn, "position", "none", "one more was asked for"}));
  }
}

INSTANTIATE_TEST_SUITE_P(Families, Selection, ::testing::Values(Family::kBeta, Family::kGauss),
                         [](const auto& family) {
                           return std::string(family.param == Family::kBeta ? "Beta" : "Gauss");
                         });

// A record comes from a file: what no service writes must not stop the process.
TEST(ImpossibleRecords, AreDifferencesThatNameThePlace) {
  std::mt19937_64 random(7);
  DecisionRecord sound;
  do {
    sound = testing::RandomDecision(Family::kBeta, &random);
  } while (sound.candidates.size() < 2 || !sound.neutral_known);
  for (CandidateRecord& candidate : sound.candidates) candidate.mask = MaskReason::kNone;
  testing::DrawAll(&sound, Family::kBeta);
  ASSERT_TRUE(CompareSelection(sound).identical());
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  const auto what = [](const DecisionRecord& record) {
    const Comparison again = CompareSelection(record);
    return again.difference.has_value() ? again.difference->what : "no difference";
  };

  for (const double bad : {0.0, -1.0, kNan, std::numeric_limits<double>::infinity()}) {
    DecisionRecord record = sound;
    record.candidates[1].alpha = bad;
    EXPECT_EQ(what(record), "posterior of 'action-1'") << bad;
    record.candidates[1].mask = MaskReason::kInvalidScore;
    EXPECT_THAT(what(record), HasSubstr("ticks of")) << "masked, it need not be a distribution";
  }
  DecisionRecord record = sound;
  record.candidates[1].sd = 0.5;
  EXPECT_EQ(what(record), "posterior of 'action-1'") << "two families in one choice";
  for (const double bad : {-0.1, 1.1, kNan}) {
    record = sound;
    record.exploration_floor = bad;
    EXPECT_EQ(what(record), "exploration_floor");
    record = sound;
    record.neutral_value = bad;
    EXPECT_EQ(what(record), "value of the neutral action");
  }
  record = sound;
  record.neutral_known = false;
  EXPECT_EQ(what(record), "posterior of the neutral action");
  record = sound;
  record.positions[0].ticks.clear();
  EXPECT_EQ(what(record), "number of ticks");
}

TEST(NotReplayed, IsToldWithItsReason) {
  std::mt19937_64 random(8);
  const DecisionRecord sound = testing::RandomDecision(Family::kBeta, &random);
  DecisionRecord record = sound;
  record.answer = Answer::kEditorial;
  EXPECT_EQ(CompareSelection(record).not_replayed, "the answer was not drawn");
  record.answer = Answer::kNeutral;
  EXPECT_FALSE(CompareSelection(record).identical());
  record = sound;
  record.versions.price_version = 3;
  EXPECT_THAT(CompareSelection(record).not_replayed, HasSubstr("prices"));
  EXPECT_FALSE(CompareSelection(record).difference.has_value());
  record = sound;
  record.detail_ticks = 1;  // hardly ever kept
  domain::DropDetail(Detail::kSampledOut, "detail sampled out", &record);
  EXPECT_EQ(CompareSelection(record).not_replayed, "detail sampled out");
  record.detail_ticks = kTicksTotal;  // always kept, so that somebody else took it out
  ASSERT_TRUE(CompareSelection(record).difference.has_value());
  EXPECT_EQ(CompareSelection(record).difference->what, "detail");
  record = sound;
  record.answer = Answer::kDegraded;
  EXPECT_TRUE(CompareSelection(record).identical()) << "degraded answers are drawn all the same";
}

}  // namespace
}  // namespace fulcrum::replay
