#include "fulcrum/policy.h"

#include <cmath>

#include "absl/strings/str_cat.h"

namespace fulcrum {

bool IsValid(const Policy& policy) {
  const double parameter = policy.parameter;
  if (!std::isfinite(parameter) || parameter < 0) return false;
  switch (policy.kind) {
    case PolicyKind::kThompson:
    case PolicyKind::kGreedy:
      return parameter == 0;
    case PolicyKind::kEpsilonGreedy:
    case PolicyKind::kTopTwo:
      return parameter <= 1;
    case PolicyKind::kSoftmax:
      return parameter > 0;
    case PolicyKind::kUpperBound:
    case PolicyKind::kInverseGap:
      return true;
  }
  return false;
}

const char* NameOf(PolicyKind kind) {
  switch (kind) {
    case PolicyKind::kThompson:
      return "thompson";
    case PolicyKind::kGreedy:
      return "greedy";
    case PolicyKind::kEpsilonGreedy:
      return "epsilon_greedy";
    case PolicyKind::kSoftmax:
      return "softmax";
    case PolicyKind::kUpperBound:
      return "upper_bound";
    case PolicyKind::kInverseGap:
      return "inverse_gap";
    case PolicyKind::kTopTwo:
      return "top_two";
  }
  return "unknown";
}

std::string ToText(const Policy& policy) {
  const char* const name = NameOf(policy.kind);
  return policy.parameter == 0 ? name : absl::StrCat(name, " ", policy.parameter);
}

}  // namespace fulcrum
