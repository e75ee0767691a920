// Scoring: from candidates and features to a score per candidate (the model's) and a posterior per
// arm. That is a Beta one, the model's opinion plus the counts of the arm's segment, or on a
// surface with `linear` a Gaussian one, linear in score, segment and context; with `logistic` one
// of the log odds; on one with `value` a Gaussian one of an amount.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "config/bundle.h"
#include "domain/context.h"
#include "domain/seams.h"
#include "fulcrum/decision_record.h"
#include "scoring/linear_posterior.h"
#include "scoring/model.h"
#include "scoring/posteriors.h"

namespace fulcrum::scoring {

struct ScoredCandidate {
  double score = 0;  // mu(x, a); in (0, 1) for Beta; NaN if the model gave nothing finite
  double alpha = 0;  // Beta posterior for the draw: both > 0 unless score is NaN
  double beta = 0;
  double mean = 0;  // Gaussian posterior for the draw: sd > 0 unless score is NaN
  double sd = 0;    // 0 if the surface's are not Gaussian but have alpha and beta
};

struct Scores {
  std::string segment;
  std::vector<ScoredCandidate> candidates;
  ScoredCandidate neutral;  // posterior of doing nothing (used when its value is not known)
  bool log_odds = false;    // Gaussian posteriors are of the log odds, not of the reward
  uint32_t columns = 0;
  std::vector<double> inputs;  // candidates x columns, as the model saw them
  std::vector<double> basis;   // shared terms of a linear posterior: ArmTerms gives the x of an arm
};

// The x of an arm of a linear surface with this score; of the neutral action with NeutralScore.
Terms ArmTerms(const config::Surface& surface, double score, absl::Span<const double> shared);
double NeutralScore(const config::Surface& surface);

// `actions` are indices into bundle.actions, sorted by action id; `items` runs parallel. `model`
// may be null: then there are no inputs and the score is the posterior mean of the counts alone, or
// 0 on a surface with `linear`.
// Thread-safe: reads immutable objects.
Scores Score(const config::Bundle& bundle, const config::Surface& surface, const Model* model,
             const Posteriors& posteriors, const domain::DecisionContext& context,
             const domain::UserFeatures& user, absl::Span<const int32_t> actions,
             absl::Span<const domain::ReadRow> items);

// The second half of Score, and all of it that a replay of the log needs: from segment, inputs and
// basis, which `scores` has, to candidates and the neutral action. `inputs` hold one row per action
// for the model's columns, none without a model; `basis` is empty or has the surface's terms.
// Thread-safe.
void ScoreInputs(const config::Bundle& bundle, const config::Surface& surface, const Model* model,
                 const Posteriors& posteriors, absl::Span<const int32_t> actions, Scores* scores);

}  // namespace fulcrum::scoring
