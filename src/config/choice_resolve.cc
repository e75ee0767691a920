#include "config/choice_resolve.h"

#include <algorithm>
#include <cmath>
#include <string_view>

#include "config/request_key.h"

namespace fulcrum::config {
namespace {

constexpr double kUncertaintyMax = 10;

Policy PolicyOf(const v1::Policy& from) {
  const double uncertainty = from.uncertainty();
  switch (from.kind()) {
    case v1::POLICY_KIND_GREEDY:
      return {PolicyKind::kGreedy, 0, uncertainty};
    case v1::POLICY_KIND_EPSILON_GREEDY:
      return {PolicyKind::kEpsilonGreedy, from.epsilon(), uncertainty};
    case v1::POLICY_KIND_SOFTMAX:
      return {PolicyKind::kSoftmax, from.temperature(), uncertainty};
    case v1::POLICY_KIND_UPPER_BOUND:
      return {PolicyKind::kUpperBound, from.width(), uncertainty};
    case v1::POLICY_KIND_INVERSE_GAP:
      return {PolicyKind::kInverseGap, from.gamma(), uncertainty};
    case v1::POLICY_KIND_TOP_TWO:
      return {PolicyKind::kTopTwo, from.beta(), uncertainty};
    case v1::POLICY_KIND_FIXED_SHARES:
      return {PolicyKind::kFixedShares, 0, uncertainty};
    default:
      return {PolicyKind::kThompson, 0, uncertainty};
  }
}

using Shares = std::vector<std::pair<int32_t, Share>>;

// The entry of `action`, new or not.
Share* FindShare(const std::string& action, const Bundle& bundle, Shares* shares) {
  const auto known = bundle.action_index.find(action);
  const int32_t index = known == bundle.action_index.end() ? kNeutralAction : known->second;
  const auto at = std::lower_bound(
      shares->begin(), shares->end(), index,
      [](const std::pair<int32_t, Share>& entry, int32_t wanted) { return entry.first < wanted; });
  if (at != shares->end() && at->first == index) return &at->second;
  return &shares->insert(at, {index, Share{}})->second;
}

template <typename Bands>
Choice ChoiceOf(const v1::Policy& policy, double floor, const Bands& bands, const Bundle& bundle) {
  Choice choice;
  choice.policy = PolicyOf(policy);
  choice.exploration_floor = floor;
  for (const v1::FixedShare& one : policy.shares()) {
    FindShare(one.action(), bundle, &choice.shares)->weight = one.share();
  }
  for (const v1::Band& band : bands) {
    Share* const share = FindShare(band.action(), bundle, &choice.shares);
    share->min = band.min();
    share->max = band.max();
  }
  return choice;
}

Mode ModeOf(v1::Mode mode) {
  switch (mode) {
    case v1::MODE_CAUTIOUS:
      return Mode::kCautious;
    case v1::MODE_APPRENTICE:
      return Mode::kApprentice;
    case v1::MODE_LOG_ONLY:
      return Mode::kLogOnly;
    default:
      return Mode::kLive;
  }
}

void Narrow(const v1::Caution& caution, Choice* choice) {
  choice->exploration_floor = std::min(choice->exploration_floor, caution.exploration_floor());
  choice->policy.uncertainty =
      std::max(choice->policy.uncertainty + caution.uncertainty(), -kUncertaintyMax);
}

}  // namespace

void ResolveChoice(const v1::Surface& from, const Bundle& bundle, Surface* to) {
  to->choice = ChoiceOf(from.policy(), from.exploration_floor(), from.bands(), bundle);
  const std::string_view key = from.region_key();
  if (key.starts_with(kUserPrefix)) to->region_feature = key.substr(kUserPrefix.size());
  if (key.starts_with(kContextPrefix)) to->region_context_key = key.substr(kContextPrefix.size());
  for (const v1::Region& region : from.regions()) {
    const double floor =
        region.has_exploration_floor() ? region.exploration_floor() : from.exploration_floor();
    to->regions.push_back(
        {region.region(),
         ChoiceOf(region.has_policy() ? region.policy() : from.policy(), floor,
                  region.bands_size() > 0 ? region.bands() : from.bands(), bundle)});
  }
  to->mode = ModeOf(from.mode());
  if (to->mode == Mode::kCautious) {
    to->actions_max = from.caution().actions_max();
    Narrow(from.caution(), &to->choice);
    for (Region& region : to->regions) Narrow(from.caution(), &region.choice);
  }
  if (from.has_holdout()) {
    to->holdout = Holdout{
        static_cast<Ticks>(std::llround(from.holdout().share() * static_cast<double>(kTicksTotal))),
        from.holdout().experiment()};
  }
  if (from.has_diversity()) {
    to->diversity = Diversity{from.diversity().gamma(), from.diversity().full_supply()};
  }
  for (const v1::Shadow& shadow : from.shadows()) {
    to->shadows.push_back({shadow.id(), PolicyOf(shadow.policy()), shadow.exploration_floor()});
  }
}

void CanonicaliseChoice(v1::Surface* surface) {
  const auto by_action = [](const auto& a, const auto& b) { return a.action() < b.action(); };
  const auto sort_policy = [&](v1::Policy* policy) {
    std::sort(policy->mutable_shares()->begin(), policy->mutable_shares()->end(), by_action);
  };
  const auto sort_bands = [&](auto* owner) {
    std::sort(owner->mutable_bands()->begin(), owner->mutable_bands()->end(), by_action);
  };
  // As in every bundle from before there were modes.
  if (surface->mode() == v1::MODE_LIVE) surface->clear_mode();
  if (surface->has_policy()) sort_policy(surface->mutable_policy());
  sort_bands(surface);
  for (v1::Region& region : *surface->mutable_regions()) {
    if (region.has_policy()) sort_policy(region.mutable_policy());
    sort_bands(&region);
  }
  std::sort(surface->mutable_regions()->begin(), surface->mutable_regions()->end(),
            [](const v1::Region& a, const v1::Region& b) { return a.region() < b.region(); });
}

}  // namespace fulcrum::config
