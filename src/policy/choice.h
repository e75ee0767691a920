// From posteriors to a distribution in ticks, and one draw from it. Pure functions, thread-safe
// (buffers are kept per thread). Arguments that break what is said below stop the process.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/types/span.h"
#include "fulcrum/decision_id.h"
#include "fulcrum/propensity.h"

namespace fulcrum::policy {

// Posterior of an arm's reward rate: its utility is value * rate - price. alpha, beta > 0, value
// > 0, all finite.
struct BetaArm {
  double alpha = 1;
  double beta = 1;
  double value = 1;
  double price = 0;
};

// Posterior of an arm's expected reward. Both finite, sd > 0.
struct GaussArm {
  double mean = 0;
  double sd = 1;
};

// Posterior of an arm whose reward rate has a normally distributed logit, as logistic models have
// it: its utility is value / (1 + exp(-z)) - price with z normal. sd > 0, value > 0, all finite.
struct LogitArm {
  double mean = 0;  // of z
  double sd = 1;    // of z
  double value = 1;
  double price = 0;
};

// What is believed about one arm. The arms of one choice are all of one family; values and prices
// may differ from arm to arm.
using Posterior = std::variant<BetaArm, GaussArm, LogitArm>;

// Whether the parameters are those of a distribution, as said above.
bool IsValid(const Posterior& posterior);

// What the neutral action is worth: a known value (a point mass; any finite number, but in [0, 1]
// among Beta arms of value 1 and price 0) or a posterior of its own, of the arms' family.
struct Baseline {
  std::optional<double> known_value;
  Posterior posterior;  // not read if the value is known
};

// Probability that each arm is worth most (Thompson sampling's choice probabilities, computed, not
// sampled): one entry per arm, then the neutral action; sums to 1. No arms: {1}. Absolute error at
// most 2e-6 per entry (docs/choice_probabilities.md).
std::vector<double> ChoiceProbabilities(absl::Span<const Posterior> arms, const Baseline& baseline);

// (1 - floor) * p + floor * uniform over the entries with feasible[i], where p is `probabilities`
// restricted to them and divided by its sum (uniform if that is 0), as ticks that sum to exactly
// 2^32: every feasible entry gets at least one tick, the largest absorbs the rounding, the others
// get 0. `floor` in [0, 1]. At least one entry must be feasible.
std::vector<Ticks> ToTicks(absl::Span<const double> probabilities, absl::Span<const bool> feasible,
                           double floor);

// The draw of one decision and position: the first index whose cumulative ticks exceed
// base::DrawUniform(id, seed). `ticks` sum to 2^32.
size_t Draw(absl::Span<const Ticks> ticks, DecisionId id, uint64_t seed);

// The Philox key of a draw at `position` (1-based) under a surface's salt.
uint64_t DrawSeed(std::string_view policy_salt, uint32_t position);

}  // namespace fulcrum::policy
