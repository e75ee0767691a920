// Which of the service's policies a simulation asks for.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "fulcrum/policy.h"

namespace fulcrum::simulation {

inline constexpr double kExplorationFloor = 0.02;  // the service's default

// As one writes it: NAME[:PARAMETER][@FLOOR], such as "softmax:0.02@0". NAME is one of
// fulcrum/policy.h's, or "uniform": epsilon_greedy:1. Without a parameter it is the bundle's
// default, without a floor the service's.
struct ServedPolicy {
  std::string text = "thompson";
  PolicyKind kind = PolicyKind::kThompson;
  std::string parameter;  // a number's text; empty: none is written
  double exploration_floor = kExplorationFloor;
};

// INVALID_ARGUMENT names what there is. Ranges are the bundle's to check.
absl::StatusOr<ServedPolicy> ParsePolicy(const std::string& text);

// The value of a surface's `policy`: "{kind: softmax, temperature: 0.02}".
std::string PolicyYaml(const ServedPolicy& policy);

}  // namespace fulcrum::simulation
