#include "scoring/pooled_prior.h"

#include <algorithm>

namespace fulcrum::scoring {
namespace {

constexpr double kStrengthMin = 1;

// `from` less a part of it; rounding must not make counts that cannot be.
ArmCounts Without(const ArmCounts& from, const ArmCounts& part) {
  return {std::max(from.trials - part.trials, 0.0), std::max(from.successes - part.successes, 0.0)};
}

ArmCounts Sum(const ArmCounts& a, const ArmCounts& b) {
  return {a.trials + b.trials, a.successes + b.successes};
}

// The belief in a member's rate, given that in the shared one and the strength between them.
BetaPosterior Member(const BetaPosterior& shared, double strength) {
  const double trials = shared.alpha + shared.beta;
  const double scale = strength / (trials + 1 + strength);
  return {shared.alpha * scale, shared.beta * scale};
}

BetaPosterior Update(const BetaPosterior& prior, const ArmCounts& counts) {
  return {prior.alpha + counts.successes, prior.beta + counts.Failures()};
}

}  // namespace

std::optional<double> StrengthByMoments(const std::vector<std::vector<ArmCounts>>& campaigns) {
  double excess = 0;
  double possible = 0;
  for (const std::vector<ArmCounts>& arms : campaigns) {
    double trials = 0;
    double successes = 0;
    double squares = 0;
    double degrees = -1;
    for (const ArmCounts& arm : arms) {
      if (!(arm.trials > 0)) continue;
      trials += arm.trials;
      successes += arm.successes;
      squares += arm.trials * arm.trials;
      ++degrees;
    }
    if (degrees < 1) continue;
    const double rate = std::min(successes / trials, 1.0);
    const double spread = rate * (1 - rate);
    double differences = 0;
    for (const ArmCounts& arm : arms) {
      if (!(arm.trials > 0)) continue;
      const double difference = arm.successes / arm.trials - rate;
      differences += arm.trials * (difference * difference);
    }
    excess += differences - spread * degrees;
    possible += spread * (trials - squares / trials - degrees);
  }
  if (!(excess > 0) || !(possible > 0)) return std::nullopt;
  return std::max(possible / excess - 1, kStrengthMin);
}

PooledPriors::PooledPriors(const config::Bundle& bundle, const config::Surface& surface,
                           const config::Pooling& pooling, const ArmBook& book,
                           std::string_view segment)
    : strength_(pooling.strength), campaigns_(bundle.campaigns.size()) {
  std::vector<std::vector<ArmCounts>> counts(bundle.campaigns.size());
  for (const int32_t index : surface.actions) {
    const config::Action& action = bundle.actions[static_cast<size_t>(index)];
    counts[static_cast<size_t>(action.campaign)].push_back(book.Find(segment, action.id));
  }
  if (pooling.estimate) {
    strength_ = std::min(strength_, StrengthByMoments(counts).value_or(strength_));
  }
  for (size_t i = 0; i < counts.size(); ++i) {
    for (const ArmCounts& arm : counts[i]) campaigns_[i] = Sum(campaigns_[i], Told(arm));
    all_ = Sum(all_, Told(campaigns_[i]));
  }
}

BetaPosterior PooledPriors::Of(const config::Action& action, const ArmCounts& counts) const {
  const ArmCounts& campaign = campaigns_[static_cast<size_t>(action.campaign)];
  constexpr BetaPosterior kUniform = {1, 1};
  const BetaPosterior of_surface = Update(kUniform, Without(all_, Told(campaign)));
  const BetaPosterior of_campaign =
      Update(Member(of_surface, strength_), Without(campaign, Told(counts)));
  return Member(of_campaign, strength_);
}

ArmCounts PooledPriors::Told(const ArmCounts& member) const {
  const double share = (strength_ + 1) / (member.trials + strength_);
  return {member.trials * share, member.successes * share};
}

}  // namespace fulcrum::scoring
