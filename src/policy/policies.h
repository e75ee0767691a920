// What each policy makes of posteriors: probabilities, from which ticks are made. Pure functions,
// thread-safe (buffers are kept per thread).
#pragma once

#include <vector>

#include "absl/types/span.h"
#include "fulcrum/policy.h"
#include "policy/choice.h"

namespace fulcrum::policy {

// One entry per arm, then the neutral action; sums to 1 up to rounding, and the same bits on every
// machine. No arms: {1}. `arms` and `baseline` as in ChoiceProbabilities, `policy` valid, `shares`
// valid and one per entry, or none if nothing is set; other arguments stop the process.
std::vector<double> ActionProbabilities(const Policy& policy, absl::Span<const Posterior> arms,
                                        const Baseline& baseline,
                                        absl::Span<const Share> shares = {});

// The posterior of a utility that is `amount` less.
Posterior Lowered(const Posterior& posterior, double amount);

// Expected utility and its standard deviation; not a number if the posterior is not valid.
double MeanOf(const Posterior& posterior);
double SdOf(const Posterior& posterior);

// What cautious mode ranks an arm by, and every policy that compares values: the mean and `width`
// standard deviations.
double BoundOf(const Posterior& posterior, double width);

}  // namespace fulcrum::policy
