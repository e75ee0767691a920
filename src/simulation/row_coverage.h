// Coverage where hard rows bind: the real decider and ledger, on frozen posteriors, with budgets
// that end again and again, so that part of the candidates is masked `no_hold`.
//
// What is masked hangs on what was drawn before, so the value that can be known is that under the
// masks which the log has met: the mean over its decisions of what the target earns where just
// these candidates can be drawn, all visitors that could have come considered. The targets keep to
// the masks, too. What a target would have left of the budgets by itself is another question, which
// no estimator over a log of another policy answers.
#pragma once

#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "simulation/coverage.h"

namespace fulcrum::simulation {

// IPS, SNIPS and DR for the three targets in the world `stationary`, its offers at 1, 2 and 3
// units, with a daily budget for the offers, one of exposures per day for `banner-1` and one in any
// two days for `offer-3`, in proportion to the rows of a run, which is a day. Thompson sampling,
// floor 0.1. `on_decision` hears of every decision in a run.
absl::StatusOr<std::vector<CoverageCell>> RunRowCoverage(
    const CoverageOptions& options,
    absl::FunctionRef<void(uint64_t replication, const DecisionRecord& record)> on_decision);

}  // namespace fulcrum::simulation
