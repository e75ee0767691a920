// Weighted AIPW, for logs whose policy learned from them: doubly robust scores, averaged with
// weights that keep the variance even while the propensities drift, so that the interval holds.
//
//   G_t = sum_a target(a) q_t(a) + w_t (r_t - q_t(action))        h_t = 1 / sqrt(V_t)
//
// q_t is the model `shrunk` (reward_model.h) on the rows before t. V_t is the expected square of
// the weight, sum_a target(a)^2 / logged(a), averaged over the rows before t: a running mean that
// becomes an exponential one over the last kMemory rows. For a target that always takes one action
// and propensities that hang on nothing but time, V is 1 / e_t and h is sqrt(e_t), as in Hadad,
// Hirshberg, Zhan, Wager and Athey, "Confidence intervals for policy evaluation in adaptive
// experiments" (PNAS 118, 2021); for any target it is StableVar of Zhan, Hadad, Hirshberg and
// Athey, "Off-policy evaluation via adaptive weighting with data from contextual bandits" (KDD
// 2021).
//
// Both q_t and h_t are known before row t comes. That is what makes h_t (G_t - value) a martingale
// difference, and why V_t is not taken at row t itself: it hangs on the row's context, and weights
// that do would favour the visitors that the log was sure about.
#pragma once

#include <vector>

#include "evaluation/rows.h"
#include "evaluation/target.h"
#include "evaluation/terms.h"

namespace fulcrum::evaluation {

// Fills Terms::stable_weight and stable_reward; `terms` run parallel to the rows, which are in the
// order of time and decisions of one row each. The first row only starts V: its h is 0.
void AddStableTerms(const RowSet& rows, const TargetOnRows& target, std::vector<Terms>* terms);

}  // namespace fulcrum::evaluation
