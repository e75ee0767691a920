// Mean and deviation of a rate whose logit is normal, which have no closed form. Thread-safe.
#pragma once

#include "policy/choice.h"

namespace fulcrum::policy {

struct RateMoments {
  double mean;
  double sd;
};

// Of the rate alone, without value and price. Errors at most 1e-8 of the largest rate for the mean,
// 1e-6 of itself for the deviation where the mean is within 30 of 0; the same bits on every
// machine.
RateMoments MomentsOfRate(const LogitArm& arm);

}  // namespace fulcrum::policy
