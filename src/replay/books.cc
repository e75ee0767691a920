#include "replay/books.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "orchestrator/windows.h"

namespace fulcrum::replay {

using orchestrator::IsForgotten;
using orchestrator::Plan;
using orchestrator::PlanShare;

void Books::Reach(int64_t now_us) {
  latest_us_ = std::max(latest_us_, now_us);
  // The map's first entry is the `total` window, if there is one; it stays.
  auto at = windows_.upper_bound(orchestrator::kTotalWindow);
  while (at != windows_.end() && IsForgotten(at->first, kept_us_, latest_us_)) {
    at = windows_.erase(at);
  }
}

void Books::Add(const Debit& debit, const UserRef& user_ref, int64_t amount) {
  const int64_t kept_us = orchestrator::KeptUs(debit.span_us);
  if (IsForgotten(debit.window_start_us, kept_us, latest_us_)) return;
  kept_us_ = std::max(kept_us_, kept_us);
  Key key{debit.row, debit.per_user, debit.per_user ? user_ref : UserRef{}};
  int64_t& spent = windows_[debit.window_start_us][std::move(key)];
  spent = std::max<int64_t>(
      0, amount > 0 ? orchestrator::SaturatingAdd(spent, amount) : spent + amount);
}

int64_t Books::Spent(const std::string& row, int64_t first_us, int64_t last_us, bool per_user,
                     const UserRef& user_ref) const {
  if (!per_user) return SpentUnder({row, false, {}}, first_us, last_us);
  int64_t spent = 0;
  for (const UserRef& ref : groups_.Of(user_ref)) {
    spent = orchestrator::SaturatingAdd(spent, SpentUnder({row, true, ref}, first_us, last_us));
  }
  return spent;
}

void Books::Apply(const IdentityRecord& record) {
  if (record.change == IdentityChange::kMerged) {
    groups_.Merge(record.user_ref, record.into, record.occurred_us);
  } else {
    groups_.Purge(record.user_ref);  // what it spent counts for nobody any more
  }
}

int64_t Books::SpentUnder(const Key& key, int64_t first_us, int64_t last_us) const {
  int64_t spent = 0;
  for (auto window = windows_.lower_bound(first_us);
       window != windows_.end() && window->first <= last_us; ++window) {
    const auto found = window->second.find(key);
    if (found != window->second.end()) spent = orchestrator::SaturatingAdd(spent, found->second);
  }
  return spent;
}

int64_t Books::Spent(const config::Bundle& bundle, const Plan& plan, size_t share) const {
  const PlanShare& one = plan.shares[share];
  const config::Constraint& row = bundle.constraints[static_cast<size_t>(one.row)];
  const bool moves = row.window == config::Window::kRolling;
  return Spent(row.id, one.first_counted_us,
               moves ? std::numeric_limits<int64_t>::max() : one.window_start_us, one.per_user,
               plan.user_ref.value_or(UserRef{}));
}

void Books::Secure(const config::Bundle& bundle, absl::Span<const MaskReason> kept, Plan* plan,
                   std::vector<int32_t>* row_of) const {
  for (size_t i = 0; i < plan->shares.size(); ++i) {
    PlanShare& share = plan->shares[i];
    const config::Constraint& row = bundle.constraints[static_cast<size_t>(share.row)];
    share.gone = IsForgotten(share.window_start_us, orchestrator::KeptUs(row), latest_us_);
    share.used = share.gone ? 0 : Spent(bundle, *plan, i);
    share.room = share.limit_room = share.gone ? 0 : std::max<int64_t>(0, row.limit - share.used);
  }
  SecureCandidates(bundle, kept, plan, row_of);
  for (int32_t& row : *row_of) {
    if (row >= 0) row = plan->shares[static_cast<size_t>(row)].row;
  }
}

}  // namespace fulcrum::replay
