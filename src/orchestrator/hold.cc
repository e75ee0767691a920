#include <algorithm>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "base/check.h"
#include "orchestrator/ledger.h"
#include "orchestrator/ledger_state.h"
#include "orchestrator/plan.h"

namespace fulcrum::orchestrator {
namespace {

using HeldShares = absl::InlinedVector<HeldShare, 16>;

HeldShares SharesOf(const Plan& plan) {
  HeldShares shares;
  shares.reserve(plan.shares.size());
  for (const PlanShare& share : plan.shares) {
    shares.push_back({share.row, share.per_user, share.window_start_us, share.held});
  }
  return shares;
}

const UserRef& UserOf(const Plan& plan) {
  static const UserRef kNobody{};
  return plan.user_ref ? *plan.user_ref : kNobody;
}

}  // namespace

Hold::Hold() = default;

Hold::Hold(std::shared_ptr<LedgerState> state, std::unique_ptr<Plan> plan)
    : state_(std::move(state)), plan_(std::move(plan)) {
  secured_.reserve(plan_->candidates());
  for (const MaskReason reason : plan_->reasons) secured_.push_back(reason == MaskReason::kNone);
}

Hold::Hold(Hold&& other) noexcept = default;

Hold& Hold::operator=(Hold&& other) noexcept {
  if (this == &other) return *this;
  Release();
  state_ = std::move(other.state_);
  plan_ = std::move(other.plan_);
  secured_ = std::move(other.secured_);
  kept_ = other.kept_;
  return *this;
}

Hold::~Hold() {
  Release();
}

const std::vector<MaskReason>& Hold::reasons() const {
  static const std::vector<MaskReason> kNoCandidates;
  return plan_ == nullptr ? kNoCandidates : plan_->reasons;
}

uint32_t Hold::relaxed() const {
  return plan_ == nullptr ? 0 : plan_->relaxed;
}

std::vector<int32_t> Hold::rows_in_scope() const {
  std::vector<int32_t> rows;
  if (plan_ == nullptr || state_ == nullptr) return rows;
  for (const PlanShare& share : plan_->shares) {
    if (AsksForFacts(state_->bundle().constraints[share.row])) rows.push_back(share.row);
  }
  std::sort(rows.begin(), rows.end());
  return rows;
}

std::vector<std::vector<Debit>> Hold::Keep(absl::Span<const size_t> drawn) {
  FULCRUM_CHECK(!kept_);
  kept_ = true;
  std::vector<std::vector<Debit>> debits(drawn.size());
  if (plan_ == nullptr) {
    FULCRUM_CHECK(drawn.empty());
    return debits;
  }
  const config::Bundle& bundle = state_->bundle();
  absl::InlinedVector<int64_t, 16> kept(plan_->shares.size(), 0);
  for (size_t i = 0; i < drawn.size(); ++i) {
    FULCRUM_CHECK(drawn[i] < secured_.size() && secured_[drawn[i]]);
    for (const PlanUse& use : plan_->UsesOf(drawn[i])) kept[use.share] += use.amount;
    debits[i] = DebitsOf(bundle, *plan_, drawn[i]);
  }
  HeldShares released = SharesOf(*plan_);
  for (size_t i = 0; i < kept.size(); ++i) {
    FULCRUM_CHECK(kept[i] <= plan_->shares[i].held);
    released[i].amount -= kept[i];
    plan_->shares[i].held = kept[i];
  }
  state_->Release(released, UserOf(*plan_));
  return debits;
}

void Hold::Detach() {
  FULCRUM_CHECK(kept_);
  if (state_ == nullptr) return;
  state_->Detach(SharesOf(*plan_), UserOf(*plan_));
  state_ = nullptr;
}

void Hold::Release() {
  if (state_ == nullptr) return;
  state_->Release(SharesOf(*plan_), UserOf(*plan_));
  state_ = nullptr;
}

}  // namespace fulcrum::orchestrator
