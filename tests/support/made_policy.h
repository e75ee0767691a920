// Policies for tests that want any of them.
#pragma once

#include <cstdint>

#include "fulcrum/policy.h"

namespace fulcrum::testing {

inline constexpr uint64_t kPolicyKinds = 8;

// Policy number `kind` modulo their number; `share` in [0, 1) sets its parameter, between what
// differs little from even and what differs little from the largest mean.
inline Policy MadePolicy(uint64_t kind, double share) {
  switch (static_cast<PolicyKind>(kind % kPolicyKinds)) {
    case PolicyKind::kThompson:
      break;
    case PolicyKind::kGreedy:
      return {PolicyKind::kGreedy, 0};
    case PolicyKind::kEpsilonGreedy:
      return {PolicyKind::kEpsilonGreedy, share};
    case PolicyKind::kSoftmax:
      return {PolicyKind::kSoftmax, 0.005 + 0.2 * share};
    case PolicyKind::kUpperBound:
      return {PolicyKind::kUpperBound, 3 * share};
    case PolicyKind::kInverseGap:
      return {PolicyKind::kInverseGap, 1000 * share};
    case PolicyKind::kTopTwo:
      return {PolicyKind::kTopTwo, share};
    case PolicyKind::kFixedShares:
      return {PolicyKind::kFixedShares, 0};
  }
  return {};
}

}  // namespace fulcrum::testing
