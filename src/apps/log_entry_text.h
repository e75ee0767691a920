// One event of a log as a line for people or as a JSON object.
#pragma once

#include <cstdint>
#include <string>

#include "fulcrum/decision_log_reader.h"

namespace fulcrum::apps {

std::string Rfc3339(int64_t micros);

// To standard output, one line.
void PrintEntry(const LogEntry& entry, bool json);

}  // namespace fulcrum::apps
