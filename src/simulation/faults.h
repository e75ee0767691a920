// Mistakes that a service could make between its draw and its log, applied to records that the real
// decider made.
#pragma once

#include <cstdint>

#include "base/random.h"
#include "fulcrum/decision_record.h"

namespace fulcrum::simulation {

enum class Fault : uint8_t {
  kNone,
  kMaskIgnored,  // the probabilities forget that masked arms could not be drawn
  kLargestOff,   // the largest probability is 5 % too small, the others scaled up
  kRedrawn,  // 6 % of the draws are refused and drawn again, under the first draw's probabilities
  kRedrawnLast,  // the same, under the last draw's
  kEven,         // 1 / number of what could be drawn
  kSampled100,   // shares of 100 draws made for it, 1 / 100 where there was none
  kSampled1000,  // of 1,000
  // As BanditDB 1.0.4 does for Thompson sampling (its src/engine.rs): shares of N draws, the first
  // of which is the one that is played; it takes 8 to 64 of them.
  kCountedIn8,
  kCountedIn64,
  // As BanditDB 1.0.4 does for its upper confidence bound: the best score (mean + standard
  // deviation) is played, always, and the softmax of the scores is logged.
  kSoftmaxOfScores
};

// `record` as a service with the fault would have logged it. One position, drawn.
void Plant(Fault fault, base::RandomStream* random, DecisionRecord* record);

}  // namespace fulcrum::simulation
