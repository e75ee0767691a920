// What a simulation found, as a table for people and as JSON.
#pragma once

#include <cstdint>
#include <string>

#include "simulation/oracle.h"
#include "simulation/traffic.h"
#include "simulation/world.h"

namespace fulcrum::apps {

struct SimulateReport {
  simulation::World world;
  simulation::Oracle oracle;
  std::string policy;
  uint64_t seed = 0;
  double seconds = 0;
  simulation::TrafficResult traffic;
  int64_t budget_micros = 0;  // 0: none
  int64_t spent_micros = 0;   // as the log proves
  std::string log_directory;
  std::string bundle_directory;
  std::string truth_file;

  double DecisionsPerSecond() const {
    return seconds > 0 ? static_cast<double>(traffic.decisions) / seconds : 0;
  }
};

std::string ToTable(const SimulateReport& report);
std::string ToJson(const SimulateReport& report);

}  // namespace fulcrum::apps
