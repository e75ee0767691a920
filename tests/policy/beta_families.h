// Beta posteriors as the world may bring them: the six families that accuracy and time of the Beta
// quadrature are stated for (tests/golden/policy has arms of the same kinds). The same arms on
// every machine.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "base/math.h"
#include "base/random.h"
#include "policy/choice.h"
#include "tests/policy/golden_choice.h"

namespace fulcrum::policy::testing {

enum class BetaFamily {
  kPriors,      // all Beta(1, 1)
  kSmall,       // 1 to 100 trials, any rate
  kRates,       // 50 to 50,000 trials at 2 %
  kNewcomer,    // a million trials each, and one Beta(1, 1)
  kFractional,  // counts under 1
  kNearTies,    // a million trials, a few successes apart
};

inline constexpr int kBetaFamilies = 6;
static_assert(std::size(kGoldenFamilies) == kBetaFamilies, "their names, in this order");

inline BetaArm BetaOf(double trials, double successes) {
  return {1 + successes, 1 + trials - successes};
}

inline BetaArm MakeBetaArm(BetaFamily family, size_t index, base::RandomStream& random) {
  switch (family) {
    case BetaFamily::kPriors:
      return {1, 1};
    case BetaFamily::kSmall: {
      const uint32_t trials = 1 + random.NextBelow(100);
      return BetaOf(trials, random.NextBelow(trials + 1));
    }
    case BetaFamily::kRates: {
      const double trials = 50 * base::Exp(random.NextUniform() * base::Log(1000.0));
      // Two per cent, give or take what counting gives or takes.
      const double noise = 1.7 * (2 * random.NextUniform() - 1);
      const double expected = 0.02 * trials;
      return BetaOf(trials, std::max(0.0, expected * (1 + noise / (1 + expected))));
    }
    case BetaFamily::kNewcomer:
      return index == 0 ? BetaArm{1, 1} : BetaOf(1e6, 19400 + random.NextBelow(1200));
    case BetaFamily::kFractional:
      return {0.02 + 0.93 * random.NextUniform(), 0.1 + 30 * random.NextUniform()};
    case BetaFamily::kNearTies:
      return BetaOf(1e6, 19998 + random.NextBelow(5));
  }
  return {};
}

// `round` tells apart several draws of the same family and size.
inline std::vector<BetaArm> MakeBetaArms(BetaFamily family, size_t size, uint64_t round = 0) {
  base::RandomStream random(1000 * round + 10 * size + static_cast<uint64_t>(family));
  std::vector<BetaArm> arms;
  for (size_t i = 0; i < size; ++i) arms.push_back(MakeBetaArm(family, i, random));
  return arms;
}

}  // namespace fulcrum::policy::testing
