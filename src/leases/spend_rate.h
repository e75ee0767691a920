// What was spent within the last so many seconds, by two buckets. Deterministic; not thread-safe.
#pragma once

#include <algorithm>
#include <cstdint>

#include "absl/time/time.h"
#include "leases/moment.h"

namespace fulcrum::leases {

class SpendRate {
 public:
  explicit SpendRate(absl::Duration horizon) : horizon_(horizon) {}

  void Add(int64_t amount, const Moment& now) {
    Turn(now);
    current_ += amount;
  }

  // An estimate: all of the current bucket, and of the one before what the horizon still covers.
  int64_t PerHorizon(const Moment& now) {
    Turn(now);
    const double elapsed =
        absl::FDivDuration(absl::FromChrono(now.steady - began_.steady), horizon_);
    const double share = 1.0 - std::clamp(elapsed, 0.0, 1.0);
    return current_ + static_cast<int64_t>(static_cast<double>(before_) * share);
  }

 private:
  // By either clock: a bucket that never ends would make every lease too large.
  void Turn(const Moment& now) {
    if (!MayHavePassed(horizon_, began_, now)) return;
    before_ = MayHavePassed(2 * horizon_, began_, now) ? 0 : current_;
    current_ = 0;
    began_ = now;
  }

  const absl::Duration horizon_;
  Moment began_;
  int64_t current_ = 0;
  int64_t before_ = 0;
};

}  // namespace fulcrum::leases
