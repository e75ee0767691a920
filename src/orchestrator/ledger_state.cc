#include "orchestrator/ledger_state.h"

#include <algorithm>
#include <limits>
#include <utility>
#include <variant>

#include "absl/container/inlined_vector.h"
#include "base/check.h"
#include "orchestrator/windows.h"

namespace fulcrum::orchestrator {
namespace {

// How many counters a request and one hold of the mutex look at to keep the counters' bound.
constexpr size_t kLooksPerRequest = 32;
constexpr size_t kLooksAtOnce = 256;

}  // namespace

LedgerState::LedgerState(std::shared_ptr<const config::Bundle> bundle, size_t user_counters_max)
    : bundle_(std::move(bundle)), counters_(user_counters_max) {
  base::MutexLock lock(&mutex_);
  rows_.reserve(bundle_->constraints.size());
  for (const config::Constraint& constraint : bundle_->constraints) {
    row_index_.emplace(constraint.id, static_cast<int32_t>(rows_.size()));
    Row row;
    row.id = constraint.id;
    row.constraint = &constraint;
    row.limit = constraint.limit;
    row.kept_us = KeptUs(constraint);
    kept_longest_us_ = std::max(kept_longest_us_, row.kept_us);
    rows_.push_back(std::move(row));
  }
  for (const config::Action& action : bundle_->actions) {
    for (const config::Use& use : action.uses) {
      int64_t& largest = rows_[static_cast<size_t>(use.row)].amount_max;
      largest = std::max(largest, use.amount);
    }
  }
}

// --- Finding.

int32_t LedgerState::RowIndex(std::string_view id) {
  const auto found = row_index_.find(id);
  if (found != row_index_.end()) return found->second;
  const auto index = static_cast<int32_t>(rows_.size());
  row_index_.emplace(std::string(id), index);
  Row row;
  row.id = std::string(id);
  rows_.push_back(std::move(row));
  return index;
}

Account* LedgerState::FindAccount(const Row& row, int64_t window_start_us) {
  for (const auto& account : row.accounts) {
    if (account->window_start_us == window_start_us) return account.get();
  }
  return nullptr;
}

Account* LedgerState::AddAccount(Row* row, int64_t window_start_us) {
  if (Account* found = FindAccount(*row, window_start_us)) return found;
  if (IsForgotten(*row, window_start_us)) return nullptr;
  row->accounts.push_back(std::make_unique<Account>());
  row->accounts.back()->window_start_us = window_start_us;
  return row->accounts.back().get();
}

UserCounterKey LedgerState::CounterKey(int32_t row, int64_t window_start_us,
                                       const UserRef& user_ref) const {
  return {row, {window_start_us, rows_[static_cast<size_t>(row)].kept_us}, user_ref};
}

int64_t LedgerState::UsedSince(const Row& row, int64_t first_us, int64_t except_us) const {
  int64_t used = 0;
  for (const auto& account : row.accounts) {
    if (account->window_start_us < first_us || account->window_start_us == except_us) continue;
    used = SaturatingAdd(used, account->used());
  }
  return used;
}

// --- Requests.

UserCounters::Use LedgerState::UsedByUser(const Row& row, int32_t index, int64_t first_us,
                                          int64_t last_us, const UserRef& user_ref,
                                          CounterReads* reads) {
  UserCounters::Use all;
  for (const UserRef& ref : groups_.Of(user_ref)) {
    const UserCounters::Use use = counters_.Used(index, row.kept_us, first_us, last_us, ref, reads);
    all.spent = SaturatingAdd(all.spent, use.spent);
    all.held = SaturatingAdd(all.held, use.held);
  }
  return all;
}

void LedgerState::LoadUserRoom(const Row& row, const UserRef& user_ref, CounterReads* reads,
                               PlanShare* share) {
  // Of a moving span also what is later: a request may come late.
  const bool moves = row.constraint->window == config::Window::kRolling;
  const int64_t last_us = moves ? std::numeric_limits<int64_t>::max() : share->window_start_us;
  const size_t missing = reads->missing.size();
  const UserCounters::Use use =
      UsedByUser(row, share->row, share->first_counted_us, last_us, user_ref, reads);
  share->used = SaturatingAdd(use.spent, use.held);
  share->unread = reads->missing.size() != missing;
  share->limit_room = std::max<int64_t>(0, row.limit - share->used);
  share->room = share->unread ? 0 : share->limit_room;
}

void LedgerState::LoadRooms(Plan* plan, const leases::Moment& now, CounterReads* reads) {
  for (PlanShare& share : plan->shares) {
    share.room = 0;
    share.limit_room = 0;
    share.used = 0;
    share.unread = false;
    const Row& row = rows_[static_cast<size_t>(share.row)];
    // A late request for a window whose counters are gone must not start from zero again.
    share.gone = IsForgotten(row, share.window_start_us);
    if (share.gone) continue;
    const bool moves = row.constraint->window == config::Window::kRolling;
    const int64_t limit = share.limit = row.limit;
    if (share.per_user) {
      if (plan->user_ref) LoadUserRoom(row, *plan->user_ref, reads, &share);
      continue;
    }
    const Account* account = FindAccount(row, share.window_start_us);
    const int64_t here = account == nullptr ? 0 : account->used();
    share.used = here;
    if (moves) {
      share.used =
          SaturatingAdd(here, UsedSince(row, share.first_counted_us, share.window_start_us));
    }
    share.limit_room = std::max<int64_t>(0, limit - share.used);
    share.room = share.limit_room;
    if (!row.constraint->IsLeased()) continue;
    const bool leased = account != nullptr && account->budget != nullptr;
    share.room = leased ? std::min(account->budget->left(now), share.limit_room) : 0;
  }
}

Secured LedgerState::Secure(Plan* plan, Lack lack, CounterReads* reads) {
  std::vector<int32_t> blame(plan->candidates(), -1);  // made before the lock
  base::MutexLock lock(&mutex_);
  if (!live_ || closed_) return Secured::kNotOpen;
  latest_us_ = std::max(latest_us_, plan->now_us);
  counters_.TakeReads(reads);
  reads->missing.clear();
  // Nothing changes between what is left and what is held of it.
  leases::LeaseClient::Books books(client_.get());
  const leases::Moment now = books.Now();
  LoadRooms(plan, now, reads);
  if (!reads->missing.empty() && !reads->failed) return Secured::kLacksCounters;
  absl::InlinedVector<MaskReason, 128> kept(plan->candidates(), MaskReason::kNone);
  for (size_t i = 0; i < plan->candidates(); ++i) {
    if (plan->reasons[i] == MaskReason::kNoUserRef) kept[i] = MaskReason::kNoUserRef;
  }
  SecureCandidates(*bundle_, kept, plan, &blame);
  if (lack == Lack::kReport) {
    for (const MaskReason reason : plan->reasons) {
      if (reason == MaskReason::kLedgerUnavailable) return Secured::kLacksLease;
    }
  }
  const auto secured = [](MaskReason reason) { return reason == MaskReason::kNone; };
  if (std::none_of(plan->reasons.begin(), plan->reasons.end(), secured)) NoteStarved(*plan, blame);
  TakeHolds(*plan, now);
  counters_.Evict(kLooksPerRequest);
  return Secured::kDone;
}

// The row to name is the one that is in the way of most candidates.
void LedgerState::NoteStarved(const Plan& plan, absl::Span<const int32_t> blame) {
  std::vector<int> times(plan.shares.size(), 0);
  int32_t most = -1;
  for (const int32_t share : blame) {
    if (share < 0) continue;
    const auto at = static_cast<size_t>(share);
    ++times[at];
    if (most < 0 || times[at] > times[static_cast<size_t>(most)]) most = share;
  }
  if (most >= 0) ++rows_[static_cast<size_t>(plan.shares[static_cast<size_t>(most)].row)].starved;
}

void LedgerState::TakeHolds(const Plan& plan, const leases::Moment& now) {
  for (const PlanShare& share : plan.shares) {
    if (share.held == 0) continue;
    if (share.per_user) {
      counters_.Hold(CounterKey(share.row, share.window_start_us, *plan.user_ref), share.held);
      continue;
    }
    Account* account = AddAccount(&rows_[share.row], share.window_start_us);
    account->counter.held += share.held;
    if (!rows_[share.row].constraint->IsLeased()) continue;
    FULCRUM_CHECK(account->budget->Hold(share.held, now) == leases::HoldResult::kHeld);
    AskForRefill(share.row, account, now);
  }
}

void LedgerState::AskForRefill(int32_t row, Account* account, const leases::Moment& now) {
  if (account->refill_asked || !account->budget->WantsMore(now)) return;
  account->refill_asked = true;
  low_rows_.push_back({{row, account->window_start_us}, 0});
  low_rows_changed_.NotifyOne();
}

void LedgerState::ReleaseShare(const HeldShare& share, const UserRef& user_ref) {
  if (!share.per_user) {
    Account* account = FindAccount(rows_[share.row], share.window_start_us);
    FULCRUM_CHECK(account != nullptr && account->counter.held >= share.amount);
    account->counter.held -= share.amount;
    if (account->budget != nullptr) account->budget->Cancel(share.amount);
    return;
  }
  counters_.Release(CounterKey(share.row, share.window_start_us, user_ref), share.amount);
}

void LedgerState::Release(absl::Span<const HeldShare> shares, const UserRef& user_ref) {
  base::MutexLock lock(&mutex_);
  const leases::LeaseClient::Books books(client_.get());
  for (const HeldShare& share : shares) {
    if (share.amount > 0) ReleaseShare(share, user_ref);
  }
}

void LedgerState::Detach(absl::Span<const HeldShare> shares, const UserRef& user_ref) {
  base::MutexLock lock(&mutex_);
  for (const HeldShare& share : shares) {
    if (share.amount == 0) continue;
    if (share.per_user) {
      counters_.Detach(CounterKey(share.row, share.window_start_us, user_ref), share.amount);
    } else {
      FindAccount(rows_[share.row], share.window_start_us)->counter.pending += share.amount;
    }
  }
}

int64_t LedgerState::TakePending(Counter* counter, int64_t amount) {
  const int64_t taken = std::min(amount, counter->pending);
  counter->pending -= taken;
  counter->held -= taken;
  return taken;
}

void LedgerState::Return(absl::Span<const Debit> debits, const UserRef& user_ref) {
  base::MutexLock lock(&mutex_);
  const leases::LeaseClient::Books books(client_.get());
  for (const Debit& debit : debits) {
    const int32_t row = RowIndex(debit.row);
    if (debit.per_user) {
      counters_.Return(CounterKey(row, debit.window_start_us, user_ref), debit.amount);
      continue;
    }
    Account* account = FindAccount(rows_[row], debit.window_start_us);
    if (account == nullptr) continue;
    const int64_t taken = TakePending(&account->counter, debit.amount);
    if (account->budget != nullptr) account->budget->Cancel(taken);
  }
}

void LedgerState::SetLimit(int32_t row, int64_t limit) {
  base::MutexLock lock(&mutex_);
  rows_[static_cast<size_t>(row)].limit = limit;
}

// --- Leases.

std::vector<leases::ProvenSpend> LedgerState::ProvenSpends() const {
  std::vector<leases::ProvenSpend> proven;
  base::MutexLock lock(&mutex_);
  for (const Row& row : rows_) {
    if (!MayBeLeased(row)) continue;
    for (const auto& account : row.accounts) {
      proven.push_back(
          {{row.id, account->window_start_us}, account->counter.spent, account->written_off});
    }
  }
  return proven;
}

std::vector<leases::Settlement> LedgerState::TakeClient(
    std::unique_ptr<leases::LeaseClient> client, uint64_t limit_version,
    absl::Span<const leases::Settlement> settlements) {
  base::MutexLock lock(&mutex_);
  FULCRUM_CHECK(!live_);
  client_ = std::move(client);
  limit_version_ = limit_version;
  leases::LeaseClient::Books books(client_.get());
  for (const Row& row : rows_) {
    if (!MayBeLeased(row)) continue;
    for (const auto& account : row.accounts) {
      account->budget = books.Of({row.id, account->window_start_us});
    }
  }
  std::vector<leases::Settlement> counted;
  for (const leases::Settlement& settlement : settlements) {
    const int64_t window_start_us = settlement.budget.window_start_us;
    Row& row = rows_[static_cast<size_t>(RowIndex(settlement.budget.row))];
    if (!MayBeLeased(row)) continue;
    Account* const account = AddAccount(&row, window_start_us);
    if (account == nullptr) continue;
    account->budget = books.Of(settlement.budget);
    account->written_off = settlement.written_off;
    counted.push_back(settlement);
  }
  return counted;
}

int64_t LedgerState::LimitAt(const Row& row, int64_t window_start_us) const {
  if (row.constraint == nullptr || row.constraint->window != config::Window::kRolling) {
    return row.limit;
  }
  const int64_t earlier =
      UsedSince(row, FirstCountedUs(*row.constraint, window_start_us), window_start_us);
  return row.limit - std::min(row.limit, earlier);
}

std::vector<LeaseWish> LedgerState::Configure(absl::Span<const LeaseNeed> needs) {
  std::vector<LeaseWish> wishes;
  base::MutexLock lock(&mutex_);
  leases::LeaseClient::Books books(client_.get());
  for (const LeaseNeed& need : needs) {
    Row& row = rows_[static_cast<size_t>(need.key.row)];
    if (row.amount_max == 0) continue;
    Account* const account = AddAccount(&row, need.key.window_start_us);
    if (account == nullptr) continue;  // forgotten
    const leases::BudgetKey key{row.id, need.key.window_start_us};
    if (account->budget == nullptr) account->budget = books.Of(key);
    const int64_t limit = LimitAt(row, need.key.window_start_us);
    if (account->limit.version == 0 || account->limit.amount != limit) {
      account->limit = {limit, ++limit_version_};
      account->budget->Configure(account->limit, row.amount_max);
    }
    // No more than there is: cheaper candidates may still fit.
    const int64_t room = limit - account->used();
    const int64_t amount = std::min(need.amount > 0 ? need.amount : row.amount_max, room);
    if (amount > 0) wishes.push_back({key, amount});
  }
  return wishes;
}

int64_t LedgerState::LimitOf(const std::string& row) const {
  base::MutexLock lock(&mutex_);
  const auto found = row_index_.find(row);
  return found == row_index_.end() ? 0 : rows_[static_cast<size_t>(found->second)].limit;
}

bool LedgerState::CountsExposures(const std::string& row) const {
  base::MutexLock lock(&mutex_);
  const auto found = row_index_.find(row);
  if (found == row_index_.end()) return false;
  const config::Constraint* const constraint = rows_[static_cast<size_t>(found->second)].constraint;
  return constraint != nullptr && constraint->resource == config::Resource::kExposures;
}

std::vector<LeaseNeed> LedgerState::CurrentWindows(absl::Time now) const {
  std::vector<LeaseNeed> needs;
  for (size_t i = 0; i < bundle_->constraints.size(); ++i) {
    const config::Constraint& constraint = bundle_->constraints[i];
    if (!constraint.IsLeased()) continue;
    needs.push_back({{static_cast<int32_t>(i), WindowStartUs(constraint, now)}, 0});
  }
  return needs;
}

std::vector<LeaseNeed> LedgerState::WaitForLowRows(std::chrono::steady_clock::time_point until) {
  base::MutexLock lock(&mutex_);
  while (low_rows_.empty() && !stopped_ && std::chrono::steady_clock::now() < until) {
    low_rows_changed_.WaitUntil(&mutex_, until);
  }
  std::vector<LeaseNeed> low_rows = std::exchange(low_rows_, {});
  for (const LeaseNeed& need : low_rows) {
    Account* account = FindAccount(rows_[need.key.row], need.key.window_start_us);
    if (account != nullptr) account->refill_asked = false;
  }
  return low_rows;
}

bool LedgerState::stopped() const {
  base::MutexLock lock(&mutex_);
  return stopped_;
}

void LedgerState::Stop() {
  base::MutexLock lock(&mutex_);
  stopped_ = true;
  low_rows_changed_.NotifyAll();
}

// --- The log.

void LedgerState::OnLogged(Lsn lsn, const LogEvent& event) {
  base::MutexLock lock(&mutex_);
  if (lsn <= folded_) return;
  if (lsn != folded_ + 1 && !live_) gap_ = true;
  folded_ = lsn;
  if (client_ != nullptr) client_->NoteLogEnd(lsn);
  if (const auto* decision = std::get_if<DecisionRecord>(&event)) {
    latest_us_ = std::max(latest_us_, decision->occurred_us);
    for (const PositionRecord& position : decision->positions) {
      for (const Debit& debit : position.debits) Spend(debit, decision->user_ref);
    }
  } else if (const auto* superseded = std::get_if<SupersededRecord>(&event)) {
    for (const Debit& debit : superseded->refunds) Refund(debit, superseded->user_ref);
  } else if (const auto* unshown = std::get_if<UnshownRecord>(&event)) {
    for (const Debit& debit : unshown->refunds) Refund(debit, unshown->user_ref);
  } else if (const auto* settlement = std::get_if<SettlementRecord>(&event)) {
    for (const Debit& debit : settlement->refunds) Refund(debit, settlement->user_ref);
  } else if (const auto* identity = std::get_if<IdentityRecord>(&event)) {
    Apply(*identity);
  }
}

void LedgerState::Apply(const IdentityRecord& record) {
  if (record.change == IdentityChange::kPurged) {
    const std::vector<UserRef> purged = groups_.Purge(record.user_ref);
    regrouped_.insert(purged.begin(), purged.end());
    counters_.Purge(purged);
    return;
  }
  groups_.Merge(record.user_ref, record.into, record.occurred_us);  // maybe joined already
  for (const UserRef& ref : {record.user_ref, record.into}) {
    const std::vector<UserRef> path = groups_.PathOf(ref);
    regrouped_.insert(path.begin(), path.end());
  }
}

void LedgerState::Join(const UserRef& from, const UserRef& into, int64_t now_us) {
  base::MutexLock lock(&mutex_);
  groups_.Merge(from, into, now_us);
}

// Merges before all that is still counted.
void LedgerState::ForgetMerges() {
  if (groups_.empty() || counters_.HasTotal()) return;
  const int64_t before_us = latest_us_ - kept_longest_us_;
  for (const domain::UserMerge& merge : groups_.merges()) {
    if (merge.merged_us < before_us) regrouped_.insert(merge.from);
  }
  groups_.ForgetBefore(before_us);
}

void LedgerState::Spend(const Debit& debit, const UserRef& user_ref) {
  if (debit.amount <= 0) return;
  const int32_t row = RowIndex(debit.row);
  int64_t taken = 0;
  if (debit.per_user) {
    const UserCounterKey key = CounterKey(row, debit.window_start_us, user_ref);
    if (!counters_.Knows(key.window) && IsForgotten(rows_[row], debit.window_start_us)) return;
    taken = counters_.Spend(key, debit.amount);
  } else {
    Account* account = AddAccount(&rows_[row], debit.window_start_us);
    if (account == nullptr) return;
    account->counter.spent = SaturatingAdd(account->counter.spent, debit.amount);
    account->counter.dirty = true;
    if (live_) {
      taken = TakePending(&account->counter, debit.amount);
      SpendOf(account, taken, debit.amount - taken);
    }
  }
  if (live_) unheld_ = SaturatingAdd(unheld_, debit.amount - taken);
}

void LedgerState::SpendOf(Account* account, int64_t held, int64_t unheld) {
  if (account->budget == nullptr) return;
  const leases::LeaseClient::Books books(client_.get());
  account->budget->Commit(held);
  if (unheld > 0) account->budget->CommitUnheld(unheld);
}

void LedgerState::Refund(const Debit& debit, const UserRef& user_ref) {
  if (debit.amount <= 0) return;
  const int32_t row = RowIndex(debit.row);
  if (debit.per_user) {
    counters_.Refund(CounterKey(row, debit.window_start_us, user_ref), debit.amount);
    return;
  }
  Account* account = FindAccount(rows_[row], debit.window_start_us);
  if (account == nullptr) return;
  const int64_t amount = std::min(account->counter.spent, debit.amount);
  account->counter.spent -= amount;
  account->counter.dirty = true;
  if (account->budget == nullptr) return;
  const leases::LeaseClient::Books books(client_.get());
  account->budget->Refund(amount);
}

std::string LedgerState::RowId(int32_t row) const {
  base::MutexLock lock(&mutex_);
  return rows_[static_cast<size_t>(row)].id;
}

Lsn LedgerState::folded() const {
  base::MutexLock lock(&mutex_);
  return folded_;
}

bool LedgerState::live() const {
  base::MutexLock lock(&mutex_);
  return live_;
}

int64_t LedgerState::unheld() const {
  base::MutexLock lock(&mutex_);
  return unheld_;
}

// --- Checkpoint.

void LedgerState::CopyAccounts(StoreBatch* batch) {
  for (Row& row : rows_) {
    for (const auto& account : row.accounts) {
      if (!account->counter.dirty) continue;
      account->counter.dirty = false;
      batch->spends.push_back({row.id, account->window_start_us, account->counter.spent});
    }
  }
}

void LedgerState::CopyMerges(StoreBatch* batch) const {
  for (const UserRef& from : regrouped_) {
    if (const auto merge = groups_.MergeOf(from)) {
      batch->merges.push_back(*merge);
    } else {
      batch->unmerged.push_back(from);
    }
  }
}

void LedgerState::CopyCounters(StoreBatch* batch) const {
  const std::vector<Row>* const rows = &rows_;
  const auto name = [rows](int32_t row) -> const std::string& {
    return (*rows)[static_cast<size_t>(row)].id;
  };
  counters_.CopyChanged(name, batch);
}

bool LedgerState::DropForgotten() {
  bool dropped = false;
  leases::LeaseClient::Books books(client_.get());
  for (Row& row : rows_) {
    const auto forgotten = [&, latest_us = latest_us_](const std::unique_ptr<Account>& account) {
      if (account->counter.held != 0 ||
          !orchestrator::IsForgotten(account->window_start_us, row.kept_us, latest_us)) {
        return false;
      }
      if (account->budget != nullptr) books.Drop({row.id, account->window_start_us});
      return true;
    };
    dropped = std::erase_if(row.accounts, forgotten) > 0 || dropped;
  }
  const bool forgot = counters_.Forget([latest_us = latest_us_](const CapWindowKey& window) {
    return orchestrator::IsForgotten(window.start_us, window.kept_us, latest_us);
  });
  return dropped || forgot;
}

StoreBatch LedgerState::TakeCheckpoint() {
  StoreBatch batch;
  base::MutexLock lock(&mutex_);
  if (DropForgotten() || std::exchange(forget_asked_, false)) {
    batch.forget_before_us = latest_us_ - kept_longest_us_;
  }
  CopyAccounts(&batch);
  ForgetMerges();
  CopyMerges(&batch);
  regrouped_.clear();
  CopyCounters(&batch);
  counters_.BeginWrite();
  batch.fold = FoldMark{folded_, latest_us_};
  return batch;
}

void LedgerState::CheckpointWritten() {
  {
    base::MutexLock lock(&mutex_);
    counters_.Written();
  }
  EvictCounters();
}

void LedgerState::CheckpointFailed(const StoreBatch& batch) {
  base::MutexLock lock(&mutex_);
  forget_asked_ = forget_asked_ || batch.forget_before_us.has_value();
  for (const SpendEntry& entry : batch.spends) {
    Account* account = FindAccount(rows_[RowIndex(entry.row)], entry.window_start_us);
    if (account != nullptr) account->counter.dirty = true;
  }
  for (const domain::UserMerge& merge : batch.merges) regrouped_.insert(merge.from);
  regrouped_.insert(batch.unmerged.begin(), batch.unmerged.end());
  counters_.Failed();
}

// Once around, and again for those that had been used.
void LedgerState::EvictCounters() {
  size_t looks = 0;
  while (true) {
    base::MutexLock lock(&mutex_);
    if (looks > 2 * counters_.slots() || !counters_.Evict(kLooksAtOnce)) return;
    looks += kLooksAtOnce;
  }
}

// --- Looking.

bool LedgerState::Close() {
  base::MutexLock lock(&mutex_);
  closed_ = true;
  for (const Row& row : rows_) {
    for (const auto& account : row.accounts) {
      if (account->counter.held != 0) return false;
    }
  }
  return counters_.IsIdle();
}

LedgerState::View LedgerState::LookUser(int32_t row, absl::Time now, const UserRef& user_ref,
                                        CounterReads* reads) {
  const config::Constraint& constraint = bundle_->constraints[row];
  View view;
  view.window_start_us = WindowStartUs(constraint, now);
  base::MutexLock lock(&mutex_);
  const UserCounters::Use use =
      UsedByUser(rows_[row], row, FirstCountedUs(constraint, view.window_start_us),
                 view.window_start_us, user_ref, reads);
  view.limit = rows_[row].limit;
  view.spent = use.spent;
  view.held = use.held;
  return view;
}

UserCounterStats LedgerState::user_counters() const {
  base::MutexLock lock(&mutex_);
  return counters_.stats();
}

LedgerState::View LedgerState::Look(int32_t row, absl::Time now) const {
  const config::Constraint& constraint = bundle_->constraints[row];
  View view;
  view.window_start_us = WindowStartUs(constraint, now);
  const int64_t first_us = FirstCountedUs(constraint, view.window_start_us);
  base::MutexLock lock(&mutex_);
  const leases::LeaseClient::Books books(client_.get());
  view.limit = rows_[row].limit;
  for (const auto& account : rows_[row].accounts) {
    const int64_t start_us = account->window_start_us;
    if (start_us < first_us || start_us > view.window_start_us) continue;
    view.spent += account->spent();
    view.held += account->counter.held;
    view.written_off += account->written_off;
    // What earlier steps of a moving span have leased and not used is no part of it any more.
    view.leased += account->used();
    if (start_us == view.window_start_us && account->budget != nullptr) {
      view.leased += account->budget->left(books.Now());
    }
  }
  if (!constraint.IsLeased()) view.leased = view.limit;
  view.starved = rows_[row].starved;
  return view;
}

}  // namespace fulcrum::orchestrator
