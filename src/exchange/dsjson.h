// Vowpal Wabbit's "decision service JSON": one object a line, with the label, the event's id and
// its time (docs/exchange.md). Safe from any thread.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "exchange/json_lines.h"

namespace fulcrum::exchange {

// The decision and its outcome. INVALID_ARGUMENT with what is wrong with line number `line`.
absl::StatusOr<std::vector<LogRecord>> FromDsjson(std::string_view text, uint64_t line);

}  // namespace fulcrum::exchange
