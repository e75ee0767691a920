// Turns what the pipeline found into the record for the log; the reply follows from it.
#pragma once

#include <optional>

#include "decider/call.h"

namespace fulcrum::decider {

Versions VersionsOf(const Call& call);
DecisionRecord MakeRecord(const Call& call);
std::optional<FeatureSnapshot> MakeSnapshot(const Call& call);

// The same for an answer that was not drawn: the surface's editorial action or the neutral one.
DecisionRecord MakeFallbackRecord(const Call& call, Degradation reason);
const std::string& FallbackActionId(const Call& call);

}  // namespace fulcrum::decider
