#include <algorithm>
#include <array>
#include <cmath>

#include "base/check.h"
#include "base/random.h"
#include "policy/choice.h"

namespace fulcrum::policy {
namespace {

// Rounded down, so that only the largest entry has to give or take.
Ticks RoundDown(double share) {
  return static_cast<Ticks>(std::floor(share * static_cast<double>(kTicksTotal)));
}

}  // namespace

std::vector<Ticks> ToTicks(absl::Span<const double> probabilities, absl::Span<const bool> feasible,
                           double floor) {
  FULCRUM_CHECK(probabilities.size() == feasible.size());
  FULCRUM_CHECK(floor >= 0 && floor <= 1);
  size_t count = 0;
  double mass = 0;
  for (size_t i = 0; i < feasible.size(); ++i) {
    if (!feasible[i]) continue;
    FULCRUM_CHECK(probabilities[i] >= 0 && std::isfinite(probabilities[i]));
    ++count;
    mass += probabilities[i];
  }
  FULCRUM_CHECK(count > 0 &&
                count < 65536);  // so that the largest can give what the least ticks take
  const double uniform = 1 / static_cast<double>(count);

  std::vector<Ticks> ticks(feasible.size(), 0);
  Ticks sum = 0;
  size_t largest = feasible.size();
  for (size_t i = 0; i < feasible.size(); ++i) {
    if (!feasible[i]) continue;
    // Nothing of the mass is feasible: the uniform distribution is all that is known.
    const double share = mass > 0 ? probabilities[i] / mass : uniform;
    const double mixed = (1 - floor) * share + floor * uniform;
    ticks[i] = std::max(Ticks{1}, RoundDown(std::min(mixed, 1.0)));
    sum += ticks[i];
    if (largest == feasible.size() || ticks[i] > ticks[largest]) largest = i;
  }
  // The largest holds at least 1/count of the total, far more than the rounding of the others.
  ticks[largest] += kTicksTotal - sum;  // modulo 2^64: also right when sum is the larger
  FULCRUM_CHECK(ticks[largest] >= 1 && ticks[largest] <= kTicksTotal);
  return ticks;
}

size_t Draw(absl::Span<const Ticks> ticks, DecisionId id, uint64_t seed) {
  const Ticks uniform = base::DrawUniform(id, seed);
  Ticks cumulative = 0;
  for (size_t i = 0; i < ticks.size(); ++i) {
    cumulative += ticks[i];
    if (uniform < cumulative) return i;
  }
  FULCRUM_CHECK(!"the ticks of a distribution sum to 2^32");
  return 0;
}

uint64_t DrawSeed(std::string_view policy_salt, uint32_t position) {
  return base::MixKey(policy_salt, "draw", position);
}

}  // namespace fulcrum::policy
