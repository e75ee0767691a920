// A clock that moves only when told. Thread-safe.
#pragma once

#include <atomic>

#include "base/clock.h"

namespace fulcrum::testing {

class SimulatedClock final : public base::Clock {
 public:
  explicit SimulatedClock(absl::Time start = absl::FromUnixSeconds(1574553600)) : start_(start) {}

  absl::Time Now() const override { return start_ + absl::Nanoseconds(elapsed_ns_.load()); }
  base::SteadyTime SteadyNow() const override {
    return base::SteadyTime(std::chrono::nanoseconds(elapsed_ns_.load()));
  }
  void Advance(absl::Duration span) { elapsed_ns_ += absl::ToInt64Nanoseconds(span); }

 private:
  const absl::Time start_;
  std::atomic<int64_t> elapsed_ns_{0};
};

}  // namespace fulcrum::testing
