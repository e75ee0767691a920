// Settings with a stationary logging policy: one of the service's on posteriors that do not change,
// so that rows are independent and the value of every target policy is known exactly.
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
  std::string policy = "{kind: thompson}";  // the value of the surface's `policy`
  double exploration_floor = 0.1;
};

// The settings of the coverage runs: `masked` (Beta posteriors; a campaign with half of the arms is
// inactive in the first half of each run) and `linear` (linear posteriors, no mask) by Thompson
// sampling, and `masked` by each other policy. A policy that leaves actions out by itself has a
// larger floor; one that never does has none.
std::vector<FrozenSetting> FrozenSettings();

// Posteriors as a short time of learning would leave them; the same for the same world.
scoring::Posteriors FrozenPosteriors(const World& world);

// The table target: by arm, the neutral action last. A softmax of what the arms convert on average,
// over those that are always active.
std::vector<double> TableTarget(const World& world);

// Probabilities of a target, by candidate and the neutral action last, where `means` are the
// posterior means of what can be drawn and NaN for what cannot; kTable is restricted to that.
std::vector<double> TargetAmong(const World& world, TargetKind target,
                                const std::vector<double>& means);
// The same where `record` was decided, at its first position.
std::vector<double> TargetAt(const World& world, TargetKind target, const DecisionRecord& record);

// `count` visits, one run: independent, in the order of time over one day.
std::vector<Visit> FrozenRun(const World& world, uint32_t users, uint64_t count,
                             base::RandomStream* random);

// When the late campaign starts.
absl::Time LateFrom();

// Posterior means of a record's candidates, then of the neutral action; NaN for what was masked.
std::vector<double> PosteriorMeans(const DecisionRecord& record);

}  // namespace fulcrum::simulation
