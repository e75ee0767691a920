// ChoiceProbabilities of Beta arms as tests write them.
#pragma once

#include <vector>

#include "policy/choice.h"

namespace fulcrum::policy::testing {

inline std::vector<double> BetaChoice(const std::vector<BetaArm>& arms, const Baseline& baseline) {
  return ChoiceProbabilities(std::vector<Posterior>(arms.begin(), arms.end()), baseline);
}

}  // namespace fulcrum::policy::testing
