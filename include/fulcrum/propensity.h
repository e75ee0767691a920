// Propensities as integers, so that a logged probability is exactly the one that was drawn with.
#pragma once

#include <cstdint>

namespace fulcrum {

// A probability in units of 2^-32. Every distribution sums to exactly kTicksTotal; a sole action
// has all of them, which is why 64 bits are used.
using Ticks = uint64_t;

inline constexpr Ticks kTicksTotal = Ticks{1} << 32;

// Exact: every tick count up to 2^32 is a double.
constexpr double PropensityOf(Ticks ticks) {
  return static_cast<double>(ticks) / static_cast<double>(kTicksTotal);
}

}  // namespace fulcrum
