#include "orchestrator/plan.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "orchestrator/windows.h"

namespace fulcrum::orchestrator {
namespace {

// A campaign's rows are added to the plan together: the first of them, by campaign.
struct CampaignShares {
  int32_t campaign;
  uint32_t first_share;
};

uint32_t SharesOf(const config::Bundle& bundle, int32_t campaign, absl::Time now,
                  absl::InlinedVector<CampaignShares, 16>* known, Plan* plan) {
  for (const CampaignShares& entry : *known) {
    if (entry.campaign == campaign) return entry.first_share;
  }
  const config::Campaign& owner = bundle.campaigns[campaign];
  const auto first = static_cast<uint32_t>(plan->shares.size());
  std::optional<int64_t> day;
  for (const int32_t row : owner.constraints) {
    const config::Constraint& constraint = bundle.constraints[row];
    PlanShare share;
    share.row = row;
    share.per_user = constraint.per_user;
    share.window_start_us = kTotalWindow;
    if (constraint.window == config::Window::kDay) {
      if (!day) day = WindowStartUs(config::Window::kDay, owner.time_zone, now);
      share.window_start_us = *day;
    }
    plan->shares.push_back(std::move(share));
  }
  known->push_back({campaign, first});
  return first;
}

}  // namespace

Plan MakePlan(const config::Bundle& bundle, absl::Span<const int32_t> actions, size_t draws,
              const std::optional<UserRef>& user_ref, absl::Time now) {
  Plan plan;
  plan.draws = draws;
  plan.now_us = absl::ToUnixMicros(now);
  plan.user_ref = user_ref;
  plan.reasons.assign(actions.size(), MaskReason::kNone);
  plan.first_use.reserve(actions.size() + 1);
  absl::InlinedVector<CampaignShares, 16> known;
  for (size_t i = 0; i < actions.size(); ++i) {
    plan.first_use.push_back(static_cast<uint32_t>(plan.uses.size()));
    const config::Action& action = bundle.actions[actions[i]];
    const std::vector<int32_t>& rows = bundle.campaigns[action.campaign].constraints;
    const uint32_t first = SharesOf(bundle, action.campaign, now, &known, &plan);
    for (size_t j = 0; j < rows.size(); ++j) {
      const config::Constraint& row = bundle.constraints[rows[j]];
      const int64_t amount = AmountOf(action, row);
      if (amount == 0) continue;
      if (row.per_user && !user_ref) plan.reasons[i] = MaskReason::kNoUserRef;
      plan.uses.push_back({first + static_cast<uint32_t>(j), amount});
    }
  }
  plan.first_use.push_back(static_cast<uint32_t>(plan.uses.size()));
  return plan;
}

int64_t IncreaseOf(const PlanShare& share, int64_t amount, size_t draws) {
  if (share.largest.size() < draws) return amount;
  return share.largest.empty() ? 0 : std::max<int64_t>(0, amount - share.largest.front());
}

void Join(PlanShare* share, int64_t amount, size_t draws) {
  share->held += IncreaseOf(*share, amount, draws);
  std::vector<int64_t>& largest = share->largest;
  if (largest.size() == draws) {
    if (largest.empty() || amount <= largest.front()) return;
    largest.erase(largest.begin());
  }
  largest.insert(std::upper_bound(largest.begin(), largest.end(), amount), amount);
}

int64_t DemandOf(const Plan& plan, size_t share) {
  absl::InlinedVector<int64_t, 16> amounts;
  for (const PlanUse& use : plan.uses) {
    if (use.share == share) amounts.push_back(use.amount);
  }
  const size_t count = std::min(plan.draws, amounts.size());
  std::partial_sort(amounts.begin(), amounts.begin() + static_cast<ptrdiff_t>(count), amounts.end(),
                    std::greater<>());
  int64_t demand = 0;
  for (size_t i = 0; i < count; ++i) demand = SaturatingAdd(demand, amounts[i]);
  return demand;
}

int64_t SaturatingAdd(int64_t a, int64_t b) {
  return a > std::numeric_limits<int64_t>::max() - b ? std::numeric_limits<int64_t>::max() : a + b;
}

}  // namespace fulcrum::orchestrator
