// How large a lease should be: large enough to be asked for seldom, small enough that what a
// replica holds and does not need is little. Pure.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fulcrum::leases {

struct SliceQuestion {
  int64_t remaining = 0;
  size_t replicas = 1;
  int64_t want = 0;      // what the replica spends in its horizon, some seconds
  int64_t at_least = 1;  // of no use below
  int64_t largest = 1;   // what one decision takes at most
};

struct Slice {
  int64_t amount = 0;   // 0: nothing can be given
  bool scarce = false;  // so little is left that every decision asks for itself
};

// Guided self-scheduling: half of an equal share of what is left, capped by the replica's own rate;
// near the end exactly what one decision lacks. The only replica gets what its rate justifies, to
// the end.
Slice SliceOf(const SliceQuestion& question);

}  // namespace fulcrum::leases
