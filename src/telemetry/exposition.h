// Reads the Prometheus text format (version 0.0.4), as Metrics::Text() writes it.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace fulcrum::telemetry {

// One line: a value of one series.
struct SeriesValue {
  std::string name;
  std::map<std::string, std::string> labels;
  double value = 0;  // may be NaN or infinite
};

// INVALID_ARGUMENT, naming the line, for what is no such text. Timestamps are read over.
absl::StatusOr<std::vector<SeriesValue>> ReadExposition(std::string_view text);

}  // namespace fulcrum::telemetry
