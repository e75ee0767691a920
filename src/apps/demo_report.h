// What the demo found, as a table for people and as JSON.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "apps/demo_traffic.h"
#include "config/bundle.h"
#include "evaluation/replay_method.h"

namespace fulcrum::apps {

// One hard row over the whole run, folded from the decision log.
struct RowUse {
  const config::Constraint* row = nullptr;
  std::string campaign;
  int64_t limit = 0;
  int64_t spent_max = 0;      // in the fullest window (and user)
  int64_t spent_total = 0;    // over all windows
  uint64_t windows = 0;       // windows (and users) that spent anything
  uint64_t windows_full = 0;  // of these, with no room for one more
};

// INVALID_ARGUMENT or DATA_LOSS if the log cannot be read to its end.
absl::StatusOr<std::vector<RowUse>> FoldRows(const config::Bundle& bundle,
                                             const std::string& log_directory);

struct DemoReport {
  std::vector<std::string> campaigns;
  TrafficResult traffic;
  evaluation::ReplayEstimate replay;
  std::vector<RowUse> rows;
  std::string log_directory;
  uint64_t log_records = 0;
  bool log_verified = false;
  std::string log_finding;  // in words
  std::vector<std::string> warnings;
};

std::string ToTable(const DemoReport& report);
std::string ToJson(const DemoReport& report);

}  // namespace fulcrum::apps
