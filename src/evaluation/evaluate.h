// What a policy would have earned per row, estimated from the rows of another one (off-policy
// evaluation). docs/evaluation.md has the formulas, their sources, and what the warnings mean.
//
//   RowSet rows = *ReadLogRows("data/log", {});
//   Evaluation answer = *Evaluate(rows, Target::Uniform(), {});
//   if (!answer.verdict.ok) Tell(answer.verdict.reason);
//
// Thread-safe; the same input gives the same bits on any number of threads.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "evaluation/reward_model.h"
#include "evaluation/rows.h"
#include "evaluation/target.h"
#include "evaluation/terms.h"

namespace fulcrum::evaluation {

struct EvaluateOptions {
  std::vector<Estimator> estimators = {Estimator::kIps, Estimator::kSnips, Estimator::kDm,
                                       Estimator::kDr};
  const RewardModel* reward_model = nullptr;  // null: ShrunkRewards
  uint64_t seed = 1;                          // of the resampling
  int resamples = 2000;                       // 0: no intervals
  double level = 0.95;                        // of the intervals, in (0, 1)
  int threads = 0;                            // 0: as many as the machine has
};

// In units of the reward, per row; kRips and kSlateIps per decision, which is all its positions
// together. NaN where there is nothing to divide by.
struct Estimate {
  Estimator estimator = Estimator::kIps;
  double value = 0;
  double se = 0;      // by formula: of a mean, for ratios (kSnips, kAipw) by linearisation
  double ci_low = 0;  // percentile bootstrap; for kAipw the normal interval
  double ci_high = 0;
};

// The weights of whole slates: products of the weights of their positions.
struct SlateWeights {
  uint64_t slates = 0;  // decisions that kRips and kSlateIps are of
  uint64_t broken = 0;  // that they leave out, because a position before the last is no row
  double effective_sample_size = 0;
  double mean = 0;  // 1 but for chance, if the propensities are right
  double mean_se = 0;
  double max = 0;
};

// Whether the estimates may be believed. If not, `reason` says why and what to do.
struct Verdict {
  bool ok = true;
  std::string reason;
};

struct Evaluation {
  std::vector<Estimate> estimates;  // in the order asked for
  uint64_t rows = 0;  // that the estimates are of: all, or those with detail if the target needs it
  std::map<std::string, uint64_t> excluded;  // positions that are no rows, by reason
  double mean_reward = 0;                    // of all rows as logged
  // (sum w)^2 / sum w^2; here and in the next three, w of a row that stands for several (Row::kept)
  // is that many times the target's and the log's probability of what was logged.
  double effective_sample_size = 0;
  double mean_weight = 0;  // 1 but for chance, if the propensities are right
  double mean_weight_se = 0;
  double max_weight = 0;
  SlateWeights slate_weights;    // as in the other figures, w of a slate that stands for several
  double unsupported_share = 0;  // mean share of the target on what the log could not draw
  double fallback_share = 0;     // of all positions of the log
  std::vector<Warning> warnings;
  Verdict verdict;

  // Null if it was not asked for.
  const Estimate* Find(Estimator estimator) const;
  bool AsksOfSlates() const;  // kRips or kSlateIps was asked for
};

// INVALID_ARGUMENT if the target does not fit the rows, an option is out of range, or kAipw is
// asked of slates. Estimates that should not be believed are no error: they carry warnings and a
// verdict.
absl::StatusOr<Evaluation> Evaluate(const RowSet& rows, const Target& target,
                                    const EvaluateOptions& options);

// A table for people, with the warnings in words.
std::string ToText(const Evaluation& evaluation);

}  // namespace fulcrum::evaluation
