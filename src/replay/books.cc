#include "replay/books.h"

#include <algorithm>
#include <utility>

#include "orchestrator/windows.h"

namespace fulcrum::replay {

using orchestrator::IsForgotten;
using orchestrator::Plan;
using orchestrator::PlanShare;
using orchestrator::PlanUse;

void Books::Reach(int64_t now_us) {
  latest_us_ = std::max(latest_us_, now_us);
  // The map's first entry is the `total` window, if there is one; it stays.
  auto at = windows_.upper_bound(orchestrator::kTotalWindow);
  while (at != windows_.end() && IsForgotten(at->first, latest_us_)) at = windows_.erase(at);
}

void Books::Add(const Debit& debit, const UserRef& user_ref, int64_t amount) {
  if (IsForgotten(debit.window_start_us, latest_us_)) return;
  Key key{debit.row, debit.per_user, debit.per_user ? user_ref : UserRef{}};
  int64_t& spent = windows_[debit.window_start_us][std::move(key)];
  spent = std::max<int64_t>(
      0, amount > 0 ? orchestrator::SaturatingAdd(spent, amount) : spent + amount);
}

int64_t Books::Spent(const std::string& row, int64_t window_start_us, bool per_user,
                     const UserRef& user_ref) const {
  const auto window = windows_.find(window_start_us);
  if (window == windows_.end()) return 0;
  const auto found = window->second.find(Key{row, per_user, per_user ? user_ref : UserRef{}});
  return found == window->second.end() ? 0 : found->second;
}

int64_t Books::Spent(const config::Bundle& bundle, const Plan& plan, size_t share) const {
  const PlanShare& one = plan.shares[share];
  return Spent(bundle.constraints[static_cast<size_t>(one.row)].id, one.window_start_us,
               one.per_user, plan.user_ref.value_or(UserRef{}));
}

void Books::Secure(const config::Bundle& bundle, absl::Span<const MaskReason> kept, Plan* plan,
                   std::vector<int32_t>* row_of) const {
  for (size_t i = 0; i < plan->shares.size(); ++i) {
    PlanShare& share = plan->shares[i];
    share.held = 0;
    share.largest.clear();
    const int64_t limit = bundle.constraints[static_cast<size_t>(share.row)].limit;
    const bool forgotten = IsForgotten(share.window_start_us, latest_us_);
    share.room = forgotten ? 0 : std::max<int64_t>(0, limit - Spent(bundle, *plan, i));
  }
  row_of->assign(plan->candidates(), -1);
  for (size_t i = 0; i < plan->candidates(); ++i) {
    MaskReason& reason = plan->reasons[i];
    reason = kept[i];
    if (reason != MaskReason::kNone) continue;
    for (const PlanUse& use : plan->UsesOf(i)) {
      const PlanShare& share = plan->shares[use.share];
      if (IncreaseOf(share, use.amount, plan->draws) <= share.room - share.held) continue;
      reason = MaskReason::kNoHold;
      (*row_of)[i] = share.row;
      break;
    }
    if (reason != MaskReason::kNone) continue;
    for (const PlanUse& use : plan->UsesOf(i)) {
      Join(&plan->shares[use.share], use.amount, plan->draws);
    }
  }
}

}  // namespace fulcrum::replay
