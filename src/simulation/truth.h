// What the service must not see, for whoever judges it afterwards.
#pragma once

#include <cstdint>
#include <string>

#include "simulation/oracle.h"
#include "simulation/world.h"

namespace fulcrum::simulation {

// The world as JSON. `cells`: segment, x, share and per action `conversion` (P(ever)), in a static
// world also `credited` (within the attribution window) and `oracle` (its probabilities).
// `changes`, `period_s`, `fatigue`, `positions`: as in World; `outcome_delay_s`: the mean, per
// action; `timing`; and in a static world the `oracle` of the run.
std::string TruthJson(const World& world, const Oracle& oracle);

// The first `count` visits of a seed, for policies from elsewhere that are to meet the same
// visitors with the same luck: one row each, `time_s` since the world's start, `cell` as in `cells`
// from 0, and per position `luck` (it converts if that is below the rate) and `delay` (of the
// conversion, in means).
std::string VisitsCsv(const World& world, uint64_t seed, uint32_t users, uint64_t count);

}  // namespace fulcrum::simulation
