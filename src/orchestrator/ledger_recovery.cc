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
  for (const LeaseEntry& entry : image.leases) {
    Account* account = AddAccount(&rows_[RowIndex(entry.row)], entry.window_start_us);
    if (account == nullptr) {
      forget_asked_ = true;
      continue;
    }
    account->leased = entry.leased;
    account->written_off = entry.written_off;
    lease_lsn_ = std::max(lease_lsn_, entry.log_lsn);
  }
  for (const SpendEntry& entry : image.spends) {
    Account* account = AddAccount(&rows_[RowIndex(entry.row)], entry.window_start_us);
    if (account != nullptr) account->counter.spent = entry.spent;
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

StoreBatch LedgerState::PlanRecovery(Lsn log_last_lsn, const std::optional<Session>& previous,
                                     const Session& session, RecoveryReport* report) const {
  report->log_last_lsn = log_last_lsn;
  report->clean = !previous || previous->clean;
  report->same_boot = previous && !session.boot_id.empty() && previous->boot_id == session.boot_id;
  StoreBatch batch;
  batch.session = session;
  base::MutexLock lock(&mutex_);
  FULCRUM_CHECK(!live_);
  report->lease_lsn = lease_lsn_;
  report->lost_tail = std::max(report->checkpoint_lsn, lease_lsn_) > log_last_lsn;
  report->gap = gap_ || folded_ < log_last_lsn;
  // A clean session has checkpointed everything, so it does not need the log's tail.
  report->proven =
      !report->records_gone && (report->clean || (!report->gap && !report->lost_tail &&
                                                  DurabilityProves(*previous, report->same_boot)));
  batch.fold = FoldMark{log_last_lsn, latest_us_};
  for (size_t i = 0; i < rows_.size(); ++i) {
    const Row& row = rows_[i];
    const bool exposures =
        row.constraint != nullptr && row.constraint->resource == config::Resource::kExposures;
    if (row.constraint != nullptr && !row.constraint->IsLeased()) {  // soft: no lease to settle
      for (const auto& account : row.accounts) {
        batch.spends.push_back({row.id, account->window_start_us, account->counter.spent});
      }
      continue;
    }
    for (const auto& account : row.accounts) {
      const int64_t lost = std::max<int64_t>(0, account->leased - account->spent());
      LeaseEntry entry{row.id, account->window_start_us, account->spent(), account->written_off,
                       log_last_lsn};
      if (report->proven) {
        (exposures ? report->returned_exposures : report->returned_micros) += lost;
      } else {
        (exposures ? report->written_off_exposures : report->written_off_micros) += lost;
        entry.leased += lost;
        entry.written_off += lost;
      }
      batch.leases.push_back(std::move(entry));
      batch.spends.push_back({row.id, account->window_start_us, account->counter.spent});
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
  for (const LeaseEntry& entry : batch.leases) {
    Account* account = AddAccount(&rows_[RowIndex(entry.row)], entry.window_start_us);
    if (account == nullptr) continue;
    account->leased = entry.leased;
    account->written_off = entry.written_off;
    account->counter.dirty = false;
  }
  regrouped_.clear();
  counters_.BeginWrite();
  counters_.Written();
  folded_ = batch.fold->lsn;
  live_ = true;
}

}  // namespace fulcrum::orchestrator
