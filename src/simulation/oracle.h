// What the best policy that knows the truth would do with a world's budget, and what falling short
// of it costs.
//
// With N visits, budget B and cost c_a the oracle solves
//     max sum_cell share(cell) sum_a pi(a|cell) r(cell, a)   s.t.  sum share pi c_a <= b
// per shown visit, b = B / (N P(shown)), r = World::Credited. A linear programme with one row: its
// dual is min over price >= 0 of  sum share max_a (r - price c_a) + price b,  convex and piecewise
// linear, so the best price is 0 or one at which two arms of a cell are worth the same.
#pragma once

#include <cstddef>
#include <vector>

#include "simulation/world.h"

namespace fulcrum::simulation {

struct Oracle {
  double price = 0;                         // of one micro of the budget, in reward
  double value = 0;                         // expected reward per shown visit
  double spend = 0;                         // expected micros of the budget per shown visit
  std::vector<std::vector<double>> choice;  // [cell][arm]: the oracle's probabilities, neutral last
  std::vector<double> best;                 // [cell]: max_a (r - price c_a)
};

// `budget_per_shown` in micros per shown visit; ignored by worlds without a budget. A campaign with
// dates counts as always active here.
Oracle SolveOracle(const World& world, double budget_per_shown);

// What a shown visit of `cell` loses under `arm` against the oracle, at the oracle's price: >= 0,
// and 0 for all that the oracle does.
double RegretOf(const World& world, const Oracle& oracle, size_t cell, size_t arm);

}  // namespace fulcrum::simulation
