// When something else is served than what the policy drew: users who are held out, and surfaces in
// apprentice or log-only mode.
#pragma once

#include <string>
#include <vector>

#include "config/bundle.h"
#include "decider/call.h"

namespace fulcrum::decider {

// Whether the policy's draw is logged and not served.
bool IsDiverted(const Call& call);

// How an answer is called whose actions the policy did not draw, and what they are: nothing on a
// surface that is paused, and for users who are held out; the caller's own actions in apprentice
// mode, if it named any; the surface's fallback action, or the neutral one. Never an action that is
// paused. Reads only what is const in a call.
Answer InsteadAnswer(const Call& call);
std::vector<PositionRecord> InsteadPositions(const Call& call);

}  // namespace fulcrum::decider
