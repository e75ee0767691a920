// Mistakes that a service could make between its draw and its log (coverage.h names them), applied
// to records that the real decider made.
#pragma once

#include "base/random.h"
#include "fulcrum/decision_record.h"
#include "simulation/coverage.h"

namespace fulcrum::simulation {

// `record` as a service with the fault would have logged it. One position, drawn.
void Plant(Fault fault, base::RandomStream* random, DecisionRecord* record);

}  // namespace fulcrum::simulation
