// What the next request sees of what operators have paused.
#include "decider/pauses.h"

#include "tests/decider/decider_fixture.h"

namespace fulcrum::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const absl::Time kNow = absl::FromUnixSeconds(1574553600);  // of the fixture's requests

class Paused : public DeciderFixture {
 protected:
  void Pause(SwitchKind kind, const std::string& id, absl::Time until = absl::InfiniteFuture()) {
    switches_.Apply(++lsn_, domain::PauseRecord({{kind, id}, "test", "ann", kNow, until}));
    pauses = std::make_shared<const decider::Pauses>(switches_, *bundle);
  }
  void With(const std::string& page_fields, const std::string& fallback = "") {
    TestBundle options;
    options.page_fields = page_fields;
    options.fallback = fallback;
    Build(options);
  }
  DecisionRecord Ask(std::vector<std::string> candidates = {},
                     std::vector<domain::BaselineAction> baseline = {}) {
    domain::DecisionContext context = ContextFor("ann", std::move(candidates));
    context.baseline = std::move(baseline);
    reply_ = Decide(std::move(context));
    return std::get<DecisionRecord>(log->events().back());
  }
  static std::vector<std::string> MaskedOf(const DecisionRecord& record) {
    std::vector<std::string> masked;
    for (const CandidateRecord& one : record.candidates) {
      if (one.mask == MaskReason::kPaused) masked.push_back(one.action_id);
    }
    return masked;
  }

  domain::Switches switches_;
  Lsn lsn_ = 0;
  decider::Reply reply_;
};

TEST_F(Paused, CampaignActionAndCreativeAreMasked) {
  EXPECT_THAT(MaskedOf(Ask()), IsEmpty());
  Pause(SwitchKind::kCampaign, "paid");
  EXPECT_THAT(MaskedOf(Ask()), ElementsAre("paid-1", "paid-2", "paid-3"));
  Pause(SwitchKind::kAction, "free-2");
  EXPECT_THAT(MaskedOf(Ask()), ElementsAre("free-2", "paid-1", "paid-2", "paid-3"));
  auto changed = std::make_shared<config::Bundle>(*bundle);
  for (config::Action& one : changed->actions) {
    if (one.id == "capped-1" || one.id == "free-1") one.creative = "banner";
  }
  bundle = std::move(changed);
  Pause(SwitchKind::kCreative, "banner");
  EXPECT_THAT(MaskedOf(Ask()),
              ElementsAre("capped-1", "free-1", "free-2", "paid-1", "paid-2", "paid-3"));
}

TEST_F(Paused, NothingOfThemIsDrawnAndAllOfThemIsNoCandidate) {
  Pause(SwitchKind::kCampaign, "free");
  for (int i = 0; i < 50; ++i) {
    const DecisionRecord record = Ask({"free-1", "free-2"});
    ASSERT_EQ(record.positions[0].action_id, kNeutralActionId);
    ASSERT_EQ(record.degradation, Degradation::kNoCandidate);
  }
}

TEST_F(Paused, SurfaceAndAllAnswerWithTheNeutralActionOnceItIsLogged) {
  With("", "free-1");
  for (const SwitchKind kind : {SwitchKind::kSurface, SwitchKind::kAll}) {
    switches_ = {};
    Pause(kind, kind == SwitchKind::kAll ? "" : "page");
    const DecisionRecord record = Ask();
    EXPECT_EQ(record.answer, Answer::kNeutral) << "not the surface's fallback action";
    EXPECT_EQ(record.degradation, Degradation::kPaused);
    EXPECT_EQ(record.positions[0].action_id, kNeutralActionId);
    EXPECT_FALSE(record.log_pending);
    EXPECT_FALSE(reply_.log_pending);
    EXPECT_EQ(reply_.degradation, Degradation::kPaused);
    EXPECT_FALSE(IsDrawn(record));
    EXPECT_EQ(HeldSum(), 0);
  }
}

TEST_F(Paused, ALogThatDoesNotTakeItIsToldAsEver) {
  Pause(SwitchKind::kAll, "");
  log->refuse = true;
  EXPECT_EQ(Decide(ContextFor("ann")).degradation, Degradation::kDisk);
}

TEST_F(Paused, EndsByTheTimeOfTheRequest) {
  Pause(SwitchKind::kAll, "", kNow);
  EXPECT_EQ(Ask().answer, Answer::kFull);
  Pause(SwitchKind::kAll, "", kNow + absl::Microseconds(1));
  EXPECT_EQ(Ask().degradation, Degradation::kPaused);
}

TEST_F(Paused, AFallbackActionIsNotServed) {
  With("    mode: log_only\n", "free-1");
  EXPECT_EQ(Ask().positions[0].action_id, "free-1");
  Pause(SwitchKind::kCampaign, "free");
  const DecisionRecord record = Ask();
  EXPECT_EQ(record.answer, Answer::kNeutral);
  EXPECT_EQ(record.positions[0].action_id, kNeutralActionId);
}

TEST_F(Paused, NorWhatTheCallerWouldDo) {
  With("    mode: apprentice\n");
  EXPECT_EQ(Ask({}, {{"free-1", 0}}).answer, Answer::kBaseline);
  Pause(SwitchKind::kAction, "free-1");
  EXPECT_EQ(Ask({}, {{"free-1", 0}}).positions[0].action_id, kNeutralActionId);
  EXPECT_EQ(Ask({}, {{"free-2", 0}}).positions[0].action_id, "free-2");
}

TEST_F(Paused, AFeatureIsTakenOutOfACopy) {
  Pause(SwitchKind::kFeature, "user.level");
  domain::FeatureRow values;
  values.values = {{"level", std::string("gold")}, {"age", 7.0}};
  const auto row = std::make_shared<const domain::FeatureRow>(values);
  domain::ReadRow read{domain::RowState::kFresh, row};
  pauses->HideOfItem(kNow, &read);
  EXPECT_EQ(read.row, row) << "a feature of another kind";
  pauses->HideOfUser(kNow, &read);
  EXPECT_FALSE(read.row->values.contains("level"));
  EXPECT_TRUE(read.row->values.contains("age"));
  EXPECT_TRUE(row->values.contains("level"));
  domain::ReadRow missing;
  pauses->HideOfUser(kNow, &missing);
  EXPECT_EQ(missing.row, nullptr);
}

TEST_F(Paused, WhatTheBundleDoesNotHaveHarmsNobody) {
  Pause(SwitchKind::kCampaign, "gone");
  Pause(SwitchKind::kSurface, "gone");
  Pause(SwitchKind::kFeature, "gone");
  EXPECT_EQ(Ask().answer, Answer::kFull);
}

}  // namespace
}  // namespace fulcrum::testing
