// Vowpal Wabbit's text of contextual bandits: "action:cost:probability | features", a line for each
// logged choice (docs/exchange.md). Safe from any thread.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "exchange/json_lines.h"

namespace fulcrum::exchange {

// The decision and its outcome. INVALID_ARGUMENT with what is wrong with line number `line`.
absl::StatusOr<std::vector<LogRecord>> FromVwText(std::string_view text, uint64_t line);

}  // namespace fulcrum::exchange
