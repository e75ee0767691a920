// What was shown, against what the oracle would have shown: exact expectations, visit by visit.
//
// The oracle knows all rates. With one position and rates that stay it is that of oracle.h, budget
// included. Elsewhere there is no budget, and it takes the slate that is worth most at the visit:
// arms in the order of their rates, down to where doing nothing is worth more. That is the best
// policy, not only the best next step: a visit does not change what comes later, but for fatigue,
// where each arm's rates for a user are a falling sequence, and the largest of several falling
// sequences, taken one after the other, are the largest of all for any number of visits. The oracle
// counts what it has shown itself, so one visit's regret may be negative there; their sum from the
// start never is.
#pragma once

#include <cstdint>
#include <vector>

#include "simulation/oracle.h"
#include "simulation/visits.h"
#include "simulation/world.h"

namespace fulcrum::simulation {

class Judge {
 public:
  // Expected credited conversions of one shown visit.
  struct Verdict {
    double expected = 0;  // of what was shown
    double oracle = 0;    // of what the oracle shows
    double regret = 0;    // with a budget, each action's cost charged at the oracle's price
  };

  // `oracle` is for static worlds; all outlive this.
  Judge(const World& world, const Oracle& oracle, uint32_t users);

  // How `arm` at `position` would meet the visit's user, after all that was shown.
  Showing At(const Visit& visit, size_t arm, size_t position) const;

  // The best slate for the visit, by what the oracle has shown: arms, and the neutral action last
  // if it ends the slate. The first of arms that are worth the same.
  std::vector<size_t> Best(const Visit& visit) const;

  // Shows `slate` to a visit that sees it. Visits come in order.
  Verdict Show(const Visit& visit, const std::vector<size_t>& slate);

 private:
  using Counts = std::vector<uint32_t>;  // by user, then by arm; empty without fatigue

  uint32_t Seen(const Counts& counts, const Visit& visit, size_t arm) const;
  double ValueOf(const Counts& counts, const Visit& visit, const std::vector<size_t>& slate) const;
  void Count(const Visit& visit, const std::vector<size_t>& slate, Counts* counts) const;
  Verdict OfStatic(const Visit& visit, size_t arm) const;

  const World& world_;
  const Oracle& oracle_;
  Counts shown_, shown_by_oracle_;
};

}  // namespace fulcrum::simulation
