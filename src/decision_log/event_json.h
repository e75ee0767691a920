// Events as JSON for people and their tools: the payload by the JSON mapping of Protobuf.
// Thread-safe.
#pragma once

#include <string>

#include "fulcrum/decision_record.h"

namespace fulcrum::decision_log {

// "decision", "exposure", "outcome", "superseded", "unshown", "posterior_update", "price_update",
// "lease", "audit", "identity" or "settlement".
const char* EventTypeName(const LogEvent& event);

// One object on one line. Ids and references are base64, 64-bit numbers are strings, as Protobuf's
// mapping has it.
std::string EventToJson(const LogEvent& event);

}  // namespace fulcrum::decision_log
