// Scores of a surface with linear posteriors.
#include <cmath>
#include <limits>

#include "scoring/scorer.h"
#include "tests/support/status_matchers.h"

namespace fulcrum::scoring {
namespace {

using ::testing::ElementsAre;
using ::testing::IsNan;

// Actions `hat` and `shoes`; the model gives an item its `heat`: 0.25 if cold, 0.75 if hot.
class LinearScore : public ::testing::Test {
 protected:
  LinearScore() {
    bundle_.actions.resize(2);
    bundle_.actions[0].id = "hat";
    bundle_.actions[1].id = "shoes";
    surface_.id = "page";
    surface_.segment_feature = "city";
    surface_.linear = config::LinearPosterior{
        .noise_sd = 0.5, .prior_sd = 0.2, .segments = {"a", "b"}, .context_keys = {"hour"}};
    posteriors_.SetLinear("page", SpecOf(*surface_.linear, true));
    context_.values["hour"] = 0.5;
    user_.row = Row({{"city", "b"}});
    items_ = {Row({{"heat", 0.0}}), Row({{"heat", 1.0}})};
    SetLeaves(0.25F, 0.75F);
  }

  static domain::ReadRow Row(Model::Values values) {
    return {domain::RowState::kFresh,
            std::make_shared<domain::FeatureRow>(domain::FeatureRow{1, 0, std::move(values)})};
  }

  void SetLeaves(float cold, float hot, size_t trees = 1) {
    config::ModelManifest manifest;
    manifest.columns = {{"heat", config::ColumnSource::kItem, "heat", std::nullopt}};
    const Tree tree = {{.left = 1, .right = 2, .value = 0.5F}, {.value = cold}, {.value = hot}};
    XgboostModel model;
    model.forest = *Forest::Build(1, 0, std::vector<Tree>(trees, tree));
    model.link = Link::kIdentity;
    model_ = *Model::Create(manifest, std::move(model));
  }

  Scores Run(const Model* model) {
    return Score(bundle_, surface_, model, posteriors_, context_, user_, {0, 1}, items_);
  }

  config::Bundle bundle_;
  config::Surface surface_;
  domain::DecisionContext context_;
  domain::UserFeatures user_;
  std::vector<domain::ReadRow> items_;
  Posteriors posteriors_;
  std::shared_ptr<const Model> model_;
};

TEST_F(LinearScore, ThePriorExpectsTheModelsScore) {
  const Scores scores = Run(model_.get());
  EXPECT_THAT(scores.basis, ElementsAre(0, 1, 0.5));
  ASSERT_EQ(scores.candidates.size(), 2u);
  for (const size_t i : {0, 1}) {
    const double score = i == 0 ? 0.25 : 0.75;
    EXPECT_EQ(scores.candidates[i].score, score);
    EXPECT_EQ(scores.candidates[i].mean, score);
    EXPECT_DOUBLE_EQ(scores.candidates[i].sd, 0.2 * std::sqrt(1 + score * score + 1 + 0.25));
    EXPECT_EQ(scores.candidates[i].alpha, 0);
  }
  EXPECT_EQ(scores.neutral.mean, 0);
  EXPECT_DOUBLE_EQ(scores.neutral.sd, 0.2 * std::sqrt(2.25));
  EXPECT_EQ(scores.neutral.alpha, 0);
  EXPECT_EQ(scores.columns, 1u);
}

TEST_F(LinearScore, EachArmIsBelievedByItsOwnPosterior) {
  const std::vector<double> x = {1, 0.25, 0, 1, 0.5};
  const std::vector<double> neutral_x = {1, 0, 0, 1, 0.5};
  posteriors_.Observe({.surface = "page", .action_id = "hat", .basis = x, .reward = 3});
  posteriors_.Observe(
      {.surface = "page", .action_id = kNeutralActionId, .basis = neutral_x, .reward = -3});
  posteriors_.Observe({.surface = "mail", .action_id = "shoes", .reward = 1});
  const Scores scores = Run(model_.get());
  const Belief hat = posteriors_.FindLinear("page", "hat")->At(x);
  EXPECT_EQ(scores.candidates[0].mean, hat.mean);
  EXPECT_EQ(scores.candidates[0].sd, hat.sd);
  EXPECT_GT(hat.mean, 0.25);
  EXPECT_EQ(scores.candidates[1].mean, 0.75) << "nobody observed the shoes here";
  EXPECT_EQ(scores.neutral.mean,
            posteriors_.FindLinear("page", kNeutralActionId)->At(neutral_x).mean);
  EXPECT_LT(scores.neutral.mean, 0);
}

TEST_F(LinearScore, WithoutAModelTheScoreIsZero) {
  const Scores scores = Run(nullptr);
  EXPECT_EQ(scores.candidates[1].score, 0);
  EXPECT_EQ(scores.candidates[1].mean, 0);
  EXPECT_EQ(scores.candidates[1].sd, scores.neutral.sd);
  EXPECT_TRUE(scores.inputs.empty());
  EXPECT_THAT(scores.basis, ElementsAre(0, 1, 0.5));
}

// A regression may predict any amount.
TEST_F(LinearScore, AScoreIsNotLimitedToAProbability) {
  SetLeaves(-40, 120);
  const Scores scores = Run(model_.get());
  EXPECT_EQ(scores.candidates[0].mean, -40);
  EXPECT_EQ(scores.candidates[1].mean, 120);
}

TEST_F(LinearScore, AnArmWithoutANumberIsMarked) {
  SetLeaves(0, 3e38F, /*trees=*/2);
  const Scores scores = Run(model_.get());
  EXPECT_GT(scores.candidates[0].sd, 0);
  EXPECT_THAT(scores.candidates[1].score, IsNan());
  EXPECT_EQ(scores.candidates[1].sd, 0);
}

// Posteriors of another configuration, or of none, say nothing here.
TEST_F(LinearScore, AnotherShapeIsThePrior) {
  posteriors_.Observe(
      {.surface = "page", .action_id = "hat", .basis = {1, 0.25, 0, 1, 0.5}, .reward = 3});
  surface_.linear->context_keys.clear();
  EXPECT_EQ(Run(model_.get()).candidates[0].mean, 0.25);
  posteriors_ = Posteriors();
  EXPECT_EQ(Run(model_.get()).candidates[0].mean, 0.25);
}

TEST_F(LinearScore, ABetaSurfaceHasNoGaussianParts) {
  surface_.linear.reset();
  const Scores scores = Run(model_.get());
  EXPECT_GT(scores.candidates[0].alpha, 0);
  EXPECT_EQ(scores.candidates[0].sd, 0);
  EXPECT_EQ(scores.neutral.sd, 0);
  EXPECT_TRUE(scores.basis.empty());
}

}  // namespace
}  // namespace fulcrum::scoring
