// What the demo found, as a table for people and as JSON.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "apps/demo_log.h"
#include "apps/demo_rows.h"
#include "apps/demo_traffic.h"
#include "evaluation/replay_method.h"

namespace fulcrum::apps {

struct DemoReport {
  std::vector<std::string> campaigns;
  TrafficResult traffic;
  evaluation::ReplayEstimate replay;
  std::vector<PolicyValue> policies;  // the served one first
  std::vector<RowUse> rows;
  std::string log_directory;
  LogProof log;
  std::vector<std::string> warnings;
};

// The value below which `share` of the values lie; 0 if there are none.
int64_t Percentile(std::vector<int64_t> values, double share);
// What the replay method says, in a sentence.
std::string Conclusion(const evaluation::ReplayEstimate& replay);

std::string ToTable(const DemoReport& report);
std::string ToJson(const DemoReport& report);

}  // namespace fulcrum::apps
