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

GaussArm LoweredBy(GaussArm arm, double amount) {
  arm.mean -= amount;
  return arm;
}
// The arms with a price of their own.
template <typename Arm>
Arm LoweredBy(Arm arm, double amount) {
  arm.price += amount;
  return arm;
}

// Each at `width` of its standard deviations from where it was.
Posterior Moved(const Posterior& posterior, double width) {
  return std::visit(
      [width](const auto& arm) -> Posterior { return LoweredBy(arm, -width * SdOf(arm)); },
      posterior);
}

// The mean and `width` standard deviations.
Values BoundsOf(absl::Span<const Posterior> arms, const Baseline& baseline, double width) {
  const auto bound = [&](const Posterior& posterior) {
    FULCRUM_CHECK(posterior.index() == arms.front().index() && IsValid(posterior));
    return BoundOf(posterior, width);
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

std::vector<double> FixedShares(absl::Span<const Share> shares, size_t count) {
  std::vector<double> result(count, 0.0);
  double sum = 0;
  for (size_t i = 0; i < shares.size(); ++i) {
    result[i] = shares[i].weight;
    sum += result[i];
  }
  if (sum == 0) {
    result.back() = 1;
    return result;
  }
  for (double& one : result) one /= sum;
  return result;
}

std::vector<double> ChoiceOfMoved(absl::Span<const Posterior> arms, const Baseline& baseline,
                                  double width) {
  if (width == 0) return ChoiceProbabilities(arms, baseline);
  absl::InlinedVector<Posterior, 100> moved;
  for (const Posterior& arm : arms) moved.push_back(Moved(arm, width));
  Baseline neutral = baseline;
  if (!neutral.known_value) neutral.posterior = Moved(neutral.posterior, width);
  return ChoiceProbabilities(moved, neutral);
}

}  // namespace

Posterior Lowered(const Posterior& posterior, double amount) {
  return std::visit([amount](const auto& arm) -> Posterior { return LoweredBy(arm, amount); },
                    posterior);
}

double MeanOf(const Posterior& posterior) {
  return std::visit([](const auto& arm) { return MeanOf(arm); }, posterior);
}

double SdOf(const Posterior& posterior) {
  return std::visit([](const auto& arm) { return SdOf(arm); }, posterior);
}

double BoundOf(const Posterior& posterior, double width) {
  return std::visit([width](const auto& arm) { return MeanOf(arm) + width * SdOf(arm); },
                    posterior);
}

std::vector<double> ActionProbabilities(const Policy& policy, absl::Span<const Posterior> arms,
                                        const Baseline& baseline, absl::Span<const Share> shares) {
  FULCRUM_CHECK(IsValid(policy));
  FULCRUM_CHECK(shares.empty() || shares.size() == arms.size() + 1);
  if (arms.empty()) return {1.0};
  const double parameter = policy.parameter;
  const double width = policy.uncertainty;
  switch (policy.kind) {
    case PolicyKind::kThompson:
      break;
    case PolicyKind::kGreedy:
    case PolicyKind::kEpsilonGreedy:
      return BestWithRest(BoundsOf(arms, baseline, width), parameter);
    case PolicyKind::kSoftmax:
      return Softmax(BoundsOf(arms, baseline, width), parameter);
    case PolicyKind::kUpperBound:
      return BestWithRest(BoundsOf(arms, baseline, parameter + width), 0);
    case PolicyKind::kInverseGap:
      return InverseGap(BoundsOf(arms, baseline, width), parameter);
    case PolicyKind::kTopTwo:
      return TopTwo(ChoiceOfMoved(arms, baseline, width), parameter);
    case PolicyKind::kFixedShares:
      return FixedShares(shares, arms.size() + 1);
  }
  return ChoiceOfMoved(arms, baseline, width);
}

}  // namespace fulcrum::policy
