#include "fulcrum/policy.h"

#include <cmath>

#include "absl/strings/str_cat.h"

namespace fulcrum {
namespace {

constexpr double kUncertaintyMax = 10;  // standard deviations

}  // namespace

bool IsValid(const Policy& policy) {
  const double parameter = policy.parameter;
  if (!std::isfinite(parameter) || parameter < 0) return false;
  if (!(std::fabs(policy.uncertainty) <= kUncertaintyMax)) return false;
  switch (policy.kind) {
    case PolicyKind::kThompson:
    case PolicyKind::kGreedy:
    case PolicyKind::kFixedShares:
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

bool IsValid(const Share& share) {
  return share.weight >= 0 && std::isfinite(share.weight) && share.min >= 0 &&
         share.min <= share.max && share.max <= 1;
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
    case PolicyKind::kFixedShares:
      return "fixed_shares";
  }
  return "unknown";
}

std::string ToText(const Policy& policy) {
  std::string text = NameOf(policy.kind);
  if (policy.parameter != 0) absl::StrAppend(&text, " ", policy.parameter);
  if (policy.uncertainty != 0) absl::StrAppend(&text, ", uncertainty ", policy.uncertainty);
  return text;
}

}  // namespace fulcrum
