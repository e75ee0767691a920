// How the books are rebuilt: LedgerState's loading and the end of a recovery.
#include <algorithm>

#include "base/check.h"
#include "orchestrator/ledger_state.h"
#include "orchestrator/windows.h"

namespace fulcrum::orchestrator {
namespace {

// Whether what the previous process spent is in the log for sure: a record outlives the process
// once it is written, and the machine once it is synced (D15).
bool DurabilityProves(const Session& previous, bool same_boot) {
  switch (previous.durability) {
    case config::Durability::kNone:
      return false;
    case config::Durability::kProcess:
      return same_boot;
    case config::Durability::kPower:
      return true;
  }
  return false;
}

}  // namespace

void LedgerState::Load(const StoreImage& image) {
  base::MutexLock lock(&mutex_);
  folded_ = image.fold.lsn;
  latest_us_ = image.fold.latest_us;
  for (const SpendEntry& entry : image.spends) {
    Account* account = AddAccount(&rows_[RowIndex(entry.row)], entry.window_start_us);
    if (account == nullptr) {
      forget_asked_ = true;
      continue;
    }
    account->counter.spent = entry.spent;
  }
  for (const WriteOffEntry& entry : image.write_offs) {
    Account* account = AddAccount(&rows_[RowIndex(entry.row)], entry.window_start_us);
    if (account != nullptr) account->written_off = entry.amount;
  }
  for (const domain::UserMerge& merge : image.merges) {
    groups_.Merge(merge.from, merge.into, merge.merged_us);
  }
  for (const CapEntry& entry : image.caps) {
    const int32_t row = RowIndex(entry.row);
    if (IsForgotten(rows_[row], entry.window_start_us)) {
      forget_asked_ = true;
    } else {
      counters_.Load(CounterKey(row, entry.window_start_us, entry.user_ref), entry.spent);
    }
  }
  for (const int64_t window_start_us : image.cap_windows_left) {
    for (const Row& row : rows_) {  // those that share a window have the same key
      if (IsForgotten(row, window_start_us)) {
        forget_asked_ = true;
      } else {
        counters_.LeaveOnDisk({window_start_us, row.kept_us});
      }
    }
    // Rows that the log and the store alone know.
    if (!orchestrator::IsForgotten(window_start_us, kCalendarKeptUs, latest_us_)) {
      counters_.LeaveOnDisk({window_start_us, kCalendarKeptUs});
    }
  }
}

leases::Proof LedgerState::Examine(const std::optional<Session>& previous, const Session& session,
                                   RecoveryReport* report) const {
  base::MutexLock lock(&mutex_);
  report->clean = !previous || previous->clean;
  report->same_boot = previous && !session.boot_id.empty() && previous->boot_id == session.boot_id;
  report->lost_tail = report->checkpoint_lsn > report->log_last_lsn;
  report->gap = gap_ || folded_ < report->log_last_lsn;
  if (report->records_gone) return leases::Proof::kPart;
  // A clean session has checkpointed everything, so it does not need the log's tail.
  if (report->clean) return leases::Proof::kAll;
  const bool whole = !report->gap && !report->lost_tail;
  return whole && DurabilityProves(*previous, report->same_boot) ? leases::Proof::kLog
                                                                 : leases::Proof::kPart;
}

StoreBatch LedgerState::PlanRecovery(Lsn log_last_lsn, const Session& session) const {
  StoreBatch batch;
  batch.session = session;
  base::MutexLock lock(&mutex_);
  FULCRUM_CHECK(!live_);
  batch.fold = FoldMark{log_last_lsn, latest_us_};
  for (const Row& row : rows_) {
    for (const auto& account : row.accounts) {
      batch.spends.push_back({row.id, account->window_start_us, account->counter.spent});
      if (account->written_off == 0) continue;
      batch.write_offs.push_back({row.id, account->window_start_us, account->written_off});
    }
  }
  CopyMerges(&batch);
  CopyCounters(&batch);
  return batch;
}

void LedgerState::FinishRecovery(const StoreBatch& batch) {
  TakeRecovery(batch);
  EvictCounters();
}

void LedgerState::TakeRecovery(const StoreBatch& batch) {
  base::MutexLock lock(&mutex_);
  for (const Row& row : rows_) {
    for (const auto& account : row.accounts) account->counter.dirty = false;
  }
  regrouped_.clear();
  counters_.BeginWrite();
  counters_.Written();
  folded_ = batch.fold->lsn;
  live_ = true;
}

}  // namespace fulcrum::orchestrator
