// Both the model and the counts shape the choice: each alone changes the propensities
// (docs/adr/0003-model-and-counts.md).
#include <memory>

#include "policy/choice.h"
#include "scoring/scorer.h"
#include "tests/support/status_matchers.h"

namespace fulcrum {
namespace {

struct Situation {
  float hat_margin = 0;
  float shoes_margin = 0;
  scoring::ArmCounts hat = {100, 10};
  scoring::ArmCounts shoes = {100, 10};
};

std::shared_ptr<const scoring::Model> ModelOf(const Situation& situation) {
  config::ModelManifest manifest;
  manifest.columns = {{"is_shoes", config::ColumnSource::kItem, "is_shoes", std::nullopt}};
  const scoring::Tree tree = {{.left = 1, .right = 2, .value = 0.5F},
                              {.value = situation.hat_margin},
                              {.value = situation.shoes_margin}};
  scoring::XgboostModel model;
  model.forest = *scoring::Forest::Build(1, -2, {tree});
  return *scoring::Model::Create(manifest, std::move(model));
}

domain::ReadRow Item(double is_shoes) {
  auto row = std::make_shared<domain::FeatureRow>();
  row->values["is_shoes"] = is_shoes;
  return {domain::RowState::kFresh, std::move(row)};
}

// Ticks of hat, shoes and the neutral action.
std::vector<Ticks> Propensities(const Situation& situation) {
  config::Bundle bundle;
  bundle.actions.resize(2);
  bundle.actions[0].id = "hat";
  bundle.actions[1].id = "shoes";
  config::Surface surface;
  surface.baseline_value = 0;
  scoring::Posteriors posteriors;
  posteriors.Set("", "hat", situation.hat);
  posteriors.Set("", "shoes", situation.shoes);
  const std::vector<domain::ReadRow> items = {Item(0), Item(1)};
  const scoring::Scores scores =
      scoring::Score(bundle, surface, ModelOf(situation).get(), posteriors, {}, {}, {0, 1}, items);
  std::vector<policy::Posterior> arms;
  for (const scoring::ScoredCandidate& candidate : scores.candidates) {
    arms.push_back(policy::BetaArm{candidate.alpha, candidate.beta});
  }
  const std::vector<double> probabilities =
      policy::ChoiceProbabilities(arms, {.known_value = surface.baseline_value, .posterior = {}});
  const bool feasible[] = {true, true, true};
  return policy::ToTicks(probabilities, feasible, surface.choice.exploration_floor);
}

TEST(ModelAndCounts, EqualModelAndCountsGiveEqualPropensities) {
  const std::vector<Ticks> ticks = Propensities({});
  EXPECT_NEAR(static_cast<double>(ticks[0]), static_cast<double>(ticks[1]), 1e5);
}

TEST(ModelAndCounts, TheModelAloneChangesPropensities) {
  const std::vector<Ticks> ticks = Propensities({.hat_margin = 0, .shoes_margin = 1});
  EXPECT_GT(ticks[1], 2 * ticks[0]);
}

TEST(ModelAndCounts, TheCountsAloneChangePropensities) {
  const std::vector<Ticks> ticks = Propensities({.shoes = {100, 25}});
  EXPECT_GT(ticks[1], 2 * ticks[0]);
}

}  // namespace
}  // namespace fulcrum
