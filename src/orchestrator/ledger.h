// The ledger: how much of every hard row is spent, reserved and leased.
//
// Per row and window (and user, for rows per user):
//   limit >= leased >= spent + held
//   leased   written off durably before it is spent from (rows not per user)
//   spent    what the decision log proves: a fold over its records in LSN order
//   held     in-flight decisions, in memory only
// After a crash `spent` is the last checkpoint plus the log after it; what a lost lease still held is
// returned if the log is durable enough to prove the spend, and counts as spent otherwise.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "base/clock.h"
#include "base/file.h"
#include "config/bundle.h"
#include "domain/seams.h"
#include "fulcrum/decision_record.h"

namespace fulcrum::orchestrator {

class LedgerState;  // ledger.cc

// The reservation of one decision. Movable; releases what is left when destroyed.
class Hold {
 public:
  Hold() = default;
  Hold(Hold&&) noexcept;
  Hold& operator=(Hold&&) noexcept;
  ~Hold();

  // secured()[i]: candidate i of the query may be drawn.
  const std::vector<bool>& secured() const { return secured_; }
  // Why candidate i is not secured (kNone if it is).
  const std::vector<MaskReason>& reasons() const { return reasons_; }

  // Keeps exactly what the drawn candidates take and releases the rest; returns their debits, one
  // list per entry of `drawn`. Call once.
  std::vector<std::vector<Debit>> Keep(absl::Span<const size_t> drawn);

  // The decision is on its way into the log: from here on OnLogged() settles the debits. If the log
  // refuses the record, call Ledger::Return instead.
  void Detach();

 private:
  friend class Ledger;
  // Private parts are the implementation's.
  std::shared_ptr<LedgerState> state_;
  std::vector<bool> secured_;
  std::vector<MaskReason> reasons_;
};

struct LedgerOptions {
  std::string directory;   // RocksDB, data/ledger
  base::FileSystem* files = nullptr;
  const base::Clock* clock = nullptr;
  config::Durability durability = config::Durability::kProcess;
  std::string boot_id;     // of the machine's current boot; tells a crash from a power loss
};

// Thread-safe. One process owns the directory.
class Ledger final : public domain::LogObserver {
 public:
  // Opens and reads the checkpoint. Then the caller passes all log records after checkpoint_lsn()
  // to OnLogged() and calls FinishRecovery() before the first Acquire().
  static absl::StatusOr<std::unique_ptr<Ledger>> Open(
      const LedgerOptions& options, std::shared_ptr<const config::Bundle> bundle);
  ~Ledger() override;

  Lsn checkpoint_lsn() const;
  absl::Status FinishRecovery();

  // Holds, for a decision that will draw up to `draws` of `actions` (indices into bundle.actions,
  // sorted by id), on each row the `draws` largest amounts among the candidates secured so far; a
  // candidate whose rows cannot all take that is not secured. UNAVAILABLE: see domain::Wait.
  absl::StatusOr<Hold> Acquire(absl::Span<const int32_t> actions, size_t draws,
                               const std::optional<UserRef>& user_ref, absl::Time now,
                               domain::Wait wait);

  // Folds one log record: its debits are spent, its refunds come back. Idempotent by LSN.
  void OnLogged(Lsn lsn, const LogEvent& event) override;

  // The log refused a record whose hold was detached: its debits are free again.
  void Return(absl::Span<const Debit> debits, const UserRef& user_ref);

  // Writes spends and caps as of the last folded LSN. Called by a timer and at shutdown.
  absl::Status Checkpoint();

  struct RowStatus {
    std::string row;
    int64_t window_start_us = 0;
    int64_t limit = 0, leased = 0, spent = 0, held = 0;
  };
  // Rows that are not per user, current windows at `now`, in bundle order. For metrics and tests.
  std::vector<RowStatus> Status(absl::Time now) const;

 private:
  explicit Ledger(std::shared_ptr<LedgerState> state);
  std::shared_ptr<LedgerState> state_;
};

}  // namespace fulcrum::orchestrator
