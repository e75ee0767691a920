// How a record loses its detail: candidates, distributions, features. The core is always kept.
#pragma once

#include <string_view>

#include "fulcrum/decision_record.h"

namespace fulcrum::domain {

// Takes the detail away and says why. What learning and the ledger need stays: actions, their
// probabilities, seeds, debits and the terms of the drawn arms. The snapshot is the caller's.
void DropDetail(Detail why, std::string_view replayable_reason, DecisionRecord* record);

}  // namespace fulcrum::domain
