// Turns what the pipeline found into the record for the log and the reply for the caller.
#pragma once

#include <optional>

#include "decider/call.h"

namespace fulcrum::decider {

DecisionRecord MakeRecord(const Call& call);
Reply MakeReply(const Call& call);
std::optional<FeatureSnapshot> MakeSnapshot(const Call& call);

// The same for an answer that was not drawn: the surface's editorial action or the neutral one.
DecisionRecord MakeFallbackRecord(const Call& call, Degradation reason);
Reply MakeFallbackReply(const Call& call, Degradation reason, bool log_pending);
const std::string& FallbackActionId(const Call& call);

}  // namespace fulcrum::decider
