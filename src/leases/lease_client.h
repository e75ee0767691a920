// A replica's side of the leases: admits holds from memory, and asks, renews and releases behind
// them. No call waits for the store.
//
// Guarantees, whatever the network, the store and the clocks do:
//   - A hold is admitted only from what the store has granted to this incarnation and still
//   charges.
//   - Nothing is held from a lease later than `ttl` less the guard after the call that proved it
//   was
//     sent, by a steady clock that the wall clock bears out. A clock that stood still or jumped
//     makes leases unusable until they are renewed. No clock matters if `ttl` is infinite.
//   - A new epoch, or having been reconciled by somebody else: what is held goes on being spent
//     until it lapses, nothing is asked for until the store has taken down what this replica has.
// What the caller owes: Commit() with the record that the log took, within the guard of the Hold();
// `proven` at the start from a log that nobody else can append to; an incarnation higher than any
// before, or 0; Tick() a few times a second.
//
// Thread-safe. Answers that arrive after its destruction are ignored. The destructor tells the
// store nothing: without Close() it is a crash, and leases stay charged until the next incarnation
// registers.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "base/clock.h"
#include "leases/lease_store.h"
#include "leases/local_budget.h"

namespace fulcrum::leases {

struct ClientOptions {
  std::string replica;
  // 0: the one after the latest that the store has heard of. Only one process of a replica may be
  // at work, which the lock on its log sees to.
  uint64_t incarnation = 0;
  LocalOptions local;
  // What `proven` is worth, and the last record of the log that it was read from. Until
  // registered() nothing may be appended to that log: one that has lost its end would come to look
  // whole.
  Proof proof = Proof::kAll;
  uint64_t log_end = 0;
  uint64_t seed = 0;  // spreads repeated calls of several replicas
  // A grant has arrived, or will not. Called without locks, maybe from a thread of the store's.
  std::function<void(const BudgetKey&)> on_change;
};

// What the log proves that this replica has spent, refunds deducted, and what a store has written
// off, as far as it was noted (Standing). Without the note a store that forgets it finds it free.
struct ProvenSpend {
  BudgetKey budget;
  int64_t amount = 0;
  int64_t written_off = 0;
};

using WantDone = absl::AnyInvocable<void(absl::Status) &&>;

class LeaseClient {
 public:
  // `store` and `clock` outlive the client and the answers to its calls.
  LeaseClient(ClientOptions options, LeaseStore* store, const base::Clock* clock,
              const std::vector<ProvenSpend>& proven);
  ~LeaseClient();

  // A budget's limit and the most that one decision takes of it. Before its first Hold(), and again
  // with each new configuration.
  void Configure(const BudgetKey& budget, const Limit& limit, int64_t largest);

  // Asks for a lease if less than `amount` is left. `done` is called once, without locks: when
  // there is enough, nothing to be had, or the store has answered a call for this budget;
  // UNAVAILABLE or the store's error if nothing can be said, at the latest when the client ends.
  void Want(const BudgetKey& budget, int64_t amount, WantDone done);
  // Says what the budget has to say now.
  void Poll(const BudgetKey& budget);

  HoldResult Hold(const BudgetKey& budget, int64_t amount);
  void Commit(const BudgetKey& budget, int64_t amount);
  void Cancel(const BudgetKey& budget, int64_t amount);
  void Refund(const BudgetKey& budget, int64_t amount);

  // The log has come to this record. Cheap; the largest stays.
  void NoteLogEnd(uint64_t log_end);

  void Tick();

  // Holds no more and gives everything back as it is settled; empty() says when. Needs Tick().
  void Close();
  bool empty() const;

  // Drops budgets of windows that start before, `total` aside, once nothing of them is held.
  void CloseWindowsBefore(int64_t window_start_us);

  bool registered() const;
  uint64_t incarnation() const;  // once registered
  // A later incarnation of this replica is at work: this one must end.
  bool superseded() const;
  // The store does not take `proof`, and knows no better: nothing can be had until an operator
  // helps.
  bool unprovable() const;

  struct Standing {
    int64_t left = 0;  // that a hold may take now
    int64_t held = 0;
    int64_t proven = 0;       // in the log
    int64_t unheld = 0;       // in the log without a hold: a caller's error
    int64_t credit = 0;       // refunded, and on its way back to the store
    size_t leases = 0;        // that the store may still charge
    int64_t written_off = 0;  // by the store, as it last said
  };
  Standing StandingOf(const BudgetKey& budget) const;

  // The budgets themselves, for several looks and holds at one moment. Nothing changes meanwhile,
  // and the client must not be called. Nothing is sent: Poll() what WantsMore().
  class Books;

 private:
  class Core;
  const std::shared_ptr<Core> core_;
};

class LeaseClient::Books {
 public:
  explicit Books(const LeaseClient* client);  // null: has no budgets, so no other call is allowed
  ~Books();
  Books(const Books&) = delete;
  Books& operator=(const Books&) = delete;

  Moment Now() const;
  // Stays where it is until it is dropped.
  LocalBudget* Of(const BudgetKey& budget);
  // What a window that is over has had; nothing of it is held.
  void Drop(const BudgetKey& budget);

 private:
  Core* const core_;
};

}  // namespace fulcrum::leases
