// A bundle, a model and posteriors in memory, and decisions made with them as the service would: by
// scoring and policy, without ledger, network or files.
#pragma once

#include <bit>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/check.h"
#include "config/bundle.h"
#include "policy/position.h"
#include "policy/recorded.h"
#include "replay/scores.h"
#include "scoring/scorer.h"

namespace fulcrum::replay::testing {

struct ScoredDecision {
  DecisionRecord record;
  FeatureSnapshot snapshot;
};

class ScoredWorld {
 public:
  static constexpr uint64_t kModel = 77;

  ScoredWorld() {
    MakeBundle();
    MakeModel();
    MakePosteriors();
  }
  ScoredWorld(const ScoredWorld&) = delete;
  ScoredWorld& operator=(const ScoredWorld&) = delete;

  World world() const { return {&bundle_, model_.get(), &posteriors_}; }
  config::Bundle& bundle() { return bundle_; }

  // The next decision: any of the surfaces, segments and slate sizes. The same sequence for every
  // new world.
  ScoredDecision Decide() {
    const config::Surface& surface = bundle_.surfaces[Below(bundle_.surfaces.size())];
    scoring::Scores scores;
    scores.segment = Below(2) == 0 ? "" : "gold";
    scores.columns = kColumns;
    for (size_t i = 0; i < size_t{kActions} * kColumns; ++i) scores.inputs.push_back(Between(0, 1));
    if (surface.linear) {
      scores.basis = {scores.segment == "gold" ? 1.0 : 0.0, Between(0, 24)};
    }
    std::vector<int32_t> actions;
    for (int32_t i = 0; i < kActions; ++i) actions.push_back(i);
    scoring::ScoreInputs(bundle_, surface, model_.get(), posteriors_, actions, &scores);

    ScoredDecision decision;
    DecisionRecord& record = decision.record;
    const uint64_t high = Next();  // arguments have no order of their own
    record.id = DecisionId::FromTimeAndRandom(absl::FromUnixMillis(++millis_), high, Next());
    record.surface = surface.id;
    record.segment = scores.segment;
    record.occurred_us = millis_ * 1000;
    record.versions = {.bundle = 1, .model = kModel, .schema = bundle_.schema_version};
    record.slate_size = static_cast<uint32_t>(1 + Below(3));
    record.policy = surface.choice.policy;
    record.exploration_floor = surface.choice.exploration_floor;
    record.replayable = Replayable::kFull;
    record.log_odds = scores.log_odds;
    WriteNeutral(surface, scores, &record);
    for (size_t i = 0; i < kActions; ++i) {
      const scoring::ScoredCandidate& scored = scores.candidates[i];
      record.candidates.push_back({.action_id = bundle_.actions[i].id,
                                   .campaign_id = bundle_.campaigns[0].id,
                                   .mask = Below(8) == 0 ? MaskReason::kNoHold : MaskReason::kNone,
                                   .score = scored.score,
                                   .alpha = scored.alpha,
                                   .beta = scored.beta,
                                   .mean = scored.mean,
                                   .sd = scored.sd});
    }
    Draw(surface, scores, &record);
    decision.snapshot = {record.id, kModel, kColumns, std::move(scores.inputs),
                         std::move(scores.basis)};
    return decision;
  }

  uint64_t Next() { return random_(); }
  size_t Below(size_t bound) { return Next() % bound; }
  double Between(double low, double high) {
    return low + (high - low) * static_cast<double>(Next() >> 11) * 0x1p-53;
  }

 private:
  static constexpr int kActions = 6;
  static constexpr uint32_t kColumns = 8;

  void MakeBundle() {
    bundle_.version = 1;
    bundle_.campaigns.resize(1);
    bundle_.campaigns[0].id = "spring";
    for (int i = 0; i < kActions; ++i) {
      config::Action action;
      action.id = absl::StrCat("action-", i);
      action.campaign = 0;
      bundle_.action_index[action.id] = i;
      bundle_.actions.push_back(action);
    }
    for (const char* id : {"beta", "known", "lined", "odds"}) {
      config::Surface surface;
      surface.id = id;
      surface.choice.exploration_floor = 0.05;
      surface.model_strength = 30;
      surface.policy_salt = absl::StrCat("salt of ", id);
      surface.baseline_beta = 30;
      if (surface.id == "known") {
        surface.baseline_value = 0.02;
        surface.choice.policy = {PolicyKind::kSoftmax, 0.01};
      }
      if (surface.id == "lined" || surface.id == "odds") {
        surface.linear.emplace();
        surface.linear->log_odds = surface.id == "odds";
        if (surface.id == "odds") surface.linear->noise_sd = 1;
        surface.linear->segments = {"gold"};
        surface.linear->context_keys = {"hour"};
      }
      bundle_.surface_index[surface.id] = static_cast<int32_t>(bundle_.surfaces.size());
      bundle_.surfaces.push_back(surface);
    }
  }

  // Many stumps, so that nearly every row has a margin of its own.
  void MakeModel() {
    std::vector<scoring::Tree> trees;
    for (uint32_t i = 0; i < 64; ++i) {
      trees.push_back({{.left = 1,
                        .right = 2,
                        .column = i % kColumns,
                        .value = static_cast<float>(Between(0, 1))},
                       {.value = static_cast<float>(Between(-0.4, 0.4))},
                       {.value = static_cast<float>(Between(-0.4, 0.4))}});
    }
    scoring::XgboostModel forest;
    forest.forest = *scoring::Forest::Build(kColumns, -2, trees);
    config::ModelManifest manifest;
    manifest.version = kModel;
    for (uint32_t i = 0; i < kColumns; ++i) {
      manifest.columns.push_back({absl::StrCat("x", i),
                                  config::ColumnSource::kContext,
                                  absl::StrCat("x", i),
                                  std::nullopt,
                                  {}});
    }
    auto model = scoring::Model::Create(manifest, std::move(forest));
    FULCRUM_CHECK(model.ok());
    model_ = *std::move(model);
  }

  void MakePosteriors() {
    posteriors_.SetSurfaces(bundle_, /*has_model=*/true);
    for (int i = 0; i < 300; ++i) {
      const std::string action = absl::StrCat("action-", Below(kActions));
      const double reward = Between(0, 1) < 0.2 ? 1 : 0;
      const double gold = Below(2) == 0 ? 1 : 0;
      const std::vector<double> basis = {1, Between(0, 0.4), gold, Between(0, 24)};
      posteriors_.Observe({"lined", "", action, basis, reward});
      posteriors_.Observe({"odds", "", action, {1, Between(-4, 0), gold, Between(0, 1)}, reward});
      posteriors_.Observe({"beta", gold > 0 ? "gold" : "", action, {}, reward});
    }
  }

  static void WriteNeutral(const config::Surface& surface, const scoring::Scores& scores,
                           DecisionRecord* record) {
    record->neutral_known = surface.baseline_value.has_value();
    record->neutral_value = surface.baseline_value.value_or(0);
    if (record->neutral_known) return;
    record->neutral_alpha = scores.neutral.alpha;
    record->neutral_beta = scores.neutral.beta;
    record->neutral_mean = scores.neutral.mean;
    record->neutral_sd = scores.neutral.sd;
  }

  static void Draw(const config::Surface& surface, const scoring::Scores& scores,
                   DecisionRecord* record) {
    std::vector<policy::Posterior> arms;
    absl::InlinedVector<bool, 16> left;
    for (const CandidateRecord& one : record->candidates) {
      arms.push_back(policy::PosteriorOf(one, record->log_odds));
      left.push_back(one.mask == MaskReason::kNone);
    }
    const policy::Baseline baseline = {surface.baseline_value, policy::NeutralPosteriorOf(*record)};
    for (uint32_t number = 1; number <= record->slate_size; ++number) {
      PositionRecord position;
      position.seed = policy::DrawSeed(surface.policy_salt, number);
      policy::PositionDraw draw = policy::DrawPosition(
          arms, left, baseline, {surface.choice.policy, surface.choice.exploration_floor, {}},
          record->id, position.seed);
      position.ticks = std::move(draw.ticks);
      const bool neutral = draw.drawn == arms.size();
      position.action_id = neutral ? kNeutralActionId : record->candidates[draw.drawn].action_id;
      if (surface.linear) {
        const double score =
            neutral ? scoring::NeutralScore(surface) : record->candidates[draw.drawn].score;
        const scoring::Terms terms = scoring::ArmTerms(surface, score, scores.basis);
        position.basis.assign(terms.begin(), terms.end());
      }
      record->positions.push_back(std::move(position));
      if (neutral) return;
      left[draw.drawn] = false;
    }
  }

  config::Bundle bundle_;
  std::shared_ptr<const scoring::Model> model_;
  scoring::Posteriors posteriors_;
  std::mt19937_64 random_{20240613};
  int64_t millis_ = 1574553600000;
};

}  // namespace fulcrum::replay::testing
