// Plays a world's visits against a service: asks for decisions, shows or loses them, and reports
// exposures and conversions late, twice and out of order, as the world says.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "fulcrum/decision_id.h"
#include "simulation/judge.h"
#include "simulation/oracle.h"
#include "simulation/visits.h"
#include "simulation/world.h"

namespace fulcrum::simulation {

// Whoever decides: the service over gRPC, the decider in this process, or a policy made up for
// comparison. Called from one thread, in order of simulated time.
class Endpoint {
 public:
  struct Answer {
    DecisionId id;
    std::vector<std::string> action_ids;  // by position, at least one
    bool drawn = true;                    // false: a fallback
  };

  virtual ~Endpoint() = default;
  virtual absl::StatusOr<Answer> Decide(const Visit& visit) = 0;
  // `position` counts from 1.
  virtual absl::Status ReportExposure(DecisionId id, uint32_t position, absl::Time occurred) = 0;
  virtual absl::Status ReportOutcome(DecisionId id, uint32_t position, absl::Time occurred) = 0;
};

struct TrafficOptions {
  uint64_t decisions = 10'000;
  uint64_t seed = 1;
  uint32_t users = kUsersDefault;
  uint64_t curve_points = 100;  // of the regret, evenly spaced
};

struct TrafficResult {
  uint64_t decisions = 0;
  uint64_t fallbacks = 0;
  uint64_t shown = 0;  // in time
  uint64_t shown_late = 0;
  uint64_t exposure_reports = 0, exposure_repeats = 0;
  uint64_t outcome_reports = 0, outcome_repeats = 0;
  uint64_t outcomes_out_of_order = 0;  // of an earlier conversion than one reported before
  uint64_t outcomes_late = 0;          // converted after the attribution window
  uint64_t reward = 0;                 // credited conversions of shown visits
  double expected_reward = 0;          // the same, expected given what was decided
  double oracle_reward = 0;            // the same of the oracle, on the same visits
  double regret = 0;                   // against the oracle, over shown visits
  int64_t spent_micros = 0;            // of the budgeted campaign, shown visits only
  std::vector<uint64_t> chosen;        // positions by arm, the neutral action last
  std::vector<double> regret_curve;    // cumulative, after each part of the run
};

// Runs `options.decisions` visits, then delivers what is still on its way while it decides twice
// more (not counted): after the last exposure window and after the last attribution window, so that
// all visits settle. An error of the endpoint ends the run. `progress` may be empty.
absl::StatusOr<TrafficResult> PlayTraffic(const World& world, const Oracle& oracle,
                                          const TrafficOptions& options, Endpoint& endpoint,
                                          const std::function<void(uint64_t done)>& progress = {});

}  // namespace fulcrum::simulation
