// Turns what the pipeline found into the record for the log; the reply follows from it.
#pragma once

#include <optional>

#include "decider/call.h"

namespace fulcrum::decider {

Versions VersionsOf(const Call& call);
DecisionRecord MakeRecord(const Call& call);
std::optional<FeatureSnapshot> MakeSnapshot(const Call& call);

// The same for an answer that was not drawn (diversion.h).
DecisionRecord MakeFallbackRecord(const Call& call, Degradation reason);

}  // namespace fulcrum::decider
