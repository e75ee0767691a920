// How a running service does, from its metrics.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "fulcrum/switch.h"
#include "telemetry/exposition.h"

namespace fulcrum::apps {

// One surface. Figures of the self-test are those of its last judged block (docs/self_test.md).
struct SurfaceStatus {
  std::string surface;
  uint64_t decisions = 0;
  uint64_t drawn = 0;      // answered `full` or `degraded`
  uint64_t fallbacks = 0;  // answered `editorial` or `neutral` for a reason other than the mode
  double block = 0;        // positions; 0 until one is judged
  double drawn_p_value = 1;
  double mean_weight = 1;
  double entropy = 1;
};

// One hard row, in its window.
struct RowStatus {
  std::string row;
  double spent = 0;
  double limit = 0;
};

// How many things of one kind are paused.
struct PausedStatus {
  std::string kind;
  double count = 0;
};

struct ServiceStatus {
  std::string version;  // empty: the metrics are not those of a service
  bool log_healthy = true;
  bool disk_low = false;
  double learning_lag = 0;  // records
  std::vector<SurfaceStatus> surfaces;
  std::vector<RowStatus> rows;
  std::vector<PausedStatus> paused;  // above 0 only
  std::vector<Switch> switches;      // what that is; the metrics do not tell
  std::vector<std::string> alarms;   // in words; empty is well
};

ServiceStatus StatusOf(absl::Span<const telemetry::SeriesValue> values);

std::string ToText(const ServiceStatus& status);
std::string ToJson(const ServiceStatus& status);

}  // namespace fulcrum::apps
