#include <cmath>
#include <limits>

#include "base/math.h"
#include "scoring/pooled_prior.h"
#include "scoring/scorer.h"
#include "scoring/value_posterior.h"
#include "tests/support/status_matchers.h"

namespace fulcrum::scoring {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::IsNan;

// Two actions, `hat` and `shoes`; the model likes items whose `heat` is at least one half.
class ScoreTest : public ::testing::Test {
 protected:
  ScoreTest() {
    bundle_.actions.resize(2);
    bundle_.actions[0].id = "hat";
    bundle_.actions[1].id = "shoes";
    surface_.segment_feature = "city";
    surface_.model_strength = 50;
    surface_.baseline_alpha = 2;
    surface_.baseline_beta = 98;
    user_.row = Row({{"city", "a"}});
    items_ = {Row({{"heat", 0.0}}), Row({{"heat", 1.0}})};
    posteriors_.Set("", "hat", {20, 1});
    posteriors_.Set("", "shoes", {20, 1});
    SetLeaves(-2, 0);
  }

  static domain::ReadRow Row(Model::Values values) {
    return {domain::RowState::kFresh,
            std::make_shared<domain::FeatureRow>(domain::FeatureRow{1, 0, std::move(values)})};
  }

  // The margins of cold and hot items.
  void SetLeaves(float cold, float hot) {
    config::ModelManifest manifest;
    manifest.columns = {{"heat", config::ColumnSource::kItem, "heat", std::nullopt},
                        {"city=a", config::ColumnSource::kUser, "city", "a"}};
    const Tree tree = {{.left = 1, .right = 2, .value = 0.5F}, {.value = cold}, {.value = hot}};
    XgboostModel model;
    model.forest = *Forest::Build(2, 0, {tree});
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

TEST_F(ScoreTest, ThePosteriorIsTheModelsOpinionPlusTheCounts) {
  const Scores scores = Run(model_.get());
  ASSERT_EQ(scores.candidates.size(), 2);
  const double mu = base::Sigmoid(-2);
  EXPECT_DOUBLE_EQ(scores.candidates[0].score, mu);
  EXPECT_DOUBLE_EQ(scores.candidates[0].alpha, 50 * mu + 1);
  EXPECT_DOUBLE_EQ(scores.candidates[0].beta, 50 * (1 - mu) + 19);
  EXPECT_DOUBLE_EQ(scores.candidates[1].alpha, 25 + 1);
  EXPECT_EQ(scores.columns, 2);
  EXPECT_THAT(scores.inputs, ElementsAre(0, 1, 1, 1));
}

TEST_F(ScoreTest, CountsOfTheUsersSegmentAreUsed) {
  posteriors_.Set("a", "hat", {10, 9});
  EXPECT_EQ(Run(model_.get()).segment, "a");
  EXPECT_DOUBLE_EQ(Run(model_.get()).candidates[0].alpha, 50 * base::Sigmoid(-2) + 9);
  for (const domain::ReadRow& row :
       {Row({{"city", "b"}}), Row({{"city", 4.0}}), Row({}), domain::ReadRow{}}) {
    user_.row = row;
    EXPECT_DOUBLE_EQ(Run(model_.get()).candidates[0].alpha, 50 * base::Sigmoid(-2) + 1);
  }
  EXPECT_EQ(Run(model_.get()).segment, "");
  surface_.segment_feature = "";
  user_.row = Row({{"city", "a"}});
  EXPECT_EQ(Run(model_.get()).segment, "");
}

TEST_F(ScoreTest, WithoutModelTheCountsAloneAreTheScore) {
  posteriors_.Set("", "shoes", {98, 49});
  const Scores scores = Run(nullptr);
  EXPECT_THAT(scores.candidates[1].score, DoubleNear(0.5, 1e-15));
  EXPECT_EQ(scores.candidates[1].alpha, 50);
  EXPECT_EQ(scores.candidates[1].beta, 50);
  EXPECT_EQ(scores.columns, 0);
  EXPECT_TRUE(scores.inputs.empty());
}

TEST_F(ScoreTest, AnArmNeverSeenHasAProperPosterior) {
  posteriors_ = Posteriors();
  for (const Model* model : {static_cast<const Model*>(nullptr), model_.get()}) {
    for (const ScoredCandidate& candidate : Run(model).candidates) {
      EXPECT_GT(candidate.alpha, 0);
      EXPECT_GT(candidate.beta, 0);
    }
  }
}

TEST_F(ScoreTest, AModelOfNoStrengthIsNotHeard) {
  surface_.model_strength = 0;
  const Scores scores = Run(model_.get());
  EXPECT_EQ(scores.candidates[1].score, 0.5);
  EXPECT_EQ(scores.candidates[1].alpha, 2);
  EXPECT_EQ(scores.candidates[1].beta, 20);
}

// What is left of pooling where a model has an opinion, and where it has none.
TEST_F(ScoreTest, PooledPriorsTakeThePlaceOfTheUniform) {
  bundle_.campaigns.resize(1);
  for (config::Action& action : bundle_.actions) action.campaign = 0;
  surface_.actions = {0, 1};
  posteriors_ = Posteriors();
  posteriors_.Set("", "hat", {1000, 20});
  const Scores uniform = Run(nullptr);
  const Scores opinion = Run(model_.get());
  surface_.pooling = config::Pooling{.strength = 20};
  const Scores pooled = Run(nullptr);
  const BetaPosterior prior =
      PooledPriors(bundle_, surface_, *surface_.pooling, posteriors_.CountsOf(0), "a")
          .Of(bundle_.actions[1], {});
  EXPECT_EQ(pooled.candidates[1].alpha, prior.alpha);
  EXPECT_EQ(pooled.candidates[1].beta, prior.beta);
  EXPECT_LT(pooled.candidates[1].score, 0.1);
  EXPECT_EQ(uniform.candidates[1].score, 0.5);
  EXPECT_EQ(Run(model_.get()).candidates[1].alpha, opinion.candidates[1].alpha);
  surface_.model_strength = 0;
  EXPECT_EQ(Run(model_.get()).candidates[1].alpha, prior.alpha);
}

TEST_F(ScoreTest, AValueIsTheSaleTimesTheAmount) {
  surface_.id = "till";
  surface_.value = config::ValuePosterior{.cap = 100, .amount_mean = 40, .amount_sd = 30};
  posteriors_.SetValue("till", 100);
  for (const double reward : {0.0, 0.0, 55.0, 70.0}) {
    posteriors_.Observe({"till", "a", "hat", {}, reward});
    posteriors_.Observe({"till", "a", "none", {}, reward / 2});
  }
  const Scores scores = Run(model_.get());
  const double mu = base::Sigmoid(-2);
  const ArmCounts hat = posteriors_.FindValues("till")->Find("a", "hat");
  const Belief belief = ValueBelief(*surface_.value, {50 * mu + 2, 50 * (1 - mu) + 2}, hat);
  EXPECT_EQ(scores.candidates[0].score, mu);
  EXPECT_EQ(scores.candidates[0].mean, belief.mean);
  EXPECT_EQ(scores.candidates[0].sd, belief.sd);
  EXPECT_EQ(scores.candidates[0].alpha, 0);
  EXPECT_EQ(scores.candidates[1].mean, ValueBelief(*surface_.value, {25, 25}, {}).mean);
  EXPECT_EQ(scores.neutral.alpha, 0);
  EXPECT_DOUBLE_EQ(scores.neutral.mean, 4.0 / 104 * (40 + 62.5) / 3);
  posteriors_ = Posteriors();
  EXPECT_EQ(Run(model_.get()).candidates[1].mean, scores.candidates[1].mean)
      << "posteriors of another configuration say nothing";
}

TEST_F(ScoreTest, ACertainModelStillLeavesDoubt) {
  posteriors_ = Posteriors();
  SetLeaves(-1000, 1000);
  const Scores scores = Run(model_.get());
  EXPECT_DOUBLE_EQ(scores.candidates[0].alpha, 50 * 1e-6);
  EXPECT_GT(scores.candidates[1].beta, 0);
}

TEST_F(ScoreTest, AnArmWithoutANumberIsMarked) {
  config::ModelManifest manifest;
  manifest.columns = {{"heat", config::ColumnSource::kItem, "heat", std::nullopt}};
  XgboostModel model;
  const Tree huge = {{.left = 1, .right = 2, .value = 0.5F}, {.value = 0}, {.value = 3e38F}};
  model.forest = *Forest::Build(1, 0, {huge, huge});
  model.link = Link::kIdentity;  // infinity, where a sigmoid would still be a number
  model_ = *Model::Create(manifest, std::move(model));
  const Scores scores = Run(model_.get());
  EXPECT_GT(scores.candidates[0].alpha, 0);
  EXPECT_THAT(scores.candidates[1].score, IsNan());
  EXPECT_EQ(scores.candidates[1].alpha, 0);
}

TEST_F(ScoreTest, TheNeutralActionHasItsOwnPosterior) {
  EXPECT_EQ(Run(model_.get()).neutral.alpha, 2);
  posteriors_.Set("", "none", {10, 3});
  EXPECT_EQ(Run(model_.get()).neutral.alpha, 5);
  EXPECT_EQ(Run(nullptr).neutral.beta, 105);
}

TEST_F(ScoreTest, NoCandidatesIsNoWork) {
  const Scores scores =
      Score(bundle_, surface_, model_.get(), posteriors_, context_, user_, {}, {});
  EXPECT_TRUE(scores.candidates.empty());
  EXPECT_TRUE(scores.inputs.empty());
  EXPECT_EQ(scores.neutral.alpha, 2);
}

}  // namespace
}  // namespace fulcrum::scoring
