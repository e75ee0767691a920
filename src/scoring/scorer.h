// Scoring: from candidates and features to a probability per candidate (the model's) and a Beta
// posterior per arm (the model's opinion plus the counts of the arm's segment).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "config/bundle.h"
#include "domain/context.h"
#include "domain/seams.h"
#include "fulcrum/decision_record.h"
#include "scoring/model.h"
#include "scoring/posteriors.h"

namespace fulcrum::scoring {

struct ScoredCandidate {
  double score = 0;  // mu(x, a) in [0, 1]; NaN if the model gave nothing finite
  double alpha = 0;  // posterior for the draw; alpha, beta > 0 unless score is NaN
  double beta = 0;
};

struct Scores {
  std::string segment;
  std::vector<ScoredCandidate> candidates;
  BetaPosterior neutral;  // posterior of doing nothing (used when its value is not known)
  uint32_t columns = 0;
  std::vector<double> inputs;  // candidates x columns, as the model saw them
};

// `actions` are indices into bundle.actions, sorted by action id; `items` runs parallel. `model`
// may be null: then the score is the posterior mean of the counts alone and there are no inputs.
// Thread-safe: reads immutable objects.
Scores Score(const config::Bundle& bundle, const config::Surface& surface, const Model* model,
             const Posteriors& posteriors, const domain::DecisionContext& context,
             const domain::UserFeatures& user, absl::Span<const int32_t> actions,
             absl::Span<const domain::ReadRow> items);

}  // namespace fulcrum::scoring
