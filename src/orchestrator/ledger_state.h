// The ledger's books in memory: accounts of the rows, counters of the caps per user
// (user_counters.h), and the fold over the log. What may be spent of a leased row is its lease
// client's to say. No input or output: ledger.cc speaks to the lease store, and moves counters and
// checkpoints to and from the disk.
//
// Thread-safe: one mutex, held for microseconds (a checkpoint copies what changed under it); the
// lease client's is taken within it.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/types/span.h"
#include "base/mutex.h"
#include "base/strings.h"
#include "config/bundle.h"
#include "domain/user_groups.h"
#include "fulcrum/decision_record.h"
#include "leases/lease_client.h"
#include "orchestrator/ledger_store.h"
#include "orchestrator/plan.h"
#include "orchestrator/recovery_report.h"
#include "orchestrator/user_counters.h"
#include "orchestrator/windows.h"

namespace fulcrum::orchestrator {

// spent: proven by the log. held: in flight; its part `pending` is on its way into the log.
struct Counter {
  int64_t spent = 0;
  int64_t held = 0;
  int64_t pending = 0;
  bool dirty = false;  // changed since the last checkpoint
};

// A row and window that is not per user.
struct Account {
  int64_t window_start_us = 0;
  Counter counter;
  int64_t written_off = 0;
  // Of a leased row, once it was asked for: the lease client's, which may be looked at while
  // LeaseClient::Books are open.
  leases::LocalBudget* budget = nullptr;
  leases::Limit limit;  // that the budget was told
  bool refill_asked = false;

  int64_t spent() const { return SaturatingAdd(counter.spent, written_off); }
  int64_t used() const { return SaturatingAdd(spent(), counter.held); }
};

struct RowKey {
  int32_t row = -1;  // index into bundle.constraints
  int64_t window_start_us = 0;
};

// A wish for a lease: so that at least `amount` is free; 0: as much as one action takes.
struct LeaseNeed {
  RowKey key;
  int64_t amount = 0;
};

struct LeaseWish {
  leases::BudgetKey budget;
  int64_t amount = 0;
};

// What a hold keeps of a share.
struct HeldShare {
  int32_t row = -1;  // index into bundle.constraints
  bool per_user = false;
  int64_t window_start_us = 0;
  int64_t amount = 0;
};

// What to do with a candidate that only lacks a lease: give up on all and report, or mask it.
enum class Lack : uint8_t { kReport, kMask };

// All but the first: nothing changed.
enum class Secured : uint8_t { kDone, kLacksLease, kLacksCounters, kNotOpen };

class LedgerState {
 public:
  // `user_counters_max`: see UserCounters.
  LedgerState(std::shared_ptr<const config::Bundle> bundle, size_t user_counters_max);

  const config::Bundle& bundle() const { return *bundle_; }
  std::string RowId(int32_t row) const;

  // --- Requests.
  // Secures the plan's candidates in order: all rows of one or none. What `reads` found is taken
  // into the books first; kLacksCounters: reads->missing is to be read as well. If it could not be,
  // candidates that need it are treated as if they lacked a lease.
  Secured Secure(Plan* plan, Lack lack, CounterReads* reads);
  void Release(absl::Span<const HeldShare> shares, const UserRef& user_ref);
  void Detach(absl::Span<const HeldShare> shares, const UserRef& user_ref);
  void Return(absl::Span<const Debit> debits, const UserRef& user_ref);

  // When no more than `used_max` is used any longer in the share's row, if nothing but the time
  // changes; kNever (deferral.h), or 0 if that is not known.
  int64_t OpensUs(const Plan& plan, uint32_t share, int64_t used_max);

  // In force for all that is secured from now on; of a row of the bundle.
  void SetLimit(int32_t row, int64_t limit);

  // --- Leases.
  // What the log proves of all that may have a lease.
  std::vector<leases::ProvenSpend> ProvenSpends() const;
  // From now on `client`, which was made with that and has registered, says what may be spent.
  // `settlements`: what it was answered. Returns those of windows that are still counted.
  // `limit_version`: higher than any that an earlier process has used.
  std::vector<leases::Settlement> TakeClient(std::unique_ptr<leases::LeaseClient> client,
                                             uint64_t limit_version,
                                             absl::Span<const leases::Settlement> settlements);
  // After TakeClient().
  leases::LeaseClient* lease_client() const { return client_.get(); }
  // Tells the client the limits of what is needed. Without what is forgotten or never taken from.
  std::vector<LeaseWish> Configure(absl::Span<const LeaseNeed> needs);
  int64_t LimitOf(const std::string& row) const;  // 0 if there is no such row
  bool CountsExposures(const std::string& row) const;
  // Every row's window at `now`.
  std::vector<LeaseNeed> CurrentWindows(absl::Time now) const;
  // Waits for rows below their low mark, `until`, or Stop(); then returns them.
  std::vector<LeaseNeed> WaitForLowRows(std::chrono::steady_clock::time_point until);
  bool stopped() const;
  void Stop();  // of WaitForLowRows

  // --- The log.
  void OnLogged(Lsn lsn, const LogEvent& event);
  // Two references are one user from now on; the log has yet to say so.
  void Join(const UserRef& from, const UserRef& into, int64_t now_us);
  Lsn folded() const;
  bool live() const;       // FinishRecovery() was called
  int64_t unheld() const;  // logged amounts that no hold had announced: 0 unless a caller errs

  // --- Checkpoint and recovery.
  void Load(const StoreImage& image);
  // What changed, and windows that may be forgotten, which are dropped from memory.
  // Then exactly one of the other two, before anything else takes a checkpoint.
  StoreBatch TakeCheckpoint();
  void CheckpointWritten();                        // evicts counters beyond the bound
  void CheckpointFailed(const StoreBatch& batch);  // it has to be written again
  // Fills in what there is to say of the log before the lease store is asked, and returns what the
  // proven spends are worth.
  leases::Proof Examine(const std::optional<Session>& previous, const Session& session,
                        RecoveryReport* report) const;
  // The batch that ends a recovery; FinishRecovery() takes it into the books once it is stored.
  StoreBatch PlanRecovery(Lsn log_last_lsn, const Session& session) const;
  void FinishRecovery(const StoreBatch& batch);
  // Nothing can be secured any more. Returns whether nothing is held, so that it stays so.
  bool Close();

  // --- Looking.
  struct View {
    int64_t window_start_us = 0;
    int64_t limit = 0, leased = 0, spent = 0, held = 0, written_off = 0;
    uint64_t starved = 0;
  };
  View Look(int32_t row, absl::Time now) const;
  // One user's; as far as reads->missing stays empty.
  View LookUser(int32_t row, absl::Time now, const UserRef& user_ref, CounterReads* reads);
  UserCounterStats user_counters() const;

 private:
  struct Row {
    std::string id;
    const config::Constraint* constraint = nullptr;  // null: not in the bundle any more
    int64_t limit = 0;                               // in force; the bundle's unless it was set
    int64_t amount_max = 0;                          // the largest that one of its actions takes
    int64_t kept_us = kCalendarKeptUs;               // see KeptUs
    uint64_t starved = 0;  // decisions without any action for which it had no room first
    std::vector<std::unique_ptr<Account>> accounts;  // a few windows
  };
  bool IsForgotten(const Row& row, int64_t window_start_us) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return orchestrator::IsForgotten(window_start_us, row.kept_us, latest_us_);
  }
  int32_t RowIndex(std::string_view id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);  // adds it if new
  static Account* FindAccount(const Row& row, int64_t window_start_us);
  // Rows that left the bundle may still have a lease.
  static bool MayBeLeased(const Row& row) {
    return row.constraint == nullptr || row.constraint->IsLeased();
  }
  // Null if the window is forgotten.
  Account* AddAccount(Row* row, int64_t window_start_us) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The counter of a share or debit; in a window that is open or has been counted in.
  UserCounterKey CounterKey(int32_t row, int64_t window_start_us, const UserRef& user_ref) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // What all windows of the row from `first_us` on have used, but for that at `except_us`.
  int64_t UsedSince(const Row& row, int64_t first_us, int64_t except_us) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The same of a share, of its user if it is per user; nothing if that is not in memory.
  std::optional<int64_t> UsedOf(const PlanShare& share, const std::optional<UserRef>& user_ref,
                                int64_t first_us) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void LoadRooms(Plan* plan, const leases::Moment& now, CounterReads* reads)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void LoadUserRoom(const Row& row, const UserRef& user_ref, CounterReads* reads, PlanShare* share)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void NoteStarved(const Plan& plan, absl::Span<const int32_t> blame)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // What the limit leaves for the row's window: all of it, but for a span that moves.
  int64_t LimitAt(const Row& row, int64_t window_start_us) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void TakeHolds(const Plan& plan, const leases::Moment& now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void AskForRefill(int32_t row, Account* account, const leases::Moment& now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ReleaseShare(const HeldShare& share, const UserRef& user_ref)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Spend(const Debit& debit, const UserRef& user_ref) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Of what the log has, so much was held, and so much was not.
  void SpendOf(Account* account, int64_t held, int64_t unheld)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Refund(const Debit& debit, const UserRef& user_ref) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Apply(const IdentityRecord& record) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ForgetMerges() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Moves up to `amount` out of pending; returns how much.
  static int64_t TakePending(Counter* counter, int64_t amount);
  void CopyAccounts(StoreBatch* batch) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // What the user's references have used, all together.
  UserCounters::Use UsedByUser(const Row& row, int32_t index, int64_t first_us, int64_t last_us,
                               const UserRef& user_ref, CounterReads* reads)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void CopyMerges(StoreBatch* batch) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void CopyCounters(StoreBatch* batch) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool DropForgotten() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void EvictCounters() ABSL_LOCKS_EXCLUDED(mutex_);
  void TakeRecovery(const StoreBatch& batch) ABSL_LOCKS_EXCLUDED(mutex_);

  const std::shared_ptr<const config::Bundle> bundle_;
  int64_t kept_longest_us_ = kCalendarKeptUs;  // of the rows
  mutable base::Mutex mutex_;
  base::CondVar low_rows_changed_;
  std::vector<Row> rows_ ABSL_GUARDED_BY(mutex_);  // the bundle's, then those only the log knows
  base::StringMap<int32_t> row_index_ ABSL_GUARDED_BY(mutex_);
  UserCounters counters_ ABSL_GUARDED_BY(mutex_);
  domain::UserGroups groups_ ABSL_GUARDED_BY(mutex_);
  // References whose merges the store has not as `groups_` has them.
  absl::flat_hash_set<UserRef> regrouped_ ABSL_GUARDED_BY(mutex_);
  std::vector<LeaseNeed> low_rows_ ABSL_GUARDED_BY(mutex_);
  Lsn folded_ ABSL_GUARDED_BY(mutex_) = 0;
  // Set once, before live_.
  std::unique_ptr<leases::LeaseClient> client_;
  uint64_t limit_version_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t latest_us_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t unheld_ ABSL_GUARDED_BY(mutex_) = 0;
  bool forget_asked_ ABSL_GUARDED_BY(mutex_) = false;  // the store still has forgotten windows
  bool gap_ ABSL_GUARDED_BY(mutex_) = false;           // recovery missed records
  bool live_ ABSL_GUARDED_BY(mutex_) = false;          // recovery is over
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace fulcrum::orchestrator
