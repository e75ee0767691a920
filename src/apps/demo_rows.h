// What a run took from the rows of its bundle, folded from the decision log.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "config/bundle.h"

namespace fulcrum::apps {

// One row over the whole run. Amounts are micros, exposures or millionths, as the row counts. A
// window that moves with the clock counts once per user, by the most that it ever held.
struct RowUse {
  std::string row;
  std::string campaign;
  config::Resource resource = config::Resource::kCost;
  bool campaign_total = false;  // a budget of the campaign over all time
  bool soft = false;            // may be given up, and so exceeded
  int64_t limit = 0;
  int64_t spent_max = 0;      // in the fullest window (and user)
  int64_t spent_total = 0;    // over all windows
  uint64_t windows = 0;       // windows (and users) that spent anything
  uint64_t windows_full = 0;  // of these, with no room for one more
};

// What was returned, because it was superseded or not shown, does not count as spent. DATA_LOSS if
// the log cannot be read to its end.
absl::StatusOr<std::vector<RowUse>> FoldRows(const config::Bundle& bundle,
                                             const std::string& log_directory);

}  // namespace fulcrum::apps
