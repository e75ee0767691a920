// One look at both of a replica's clocks, and whether a lease may still be used by them.
#pragma once

#include "absl/time/time.h"
#include "base/clock.h"

namespace fulcrum::leases {

struct Moment {
  base::SteadyTime steady;
  absl::Time wall;
};

inline Moment Look(const base::Clock& clock) {
  return {clock.SteadyNow(), clock.Now()};
}

// Whether less than `span` has passed since `then`. The steady clock measures; a machine that was
// suspended may have had it stand still, so the wall clock must have moved by the same, give or
// take `tolerance`. If it has not, whichever is wrong, nothing is known and the answer is no. An
// infinite span never passes, whatever the clocks do.
inline bool HasNotPassed(absl::Duration span, const Moment& then, const Moment& now,
                         absl::Duration tolerance) {
  if (span == absl::InfiniteDuration()) return true;
  const absl::Duration steady = absl::FromChrono(now.steady - then.steady);
  const absl::Duration apart = (now.wall - then.wall) - steady;
  return steady >= absl::ZeroDuration() && steady < span && apart <= tolerance &&
         -apart <= tolerance;
}

// For what does no harm if it comes too early, such as saying something again: whether `span` has
// passed by either clock, or one of them has gone back.
inline bool MayHavePassed(absl::Duration span, const Moment& then, const Moment& now) {
  if (span == absl::InfiniteDuration()) return false;
  const absl::Duration steady = absl::FromChrono(now.steady - then.steady);
  const absl::Duration wall = now.wall - then.wall;
  return steady >= span || wall >= span || steady < absl::ZeroDuration() ||
         wall < absl::ZeroDuration();
}

}  // namespace fulcrum::leases
