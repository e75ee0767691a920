// Priors from what was learned of others: an action is taken for one of its campaign's, a campaign
// for one of the surface's. So an action without data starts from the rate of the campaign's other
// actions, as they stand in the user's segment.
//
// A Beta-binomial hierarchy (Gelman et al., Bayesian Data Analysis, 3rd ed., 2013, 5.3). The rates
// of a campaign's actions are Beta around the campaign's rate with `strength` k, those of campaigns
// around the surface's, and the surface's rate is uniform:
//
//   - n trials of one member tell of the rate that members share as much as n (k + 1) / (n + k)
//     trials of it would, because members differ;
//   - what is known of the shared rate, Beta with mean m and T trials, leaves for a new member a
//     Beta with mean m and k T / (T + 1 + k) trials (equal mean and variance).
//
// The prior of an action leaves out what is known of itself, which the posterior adds, and that of
// a campaign's rate what is known of the campaign.
//
// With `estimate` k is no larger than what the differences among the actions of each campaign
// suggest: with rates p_i of n_i trials, N in all, p the common rate and q = 1 - p, by moments
//
//   1 / (k + 1) = sum (S - p q (c - 1)) / sum p q (N - sum n_i^2 / N - (c - 1)),
//   S = sum n_i (p_i - p)^2
//
// with the outer sums over campaigns and c actions in each (Kleinman, JASA 68, 1973, with weights
// n_i).
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "absl/types/span.h"
#include "config/bundle.h"
#include "scoring/arm_book.h"

namespace fulcrum::scoring {

struct BetaPosterior {
  double alpha = 0;  // prior successes + successes
  double beta = 0;   // prior failures + failures
};

// k by moments from the actions of one campaign each; none if they do not differ more than chance
// would have it, or are too few to say.
std::optional<double> StrengthByMoments(const std::vector<std::vector<ArmCounts>>& campaigns);

// Of the actions of one surface, in one segment. A function of its arguments alone.
class PooledPriors {
 public:
  PooledPriors(const config::Bundle& bundle, const config::Surface& surface,
               const config::Pooling& pooling, const ArmBook& book, std::string_view segment);

  // `action` is one of the surface's, which has `counts` in the book.
  BetaPosterior Of(const config::Action& action, const ArmCounts& counts) const;

  double strength() const { return strength_; }

 private:
  // Of what members tell of the rate that they share.
  ArmCounts Told(const ArmCounts& member) const;

  double strength_;
  std::vector<ArmCounts> campaigns_;  // told by the actions; by index in the bundle
  ArmCounts all_;                     // told by the campaigns
};

}  // namespace fulcrum::scoring
