// What spends and refunds do to a counter whose value is not at hand: any run of them is
// x -> min(high, max(low, x + delta)). Exact, as a counter stays within 0 and INT64_MAX after each.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "absl/numeric/int128.h"

namespace fulcrum::orchestrator {

struct CounterChange {
  absl::int128 delta = 0;
  int64_t low = 0;
  int64_t high = std::numeric_limits<int64_t>::max();

  int64_t Apply(int64_t spent) const {
    const absl::int128 sum = absl::int128(spent) + delta;
    return static_cast<int64_t>(std::clamp(sum, absl::int128(low), absl::int128(high)));
  }
  // First this, then `later`.
  void Then(const CounterChange& later) {
    delta += later.delta;
    low = later.Apply(low);
    high = later.Apply(high);
  }
  void Spend(int64_t amount) { Then({.delta = amount}); }
  void Refund(int64_t amount) { Then({.delta = -absl::int128(amount)}); }

  friend bool operator==(const CounterChange&, const CounterChange&) = default;
};

}  // namespace fulcrum::orchestrator
