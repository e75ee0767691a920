// Reads the metrics of a running service.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "telemetry/exposition.h"

namespace fulcrum::apps {

// GET http://`address`/metrics, parsed. UNAVAILABLE, with the remedy, if nobody answers in time;
// DATA_LOSS if what answers is no service of ours. At most 16 MiB are read.
absl::StatusOr<std::vector<telemetry::SeriesValue>> Scrape(const std::string& address,
                                                           absl::Duration timeout);

}  // namespace fulcrum::apps
