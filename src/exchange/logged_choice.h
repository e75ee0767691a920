// A choice that another system logged, as records of ours (docs/exchange.md). Safe from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "exchange/json_lines.h"

namespace fulcrum::exchange {

struct LoggedChoice {
  uint64_t line = 0;                   // of the file, from 1: makes the ids
  std::optional<int64_t> occurred_us;  // microseconds since 1970 UTC; none: `line`
  std::string_view surface;
  std::string_view action;
  std::string_view request_id;  // may be empty
  double probability = 0;       // of `action`: above 0, at most 1
  double reward = 0;            // finite
};

// A decision of which only the drawn action is known, and its outcome, of kind "reward".
// INVALID_ARGUMENT with what is wrong.
absl::StatusOr<std::vector<LogRecord>> RecordsOf(const LoggedChoice& choice);

}  // namespace fulcrum::exchange
