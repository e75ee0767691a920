// What rows had spent before a log begins, from CSV.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/file.h"
#include "config/bundle.h"
#include "replay/simulated_ledger.h"

namespace fulcrum::replay {

// Columns `row,window,spent`: a row's id (not one per user), `total` or the day as YYYY-MM-DD in
// the campaign's time zone, and micros or exposures. INVALID_ARGUMENT with file and line for what
// is not of the bundle, or no such number.
absl::StatusOr<std::vector<OpeningSpend>> ReadOpening(base::FileSystem* files,
                                                      const std::string& path,
                                                      const config::Bundle& bundle);

}  // namespace fulcrum::replay
