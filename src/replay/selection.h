// Draws a logged decision again from its record alone.
//
// From the recorded posteriors, masks, baseline, exploration floor, seeds and the decision id,
// every position's distribution in ticks and its draw are computed by the code that serves
// (policy/position.h) and compared with what the record says. Nothing else is read: no bundle, no
// model, no snapshot. What this level cannot see is a posterior or a seed that was written wrong in
// a way that changes neither ticks nor draw; the full level (scores.h) does.
//
// Pure functions, thread-safe. A record comes from outside: one that no service writes is a
// difference, never the end of the process.
#pragma once

#include <vector>

#include "fulcrum/decision_record.h"
#include "replay/comparison.h"

namespace fulcrum::replay {

// Whether the policy drew, be it for serving or not, and what it drew.
bool HasSelection(const DecisionRecord& record);
const std::vector<PositionRecord>& SelectionOf(const DecisionRecord& record);

// What the record's policy drew from: shares of the candidates, then the neutral action's; none if
// nothing is set for any.
std::vector<Share> SharesOf(const DecisionRecord& record);

Comparison CompareSelection(const DecisionRecord& record);

}  // namespace fulcrum::replay
