// The ledger: how much of every hard row is spent, reserved and leased.
//
// Per row and window (and user, for rows per user):
//   limit >= leased >= spent + held
//   leased   charged durably by the lease store (leases/) before it is spent from (rows not per
//   user) spent    what the decision log proves (a fold over its records in LSN order), and what
//   was
//            written off
//   held     in-flight decisions, in memory only
// After a crash `spent` is the last checkpoint plus the log after it; what a lost lease still held
// is returned if the log is durable enough to prove the spend, and counts as spent otherwise. The
// protocol, its invariants and the recovery table: docs/ledger.md.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mutex.h"
#include "config/bundle.h"
#include "domain/seams.h"
#include "fulcrum/decision_record.h"
#include "leases/lease_store.h"
#include "orchestrator/ledger_store.h"
#include "orchestrator/recovery_report.h"
#include "orchestrator/scope.h"
#include "orchestrator/user_counters.h"

namespace fulcrum::orchestrator {

class LeaseWatch;              // lease_watch.h
class LedgerState;             // ledger_state.h
struct LeaseChange;            // lease_watch.h
struct LeaseNeed;              // ledger_state.h
struct Plan;                   // plan.h
enum class Lack : uint8_t;     // ledger_state.h
enum class Secured : uint8_t;  // ledger_state.h

// The reservation of one decision. Movable; releases what is left when destroyed. Not thread-safe.
class Hold {
 public:
  Hold();
  Hold(Hold&&) noexcept;
  Hold& operator=(Hold&&) noexcept;
  ~Hold();

  // secured()[i]: candidate i of the query may be drawn.
  const std::vector<bool>& secured() const { return secured_; }
  // Why candidate i is not secured (kNone if it is).
  const std::vector<MaskReason>& reasons() const;
  // Soft rows up to this class are given up; 0 = none.
  uint32_t relaxed() const;
  // Rows with facts in their scope (AsksForFacts) that counted for a candidate, as indices into
  // bundle.constraints.
  std::vector<int32_t> rows_in_scope() const;

  // When the rows that stand in candidate i's way may have room for it if nothing but the time
  // changes, microseconds since 1970 UTC; kNever (deferral.h). Of one that they exclude or have no
  // room for.
  int64_t OpensUs(size_t candidate) const;

  // Keeps exactly what the drawn candidates take and releases the rest; returns their debits, one
  // list per entry of `drawn`, which are distinct secured candidates, no more than the draws that
  // were asked for. Call once.
  std::vector<std::vector<Debit>> Keep(absl::Span<const size_t> drawn);

  // The decision is on its way into the log: from here on OnLogged() settles the debits. If the log
  // refuses the record, call Ledger::Return instead. After Keep(), before the record is queued.
  void Detach();

 private:
  friend class Ledger;
  Hold(std::shared_ptr<LedgerState> state, std::unique_ptr<Plan> plan);
  void Release();

  std::shared_ptr<LedgerState> state_;  // null: nothing is held (any more)
  std::unique_ptr<Plan> plan_;          // what was asked and what of it is held
  std::vector<bool> secured_;
  bool kept_ = false;
};

struct LedgerOptions {
  std::string directory;  // RocksDB, data/ledger
  base::FileSystem* files = nullptr;
  const base::Clock* clock = nullptr;
  config::Durability durability = config::Durability::kProcess;
  std::string boot_id;  // of the machine's current boot; tells a crash from a power loss
  // Who divides the limits; kReplica is its only member (lease_desk.h). Not null.
  std::shared_ptr<leases::LeaseStore> leases;
  // If neither log nor lease store tells what was spent, what the log has counts: an operator says
  // so.
  bool accept_unproven = false;
  // Counters of caps per user in memory. Beyond that, those that are stored and not held wait on
  // the disk.
  size_t user_counters_max = 5'000'000;
  // A thread fetches leases at the low mark. Off: only as they are needed (tests).
  bool lease_ahead = true;
  // Told of every change of a lease once it is durable and before anything is spent from it. One
  // call at a time, from any thread: must not wait, nor call the ledger. May be null.
  std::function<void(LeaseRecord)> on_lease;
};

// Thread-safe. One process owns the directory. The destructor writes nothing: without Close() it is
// a crash. No call waits for a disk while others need the books.
class Ledger final : public domain::LogObserver {
 public:
  // Opens and reads the checkpoint. Then the caller passes all log records after checkpoint_lsn()
  // to OnLogged() and calls FinishRecovery() before the first Acquire().
  static absl::StatusOr<std::unique_ptr<Ledger>> Open(const LedgerOptions& options,
                                                      std::shared_ptr<const config::Bundle> bundle);
  ~Ledger() override;

  Lsn checkpoint_lsn() const { return checkpoint_lsn_; }
  // `log_last_lsn`: the log's last record, 0 if it is empty. It is before checkpoint_lsn() if the
  // log lost its tail; the checkpoint's spend stays. Synced before it returns. After an error
  // the ledger is of no use; nothing is lost, Open() it again. `records_gone`: some after the
  // checkpoint could not be told, so that nothing is proven.
  absl::StatusOr<RecoveryReport> FinishRecovery(Lsn log_last_lsn, bool records_gone = false);

  // Holds, for a decision that will draw up to `draws` of `actions` (indices into bundle.actions,
  // sorted by id), on each row the `draws` largest amounts among the candidates secured so far; a
  // candidate whose rows cannot all take that is not secured. UNAVAILABLE: see domain::Wait.
  // FAILED_PRECONDITION before FinishRecovery(). `counts` says which rows count on the request. If
  // no candidate can be secured and soft rows are in the way, these are given up class by class.
  absl::StatusOr<Hold> Acquire(absl::Span<const int32_t> actions, size_t draws,
                               const std::optional<UserRef>& user_ref, absl::Time now,
                               domain::Wait wait, RowFilter counts = EveryRow);

  // The limit of a row of the bundle for all that is held from now on, instead of the bundle's. In
  // memory: whoever sets it says so again at the next start, before FinishRecovery() if leases are
  // to keep to it. If more is used already, nothing is granted until that is forgotten. NOT_FOUND
  // for other rows.
  absl::Status SetLimit(std::string_view row, int64_t limit);

  // Folds one log record: its debits are spent, its refunds come back, users are merged or purged.
  // Idempotent by LSN.
  void OnLogged(Lsn lsn, const LogEvent& event) override;

  // Counts what both references use together, from now on: to be called before the log is told of
  // the merge, so that nothing that is held afterwards has the room of one of them alone. Not kept:
  // the record does that.
  void Join(const UserRef& from, const UserRef& into, absl::Time now);

  // The log refused a record whose hold was detached: its debits are free again.
  void Return(absl::Span<const Debit> debits, const UserRef& user_ref);

  // Writes spends and caps as of the last folded LSN, and fetches leases for the windows that are
  // about to begin. Called by a timer. Not synced: after a power loss the fold starts earlier.
  absl::Status Checkpoint();

  // The same checkpoint, synced: the log's LSN from which a fold would begin whatever happens, so
  // that what is before may be deleted.
  absl::StatusOr<Lsn> SyncCheckpoint();

  // What the last checkpoint holds; of the caps only those of users that `wanted` names.
  absl::StatusOr<StoreImage> ReadCheckpoint(UserFilter wanted = EveryUser) const;

  // A checkpoint, synced, with the mark of a clean shutdown: then nothing is written off at the
  // next start whatever the durability. FAILED_PRECONDITION if anything is still held or on its way
  // into the log: then there is a checkpoint but no mark. Nothing can be acquired afterwards.
  // Before FinishRecovery() it writes nothing.
  absl::Status Close();

  struct RowStatus {
    std::string row;
    int64_t window_start_us = 0;
    int64_t limit = 0, leased = 0, spent = 0, held = 0;
    int64_t written_off = 0;  // part of `spent` that no log proves
    // Decisions since the start that could draw no action, and this row stood in the way of most
    // candidates.
    uint64_t starved = 0;
  };
  // Rows that are not per user, current windows at `now`, in bundle order. For metrics and tests.
  std::vector<RowStatus> Status(absl::Time now) const;
  // One user's rows, the same; leased = limit. May read the disk; a counter that cannot be read
  // is told as far as it is in memory.
  std::vector<RowStatus> UserStatus(const UserRef& user_ref, absl::Time now) const;

  // Counters of caps per user: in memory, and what has left it and come back.
  UserCounterStats user_counters() const;

  // Sum of logged amounts that no hold had announced. Not 0: a caller logged without a hold.
  int64_t unheld() const;

 private:
  Ledger(const LedgerOptions& options, std::unique_ptr<LedgerStore> store,
         std::shared_ptr<LedgerState> state, std::optional<Session> previous, Lsn checkpoint_lsn);

  // Secures the plan, and fetches what it lacks as far as `wait` allows.
  absl::StatusOr<Secured> Secure(Plan* plan, domain::Wait wait);
  // The same without leases.
  absl::StatusOr<Secured> SecureCounters(Plan* plan, Lack lack, domain::Wait wait);
  // Fills what is missing; UNAVAILABLE as in store::Store::Get.
  absl::Status ReadCounters(store::ReadTier tier, CounterReads* reads) const;
  absl::Status FetchLeases(const Plan& plan);
  absl::Status FetchLeases(absl::Span<const LeaseNeed> needs);
  void TellLease(const LeaseChange& change) const;
  // Makes the lease client, and lets it register what the log proves. DATA_LOSS: nobody knows.
  absl::Status Register(leases::Proof proof, RecoveryReport* report);
  absl::StatusOr<Lsn> WriteCheckpoint(bool clean, bool sync);  // up to where it is
  void KeepLeasing();                                          // the thread's loop

  const LedgerOptions options_;
  const std::unique_ptr<LedgerStore> store_;
  const std::shared_ptr<LedgerState> state_;
  const std::optional<Session> previous_;  // whose leases are found
  const Lsn checkpoint_lsn_;
  const std::unique_ptr<LeaseWatch> watch_;  // before options_.leases
  // Lets one write at a time plan, write and take effect. Never taken under the books' mutex.
  mutable base::Mutex write_mutex_;
  std::thread leasing_;
};

}  // namespace fulcrum::orchestrator
