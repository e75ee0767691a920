#include "policy/policies.h"

#include <algorithm>
#include <cmath>

#include "absl/container/inlined_vector.h"
#include "base/check.h"
#include "base/math.h"
#include "policy/logit_moments.h"

namespace fulcrum::policy {
namespace {

// What a policy other than Thompson sampling compares: one per arm, then the neutral action.
using Values = absl::InlinedVector<double, 101>;

double MeanOf(const BetaArm& arm) {
  return arm.value * (arm.alpha / (arm.alpha + arm.beta)) - arm.price;
}
double MeanOf(const GaussArm& arm) {
  return arm.mean;
}

double MeanOf(const LogitArm& arm) {
  return arm.value * MomentsOfRate(arm).mean - arm.price;
}

double SdOf(const BetaArm& arm) {
  const double trials = arm.alpha + arm.beta;
  return arm.value * std::sqrt(arm.alpha / trials * (arm.beta / trials) / (trials + 1));
}
double SdOf(const GaussArm& arm) {
  return arm.sd;
}
double SdOf(const LogitArm& arm) {
  return arm.value * MomentsOfRate(arm).sd;
}

// The mean and `width` standard deviations.
Values BoundsOf(absl::Span<const Posterior> arms, const Baseline& baseline, double width) {
  const auto bound = [&](const Posterior& posterior) {
    FULCRUM_CHECK(posterior.index() == arms.front().index() && IsValid(posterior));
    return std::visit([width](const auto& arm) { return MeanOf(arm) + width * SdOf(arm); },
                      posterior);
  };
  Values values;
  for (const Posterior& arm : arms) values.push_back(bound(arm));
  FULCRUM_CHECK(!baseline.known_value || std::isfinite(*baseline.known_value));
  values.push_back(baseline.known_value ? *baseline.known_value : bound(baseline.posterior));
  return values;
}

double LargestOf(const Values& values) {
  return *std::max_element(values.begin(), values.end());
}

// All of `share` to the largest value, or evenly to those that are the largest.
void AddToBest(const Values& values, double share, std::vector<double>* probabilities) {
  const double best = LargestOf(values);
  const auto ties = static_cast<double>(std::count(values.begin(), values.end(), best));
  for (size_t i = 0; i < values.size(); ++i) {
    if (values[i] == best) (*probabilities)[i] += share / ties;
  }
}

std::vector<double> BestWithRest(const Values& values, double epsilon) {
  std::vector<double> result(values.size(), epsilon / static_cast<double>(values.size()));
  AddToBest(values, 1 - epsilon, &result);
  return result;
}

std::vector<double> Softmax(const Values& values, double temperature) {
  const double best = LargestOf(values);
  std::vector<double> result;
  double sum = 0;
  for (const double value : values) {
    result.push_back(base::Exp((value - best) / temperature));
    sum += result.back();
  }
  for (double& one : result) one /= sum;
  return result;
}

std::vector<double> InverseGap(const Values& values, double gamma) {
  const double best = LargestOf(values);
  const auto count = static_cast<double>(values.size());
  std::vector<double> result(values.size(), 0.0);
  double sum = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    if (values[i] == best) continue;
    result[i] = 1 / (count + gamma * (best - values[i]));
    sum += result[i];
  }
  AddToBest(values, 1 - sum, &result);
  return result;
}

// For each entry the sum of the others, without subtracting: next to a large one the small ones
// would be lost.
Values SumsOfOthers(absl::Span<const double> values) {
  Values sums(values.size(), 0.0);
  double before = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    sums[i] = before;
    before += values[i];
  }
  double behind = 0;
  for (size_t i = values.size(); i-- > 0;) {
    sums[i] += behind;
    behind += values[i];
  }
  return sums;
}

// `best` are the probabilities to be best: of a first draw, and of the next ones until one differs.
std::vector<double> TopTwo(std::vector<double> best, double beta) {
  const Values others = SumsOfOthers(best);
  Values odds(best.size(), 0.0);  // of a first draw, by the chance that the next one differs
  for (size_t i = 0; i < best.size(); ++i) {
    if (others[i] == 0) return best;  // the only one that is ever drawn
    odds[i] = best[i] / others[i];
  }
  const Values odds_of_others = SumsOfOthers(odds);
  for (size_t i = 0; i < best.size(); ++i) {
    best[i] *= beta + (1 - beta) * odds_of_others[i];
  }
  return best;
}

}  // namespace

std::vector<double> ActionProbabilities(const Policy& policy, absl::Span<const Posterior> arms,
                                        const Baseline& baseline) {
  FULCRUM_CHECK(IsValid(policy));
  if (arms.empty()) return {1.0};
  const double parameter = policy.parameter;
  switch (policy.kind) {
    case PolicyKind::kThompson:
      break;
    case PolicyKind::kGreedy:
    case PolicyKind::kEpsilonGreedy:
      return BestWithRest(BoundsOf(arms, baseline, 0), parameter);
    case PolicyKind::kSoftmax:
      return Softmax(BoundsOf(arms, baseline, 0), parameter);
    case PolicyKind::kUpperBound:
      return BestWithRest(BoundsOf(arms, baseline, parameter), 0);
    case PolicyKind::kInverseGap:
      return InverseGap(BoundsOf(arms, baseline, 0), parameter);
    case PolicyKind::kTopTwo:
      return TopTwo(ChoiceProbabilities(arms, baseline), parameter);
  }
  return ChoiceProbabilities(arms, baseline);
}

}  // namespace fulcrum::policy
