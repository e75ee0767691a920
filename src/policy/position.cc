#include "policy/position.h"

#include <algorithm>

#include "absl/container/inlined_vector.h"
#include "base/check.h"
#include "policy/bands.h"
#include "policy/policies.h"

namespace fulcrum::policy {
namespace {

constexpr size_t kUsualArms = 100;  // up to here the stack holds everything but the results

bool HasBands(absl::Span<const Share> shares) {
  return std::any_of(shares.begin(), shares.end(),
                     [](const Share& share) { return share.min > 0 || share.max < 1; });
}

}  // namespace

absl::Span<const Posterior> Discounted(absl::Span<const Posterior> arms,
                                       absl::Span<const double> discounts,
                                       std::vector<Posterior>* buffer) {
  FULCRUM_CHECK(discounts.empty() || discounts.size() == arms.size());
  if (discounts.empty()) return arms;
  buffer->assign(arms.begin(), arms.end());
  for (size_t i = 0; i < discounts.size(); ++i) {
    if (discounts[i] != 0) (*buffer)[i] = Lowered(arms[i], discounts[i]);
  }
  return *buffer;
}

bool Rule::IsValid(size_t arms) const {
  return fulcrum::IsValid(policy) && floor >= 0 && floor <= 1 &&
         (shares.empty() || shares.size() == arms + 1) &&
         std::all_of(shares.begin(), shares.end(),
                     [](const Share& share) { return fulcrum::IsValid(share); }) &&
         FitTogether(shares, floor);
}

std::vector<Ticks> DistributionOf(absl::Span<const Posterior> arms, absl::Span<const bool> left,
                                  const Baseline& baseline, const Rule& rule) {
  FULCRUM_CHECK(arms.size() == left.size());
  FULCRUM_CHECK(rule.shares.empty() || rule.shares.size() == arms.size() + 1);
  absl::InlinedVector<Posterior, kUsualArms> drawable;
  absl::InlinedVector<Share, kUsualArms + 1> shares;  // of those and the neutral action
  for (size_t i = 0; i < arms.size(); ++i) {
    if (!left[i]) continue;
    drawable.push_back(arms[i]);
    if (!rule.shares.empty()) shares.push_back(rule.shares[i]);
  }
  if (!rule.shares.empty()) shares.push_back(rule.shares.back());
  const std::vector<double> chosen = ActionProbabilities(rule.policy, drawable, baseline, shares);
  // Spread over all arms again: what cannot be drawn has probability 0.
  absl::InlinedVector<double, kUsualArms + 1> probabilities(arms.size() + 1, 0.0);
  absl::InlinedVector<bool, kUsualArms + 1> feasible(left.begin(), left.end());
  feasible.push_back(true);  // doing nothing always is
  size_t next = 0;
  for (size_t i = 0; i < feasible.size(); ++i) {
    if (feasible[i]) probabilities[i] = chosen[next++];
  }
  return HasBands(shares) ? ToTicksWithin(probabilities, feasible, rule.floor, rule.shares)
                          : ToTicks(probabilities, feasible, rule.floor);
}

PositionDraw DrawPosition(absl::Span<const Posterior> arms, absl::Span<const bool> left,
                          const Baseline& baseline, const Rule& rule, DecisionId id,
                          uint64_t seed) {
  PositionDraw position;
  position.ticks = DistributionOf(arms, left, baseline, rule);
  position.drawn = Draw(position.ticks, id, seed);
  return position;
}

}  // namespace fulcrum::policy
