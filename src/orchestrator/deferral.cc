#include "orchestrator/deferral.h"

#include <algorithm>

#include "absl/time/civil_time.h"
#include "domain/moving_span.h"
#include "orchestrator/ledger_state.h"
#include "orchestrator/plan.h"
#include "orchestrator/windows.h"

namespace fulcrum::orchestrator {
namespace {

int MinuteOf(absl::CivilMinute time) {
  return 60 * time.hour() + time.minute();
}

// When what is `minute` of a day comes next.
absl::CivilMinute NextAt(absl::CivilMinute from, int minute) {
  const absl::CivilDay day(from);
  const absl::CivilMinute today = absl::CivilMinute(day) + minute;
  return today > from ? today : absl::CivilMinute(day + 1) + minute;
}

int64_t OpensUs(const config::Bundle& bundle, const Contender& contender, absl::Time now,
                int64_t room_opens_us) {
  switch (contender.mask) {
    case MaskReason::kCampaignInactive:
    case MaskReason::kQuietHours: {
      const config::Action& action = bundle.actions[static_cast<size_t>(contender.action)];
      return CampaignOpensUs(bundle.campaigns[static_cast<size_t>(action.campaign)], now);
    }
    case MaskReason::kNoHold:
    case MaskReason::kExcluded:
      return room_opens_us;
    case MaskReason::kNone:
    case MaskReason::kLedgerUnavailable:
      return 0;
    default:
      return kNever;  // not a matter of time
  }
}

}  // namespace

int64_t CampaignOpensUs(const config::Campaign& campaign, absl::Time now) {
  absl::Time opens = std::max(now, campaign.start);
  // One part of the day may end within another.
  for (size_t round = 0; round <= 2 * campaign.quiet_hours.size(); ++round) {
    if (opens >= campaign.end) return kNever;
    const absl::CivilMinute at = absl::ToCivilMinute(opens, campaign.time_zone);
    const auto quiet =
        std::find_if(campaign.quiet_hours.begin(), campaign.quiet_hours.end(),
                     [&](const config::Hours& hours) { return hours.Contain(MinuteOf(at)); });
    if (quiet == campaign.quiet_hours.end()) return absl::ToUnixMicros(opens);
    opens = std::max(opens, absl::FromCivil(NextAt(at, quiet->to), campaign.time_zone));
  }
  return kNever;
}

int64_t DeferUntilUs(const config::Bundle& bundle, absl::Span<const Contender> contenders,
                     absl::Time now, absl::FunctionRef<int64_t(size_t)> room_opens_us) {
  int64_t first = kNever;
  for (size_t i = 0; i < contenders.size(); ++i) {
    const MaskReason mask = contenders[i].mask;
    const bool rows = mask == MaskReason::kNoHold || mask == MaskReason::kExcluded;
    first = std::min(first, OpensUs(bundle, contenders[i], now, rows ? room_opens_us(i) : kNever));
  }
  return first == kNever || first <= absl::ToUnixMicros(now) ? 0 : first;
}

// --- What only the books know.

int64_t Hold::OpensUs(size_t candidate) const {
  if (state_ == nullptr) return kNever;
  const config::Bundle& bundle = state_->bundle();
  int64_t opens = 0;
  const auto wait_for = [&](uint32_t share, int64_t used_max) {
    const config::Constraint& row =
        bundle.constraints[static_cast<size_t>(plan_->shares[share].row)];
    int64_t at = state_->OpensUs(*plan_, share, used_max);
    if (row.end != absl::InfiniteFuture()) at = std::min(at, absl::ToUnixMicros(row.end));
    opens = std::max(opens, at);
  };
  for (const uint32_t share : plan_->ExcludingOf(candidate)) {
    if (plan_->shares[share].used > 0) wait_for(share, 0);
  }
  for (const PlanUse& use : plan_->UsesOf(candidate)) {
    const PlanShare& share = plan_->shares[use.share];
    if (use.amount <= share.limit_room && !share.gone) continue;
    wait_for(use.share, share.limit - use.amount);
  }
  return opens;
}

int64_t LedgerState::OpensUs(const Plan& plan, uint32_t share, int64_t used_max) {
  const PlanShare& asked = plan.shares[share];
  const config::Constraint& constraint = bundle_->constraints[static_cast<size_t>(asked.row)];
  if (used_max < 0 || asked.gone) return kNever;
  if (constraint.window != config::Window::kRolling) {
    return NextWindowUs(constraint, absl::FromUnixMicros(plan.now_us));
  }
  const int64_t step_us = domain::StepUs(constraint.span_us);
  base::MutexLock lock(&mutex_);
  // One step after the other falls out of the span.
  for (int64_t steps = 1; steps <= domain::kStepsPerSpan + 1; ++steps) {
    const auto used = UsedOf(asked, plan.user_ref, asked.first_counted_us + steps * step_us);
    if (!used.has_value()) return 0;
    if (*used <= used_max) return asked.window_start_us + steps * step_us;
  }
  return kNever;
}

std::optional<int64_t> LedgerState::UsedOf(const PlanShare& share,
                                           const std::optional<UserRef>& user_ref,
                                           int64_t first_us) {
  const Row& row = rows_[static_cast<size_t>(share.row)];
  if (!share.per_user) return UsedSince(row, first_us, kTotalWindow);
  CounterReads reads;
  const UserCounters::Use use = counters_.Used(
      share.row, row.kept_us, first_us, std::numeric_limits<int64_t>::max(), *user_ref, &reads);
  if (!reads.missing.empty()) return std::nullopt;  // evicted since: not worth a read
  return SaturatingAdd(use.spent, use.held);
}

}  // namespace fulcrum::orchestrator
