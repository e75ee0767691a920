// Belief in what a decision earns where most earn nothing and some earn an amount: the probability
// of a sale times the mean amount of a sale.
//
//   reward = sale * amount,  sale ~ Bernoulli(p),  amount ~ (m, s^2), independent
//
//   p: Beta. m: with k sales of mean a and squared deviations D, prior mean m0, prior deviation s0
//   and strength n0 (sales that the prior is worth),
//
//     n = n0 + k,  mean of m = (n0 m0 + k a) / n,
//     s^2 = (n0 s0^2 + D + n0 k (a - m0)^2 / n) / n,  variance of m = s^2 / n
//
// which is the normal-inverse-gamma posterior with shape 1 + n0 / 2 and scale n0 s0^2 / 2 (Murphy,
// Conjugate Bayesian analysis of the Gaussian distribution, 2007, section 6), its Student-t
// marginal taken as the Gaussian of equal variance. The product has
//
//   mean = E p E m,  variance = E p^2 E m^2 - mean^2
//
// The tail: amounts beyond a cap count as the cap (winsorised), so one sale can move an arm by no
// more than cap / n, and what is learned is the mean of capped amounts. How many were is counted.
#pragma once

#include "config/bundle.h"
#include "scoring/arm_book.h"
#include "scoring/linear_posterior.h"
#include "scoring/pooled_prior.h"

namespace fulcrum::scoring {

// One trial with this reward, as what is added up; |reward| is at most the cap.
ArmCounts ValueOf(double reward);

// `sale` is the posterior of p; `counts` were added up from ValueOf. Finite, sd > 0.
Belief ValueBelief(const config::ValuePosterior& prior, const BetaPosterior& sale,
                   const ArmCounts& counts);

}  // namespace fulcrum::scoring
