// What a decision on a surface with linear posteriors draws with, and what its record keeps.
#include "policy/position.h"
#include "scoring/linear_posterior.h"
#include "tests/decider/decider_fixture.h"

namespace fulcrum::testing {
namespace {

using ::testing::ElementsAre;

class LinearSurface : public DeciderFixture {
 protected:
  void SetUp() override {
    DeciderFixture::SetUp();
    auto changed = std::make_shared<config::Bundle>(*bundle);
    surface_ = changed->surfaces.data();
    surface_->segment_feature = "level";
    surface_->linear = config::LinearPosterior{
        .noise_sd = 0.5, .prior_sd = 0.2, .segments = {"gold", "silver"}, .context_keys = {"hour"}};
    bundle = std::move(changed);
    posteriors_->SetSurfaces(*bundle, /*has_model=*/false);
  }

  decider::Reply DecideLinear(uint32_t slate_size = 1) {
    domain::DecisionContext context = ContextFor("ann", {"free-1", "free-2"});
    context.values["hour"] = 0.5;
    context.slate_size = slate_size;
    std::promise<decider::Reply> promise;
    FULCRUM_EXPECT_OK(
        decider->Decide({bundle, nullptr, posteriors_}, *surface_, std::move(context),
                        [&](decider::Reply reply) { promise.set_value(std::move(reply)); }));
    return promise.get_future().get();
  }
  DecisionRecord LastRecord() { return std::get<DecisionRecord>(log->events().back()); }

  config::Surface* surface_ = nullptr;
  std::shared_ptr<scoring::Posteriors> posteriors_ = std::make_shared<scoring::Posteriors>();
};

TEST_F(LinearSurface, TheRecordHasGaussianPosteriors) {
  const std::vector<double> x = {1, 0, 0, 0, 0.5};
  for (int i = 0; i < 20; ++i) {
    posteriors_->Observe({.surface = "page", .action_id = "free-2", .basis = x, .reward = 1});
    posteriors_->Observe({.surface = "page", .action_id = "none", .basis = x, .reward = -1});
  }
  DecideLinear();
  const DecisionRecord record = LastRecord();
  ASSERT_EQ(record.candidates.size(), 2u);
  const scoring::Belief prior = scoring::PriorBelief(0.2, x);
  EXPECT_EQ(record.candidates[0].mean, 0);
  EXPECT_EQ(record.candidates[0].sd, prior.sd);
  const scoring::Belief learned = posteriors_->FindLinear("page", "free-2")->At(x);
  EXPECT_EQ(record.candidates[1].mean, learned.mean);
  EXPECT_EQ(record.candidates[1].sd, learned.sd);
  EXPECT_EQ(record.neutral_mean, -learned.mean);
  EXPECT_EQ(record.neutral_sd, learned.sd);
  for (const CandidateRecord& candidate : record.candidates) {
    EXPECT_EQ(candidate.score, 0) << "there is no model";
    EXPECT_EQ(candidate.alpha, 0);
    EXPECT_EQ(candidate.beta, 0);
  }
  EXPECT_EQ(record.neutral_alpha, 0);
  // The better the mean, the likelier; and the ticks are those of the recorded posteriors.
  const policy::PositionDraw again = policy::DrawPosition(
      {policy::GaussArm{0, prior.sd}, policy::GaussArm{learned.mean, learned.sd}}, {true, true},
      {std::nullopt, policy::GaussArm{-learned.mean, learned.sd}},
      {surface_->choice.policy, surface_->choice.exploration_floor, {}}, record.id,
      record.positions[0].seed);
  EXPECT_EQ(record.positions[0].ticks, again.ticks);
  EXPECT_GT(again.ticks[1], again.ticks[0]);
  EXPECT_GT(again.ticks[0], again.ticks[2]);
  // Uplift is the difference of the posterior means.
  decider::Reply reply;
  do {
    reply = DecideLinear();
  } while (reply.actions[0].action_id != "free-2");
  EXPECT_DOUBLE_EQ(reply.actions[0].uplift.value(), 2 * learned.mean);
}

TEST_F(LinearSurface, TheBasisIsKeptForWhatWasDrawnAndForAll) {
  for (int i = 0; i < 30; ++i) {
    DecideLinear(/*slate_size=*/3);
    const DecisionRecord record = LastRecord();
    for (const PositionRecord& position : record.positions) {
      EXPECT_THAT(position.basis, ElementsAre(1, 0, 0, 0, 0.5)) << position.action_id;
    }
    const auto snapshot = log->last_snapshot();
    ASSERT_TRUE(snapshot.has_value()) << "also without a model";
    EXPECT_EQ(snapshot->decision_id, record.id);
    EXPECT_EQ(snapshot->model, 0u);
    EXPECT_EQ(snapshot->columns, 0u);
    EXPECT_THAT(snapshot->basis, ElementsAre(0, 0, 0.5));
  }
}

TEST_F(LinearSurface, AKnownBaselineMayBeAnyValue) {
  surface_->baseline_value = -3;
  DecideLinear();
  const DecisionRecord record = LastRecord();
  EXPECT_TRUE(record.neutral_known);
  EXPECT_EQ(record.neutral_value, -3);
  EXPECT_EQ(record.neutral_mean, 0);
  EXPECT_EQ(record.neutral_sd, 0);
  EXPECT_LT(PropensityOf(record.positions[0].ticks[2]), 0.1) << "everything is better";
}

// No request can bring the process down.
TEST_F(LinearSurface, ExtremeContextIsJustAContext) {
  for (const double hour : {1e308, -1e308, 1e-308, 0.0}) {
    domain::DecisionContext context = ContextFor("ann");
    context.values["hour"] = hour;
    std::promise<decider::Reply> promise;
    FULCRUM_EXPECT_OK(
        decider->Decide({bundle, nullptr, posteriors_}, *surface_, std::move(context),
                        [&](decider::Reply reply) { promise.set_value(std::move(reply)); }));
    EXPECT_EQ(promise.get_future().get().answer, Answer::kFull);
  }
}

// How a decision is credited stands in its record, whatever the posteriors.
TEST_F(LinearSurface, TheRecordSaysWhatCounts) {
  surface_->exposure_window = absl::Minutes(3);
  surface_->attribution_window = absl::Hours(2);
  surface_->reward_kind = "order";
  for (const bool required : {false, true}) {
    surface_->exposure_required = required;
    DecideLinear();
    const DecisionRecord record = LastRecord();
    EXPECT_EQ(record.exposure_required, required);
    EXPECT_EQ(record.exposure_window_us, required ? 180'000'000 : 0);
    EXPECT_EQ(record.attribution_window_us, 7'200'000'000);
    EXPECT_EQ(record.reward_kind, "order");
  }
  surface_->linear.reset();
  DecideLinear();
  EXPECT_TRUE(LastRecord().positions[0].basis.empty());
  EXPECT_GT(LastRecord().candidates[0].alpha, 0);
  EXPECT_EQ(LastRecord().candidates[0].sd, 0);
  EXPECT_FALSE(log->last_snapshot().has_value());
}

}  // namespace
}  // namespace fulcrum::testing
