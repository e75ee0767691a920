#include "orchestrator/plan.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <utility>

#include "absl/base/attributes.h"
#include "absl/container/inlined_vector.h"
#include "orchestrator/windows.h"

namespace fulcrum::orchestrator {
namespace {

constexpr uint32_t kNoShare = std::numeric_limits<uint32_t>::max();
constexpr size_t kUsualRows = 16;  // of one request

// Which share a row has in the plan that is being made. One per thread: its size is that of the
// bundle, and is to be paid once.
class ShareOfRow {
 public:
  static ShareOfRow& OfThisThread() {
    static thread_local ShareOfRow shares;
    return shares;
  }

  void Begin(size_t rows) {
    if (entries_.size() < rows) entries_.resize(rows);
    ++plan_;
  }
  // Null if the row was not asked for in this plan.
  const uint32_t* Find(int32_t row) const {
    const Entry& entry = entries_[static_cast<size_t>(row)];
    return entry.plan == plan_ ? &entry.share : nullptr;
  }
  void Set(int32_t row, uint32_t share) { entries_[static_cast<size_t>(row)] = {plan_, share}; }

 private:
  struct Entry {
    uint64_t plan = 0;
    uint32_t share = kNoShare;
  };
  std::vector<Entry> entries_;
  uint64_t plan_ = 0;
};

class Planner {
 public:
  Planner(const config::Bundle& bundle, absl::Time now, RowFilter counts, Plan* plan)
      : known_(ShareOfRow::OfThisThread()),
        bundle_(bundle),
        now_(now),
        counts_(counts),
        plan_(plan) {
    known_.Begin(bundle.constraints.size());
  }

  void Add(const config::Action& action) {
    plan_->first_use.push_back(static_cast<uint32_t>(plan_->uses.size()));
    bool per_user = false;
    for (const config::Use& use : action.uses) {
      const uint32_t share = ShareOf(use.row);
      if (share == kNoShare) continue;
      per_user |= plan_->shares[share].per_user;
      plan_->uses.push_back({share, use.amount});
    }
    plan_->first_excluding.push_back(static_cast<uint32_t>(plan_->excluding.size()));
    for (const int32_t row : action.excluded_by) {
      const uint32_t share = ShareOf(row);
      if (share == kNoShare) continue;
      per_user |= plan_->shares[share].per_user;
      plan_->excluding.push_back(share);
    }
    plan_->reasons.push_back(per_user && !plan_->user_ref ? MaskReason::kNoUserRef
                                                          : MaskReason::kNone);
  }

 private:
  uint32_t ShareOf(int32_t index) {
    const uint32_t* const known = known_.Find(index);
    return known != nullptr ? *known : AddShare(index);
  }

  // Once for a row, out of the way of the many that ask for it again.
  ABSL_ATTRIBUTE_NOINLINE uint32_t AddShare(int32_t index) {
    const config::Constraint& row = bundle_.constraints[static_cast<size_t>(index)];
    uint32_t share = kNoShare;
    if (row.start <= now_ && now_ < row.end && counts_(row)) {
      share = static_cast<uint32_t>(plan_->shares.size());
      PlanShare& added = plan_->shares.emplace_back();
      added.row = index;
      added.per_user = row.per_user;
      added.limit = row.limit;
      added.window_start_us = StartOf(row);
      added.first_counted_us = FirstCountedUs(row, added.window_start_us);
    }
    known_.Set(index, share);
    return share;
  }

  // Days of one zone are looked up once.
  int64_t StartOf(const config::Constraint& row) {
    if (row.window != config::Window::kDay) return WindowStartUs(row, now_);
    if (!day_us_.has_value() || !(row.time_zone == zone_)) {
      day_us_ = WindowStartUs(row, now_);
      zone_ = row.time_zone;
    }
    return *day_us_;
  }

  ShareOfRow& known_;
  const config::Bundle& bundle_;
  const absl::Time now_;
  const RowFilter counts_;
  Plan* const plan_;
  std::optional<int64_t> day_us_;
  absl::TimeZone zone_;
};

bool IsGivenUp(const config::Bundle& bundle, const Plan& plan, uint32_t share) {
  const uint32_t relaxation =
      bundle.constraints[static_cast<size_t>(plan.shares[share].row)].relaxation;
  return relaxation != 0 && relaxation <= plan.relaxed;
}

void Empty(PlanShare* share, size_t draws) {
  share->held = 0;
  share->largest.clear();
  share->smallest = draws == 0 ? std::numeric_limits<int64_t>::max() : 0;
}

// How much the sum of the `draws` largest grows when `amount` joins, and the joining itself.
int64_t IncreaseOf(const PlanShare& share, int64_t amount) {
  return std::max<int64_t>(0, amount - share.smallest);
}

void Join(PlanShare* share, int64_t amount, size_t draws) {
  if (amount <= share->smallest) return;
  share->held += amount - share->smallest;
  auto& largest = share->largest;
  if (largest.size() < draws) {
    largest.insert(std::upper_bound(largest.begin(), largest.end(), amount), amount);
  } else {  // over the smallest, those between move down
    size_t at = 0;
    for (; at + 1 < draws && largest[at + 1] < amount; ++at) largest[at] = largest[at + 1];
    largest[at] = amount;
  }
  if (largest.size() == draws) share->smallest = largest.front();
}

// Why `candidate` cannot be secured beside those before it; `share` becomes the one that is full.
MaskReason ReasonOf(const config::Bundle& bundle, const Plan& plan, size_t candidate,
                    int32_t* full) {
  MaskReason reason = MaskReason::kNone;
  for (const uint32_t share : plan.ExcludingOf(candidate)) {
    if (plan.shares[share].used > 0) return MaskReason::kExcluded;
    if (plan.shares[share].unread) reason = MaskReason::kLedgerUnavailable;
  }
  for (const PlanUse& use : plan.UsesOf(candidate)) {
    const PlanShare& share = plan.shares[use.share];
    const int64_t increase = IncreaseOf(share, use.amount);
    if (!share.gone &&
        (increase <= share.room - share.held || IsGivenUp(bundle, plan, use.share))) {
      continue;
    }
    if (increase > share.limit_room - share.held || share.gone) {
      *full = static_cast<int32_t>(use.share);
      return MaskReason::kNoHold;  // stronger than a lease that could be fetched
    }
    reason = MaskReason::kLedgerUnavailable;
  }
  return reason;
}

// The next class of soft rows that are in the way of a candidate; 0 if there is none.
uint32_t NextClass(const config::Bundle& bundle, const Plan& plan) {
  uint32_t next = 0;
  for (size_t i = 0; i < plan.candidates(); ++i) {
    if (plan.reasons[i] != MaskReason::kNoHold) continue;
    for (const PlanUse& use : plan.UsesOf(i)) {
      const config::Constraint& row =
          bundle.constraints[static_cast<size_t>(plan.shares[use.share].row)];
      if (row.relaxation <= plan.relaxed) continue;
      next = next == 0 ? row.relaxation : std::min(next, row.relaxation);
    }
  }
  return next;
}

// Whether a candidate is secured, or would be with a lease.
bool SecureOnce(const config::Bundle& bundle, absl::Span<const MaskReason> kept, Plan* plan,
                std::vector<int32_t>* blame) {
  for (PlanShare& share : plan->shares) Empty(&share, plan->draws);
  bool any = false;
  for (size_t i = 0; i < plan->candidates(); ++i) {
    MaskReason& reason = plan->reasons[i];
    int32_t full = -1;
    reason = kept[i] != MaskReason::kNone ? kept[i] : ReasonOf(bundle, *plan, i, &full);
    if (blame != nullptr) (*blame)[i] = full;
    any = any || reason == MaskReason::kNone || reason == MaskReason::kLedgerUnavailable;
    if (reason != MaskReason::kNone) continue;
    for (const PlanUse& use : plan->UsesOf(i)) {
      Join(&plan->shares[use.share], use.amount, plan->draws);
    }
  }
  return any;
}

}  // namespace

Plan MakePlan(const config::Bundle& bundle, absl::Span<const int32_t> actions, size_t draws,
              const std::optional<UserRef>& user_ref, absl::Time now, RowFilter counts) {
  Plan plan;
  plan.draws = draws;
  plan.now_us = absl::ToUnixMicros(now);
  plan.user_ref = user_ref;
  plan.reasons.reserve(actions.size());
  plan.first_use.reserve(actions.size() + 1);
  plan.first_excluding.reserve(actions.size() + 1);
  size_t uses = 0;
  for (const int32_t action : actions) {
    uses += bundle.actions[static_cast<size_t>(action)].uses.size();
  }
  plan.uses.reserve(uses);
  plan.shares.reserve(std::min(bundle.constraints.size(), kUsualRows));
  Planner planner(bundle, now, counts, &plan);
  for (const int32_t action : actions) {
    planner.Add(bundle.actions[static_cast<size_t>(action)]);
  }
  plan.first_use.push_back(static_cast<uint32_t>(plan.uses.size()));
  plan.first_excluding.push_back(static_cast<uint32_t>(plan.excluding.size()));
  return plan;
}

void SecureCandidates(const config::Bundle& bundle, absl::Span<const MaskReason> kept, Plan* plan,
                      std::vector<int32_t>* blame) {
  if (blame != nullptr) blame->assign(plan->candidates(), -1);
  plan->relaxed = 0;
  while (!SecureOnce(bundle, kept, plan, blame)) {
    const uint32_t next = NextClass(bundle, *plan);
    if (next == 0) return;
    plan->relaxed = next;
  }
}

std::vector<Debit> DebitsOf(const config::Bundle& bundle, const Plan& plan, size_t candidate) {
  const absl::Span<const PlanUse> uses = plan.UsesOf(candidate);
  std::vector<Debit> debits;
  debits.reserve(uses.size());
  for (const PlanUse& use : uses) {
    const PlanShare& share = plan.shares[use.share];
    const config::Constraint& row = bundle.constraints[static_cast<size_t>(share.row)];
    debits.push_back({.row = row.id,
                      .window_start_us = share.window_start_us,
                      .amount = use.amount,
                      .limit = share.limit,
                      .per_user = row.per_user,
                      .soft = !row.IsHard(),
                      .span_us = row.span_us,
                      .terms = row.terms});
  }
  return debits;
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
