// Time as an argument. Wall time tells when something happened; steady time measures and bounds.
#pragma once

#include <chrono>

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace fulcrum::base {

using SteadyTime = std::chrono::steady_clock::time_point;

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual absl::Time Now() const = 0;
  virtual SteadyTime SteadyNow() const = 0;
};

class SystemClock final : public Clock {
 public:
  absl::Time Now() const override { return absl::Now(); }
  SteadyTime SteadyNow() const override { return std::chrono::steady_clock::now(); }
};

inline SteadyTime operator+(SteadyTime time, absl::Duration span) {
  return time + absl::ToChronoNanoseconds(span);
}

}  // namespace fulcrum::base
