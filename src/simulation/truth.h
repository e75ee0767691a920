// What the service must not see, for whoever judges it afterwards.
#pragma once

#include <cstdint>
#include <string>

#include "simulation/oracle.h"
#include "simulation/world.h"

namespace fulcrum::simulation {

// The world as JSON: `cells` (segment, x, share), per cell and action `conversion` (ever) and
// `credited` (within the attribution window), `timing`, and the `oracle` of the run.
std::string TruthJson(const World& world, const Oracle& oracle);

}  // namespace fulcrum::simulation
