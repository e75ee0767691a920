// Settings with a stationary logging policy: Thompson sampling on posteriors that do not change, so
// that rows are independent and the value of every target policy is known exactly.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/random.h"
#include "fulcrum/decision_record.h"
#include "scoring/posteriors.h"
#include "simulation/visits.h"
#include "simulation/world.h"

namespace fulcrum::simulation {

// What a target policy is asked for, in every setting.
enum class TargetKind : uint8_t {
  kUniform,  // even over what can be drawn
  kGreedy,   // the largest posterior mean of what can be drawn
  kTable     // one distribution for all visits, over actions that can always be drawn
};
inline constexpr TargetKind kTargetKinds[] = {TargetKind::kUniform, TargetKind::kGreedy,
                                              TargetKind::kTable};
const char* ToWord(TargetKind target);

struct FrozenSetting {
  std::string name;
  std::string what;  // for the report
  World world;
  double exploration_floor = 0.1;
};

// The settings of the coverage runs: `masked` (Beta posteriors; a campaign with half of the arms is
// inactive in the first half of each run) and `linear` (linear posteriors, no mask).
std::vector<FrozenSetting> FrozenSettings();

// Posteriors as a short time of learning would leave them; the same for the same world.
scoring::Posteriors FrozenPosteriors(const World& world);

// The table target: by arm, the neutral action last. A softmax of what the arms convert on average,
// over those that are always active.
std::vector<double> TableTarget(const World& world);

// Probabilities of a target where `record` was decided: by candidate, the neutral action last.
std::vector<double> TargetAt(const World& world, TargetKind target, const DecisionRecord& record);

// `count` visits, one run: independent, in the order of time over one day.
std::vector<Visit> FrozenRun(const World& world, uint32_t users, uint64_t count,
                             base::RandomStream* random);

// When the late campaign starts.
absl::Time LateFrom();

// Posterior means of a record's candidates, then of the neutral action; NaN for what was masked.
std::vector<double> PosteriorMeans(const DecisionRecord& record);

}  // namespace fulcrum::simulation
