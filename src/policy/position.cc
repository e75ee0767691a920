#include "policy/position.h"

#include "absl/container/inlined_vector.h"
#include "base/check.h"
#include "policy/policies.h"

namespace fulcrum::policy {
namespace {

constexpr size_t kUsualArms = 100;  // up to here the stack holds everything but the results

}  // namespace

PositionDraw DrawPosition(absl::Span<const Posterior> arms, absl::Span<const bool> left,
                          const Baseline& baseline, const Policy& policy, double floor,
                          DecisionId id, uint64_t seed) {
  FULCRUM_CHECK(arms.size() == left.size());
  absl::InlinedVector<Posterior, kUsualArms> drawable;
  for (size_t i = 0; i < arms.size(); ++i) {
    if (left[i]) drawable.push_back(arms[i]);
  }
  const std::vector<double> chosen = ActionProbabilities(policy, drawable, baseline);
  // Spread over all arms again: what cannot be drawn has probability 0.
  absl::InlinedVector<double, kUsualArms + 1> probabilities(arms.size() + 1, 0.0);
  absl::InlinedVector<bool, kUsualArms + 1> feasible(left.begin(), left.end());
  feasible.push_back(true);  // doing nothing always is
  size_t next = 0;
  for (size_t i = 0; i < feasible.size(); ++i) {
    if (feasible[i]) probabilities[i] = chosen[next++];
  }
  PositionDraw position;
  position.ticks = ToTicks(probabilities, feasible, floor);
  position.drawn = Draw(position.ticks, id, seed);
  return position;
}

}  // namespace fulcrum::policy
