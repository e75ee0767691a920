// A replica's side of the leases: admits holds from memory, and asks, renews and releases behind
// them. No call waits for the store.
//
// Guarantees, whatever the network, the store and the clocks do:
//   - A hold is admitted only from what the store has granted to this incarnation and still
//   charges.
//   - Nothing is held from a lease later than `ttl` less the guard after the call that proved it
//   was
//     sent, by a steady clock that the wall clock bears out. A clock that stood still or jumped
//     makes leases unusable until they are renewed.
//   - A new epoch, or having been reconciled by somebody else: what is held goes on being spent
//   until
//     it lapses, nothing is asked for until the store has taken down what this replica has.
// What the caller owes: Commit() with the record that the log took, within the guard of the Hold();
// `proven` at the start from a log that nobody else can append to; an incarnation higher than any
// before; Tick() a few times a second.
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

#include "base/clock.h"
#include "leases/lease_store.h"
#include "leases/local_budget.h"

namespace fulcrum::leases {

struct ClientOptions {
  std::string replica;
  uint64_t incarnation = 0;
  LocalOptions local;
  uint64_t seed = 0;  // spreads repeated calls of several replicas
  // A grant has arrived, or will not. Called without locks, maybe from a thread of the store's.
  std::function<void(const BudgetKey&)> on_change;
};

// What the log proves that this replica has spent, refunds deducted.
struct ProvenSpend {
  BudgetKey budget;
  int64_t amount = 0;
};

class LeaseClient {
 public:
  // `store` and `clock` outlive the client and the answers to its calls.
  LeaseClient(ClientOptions options, LeaseStore* store, const base::Clock* clock,
              const std::vector<ProvenSpend>& proven);
  ~LeaseClient();

  // A budget's limit and the most that one decision takes of it. Before its first Hold(), and again
  // with each new configuration.
  void Configure(const BudgetKey& budget, const Limit& limit, int64_t largest);

  HoldResult Hold(const BudgetKey& budget, int64_t amount);
  void Commit(const BudgetKey& budget, int64_t amount);
  void Cancel(const BudgetKey& budget, int64_t amount);
  void Refund(const BudgetKey& budget, int64_t amount);

  void Tick();

  // Holds no more and gives everything back as it is settled; empty() says when. Needs Tick().
  void Close();
  bool empty() const;

  // Drops budgets of windows that start before, `total` aside, once nothing of them is held.
  void CloseWindowsBefore(int64_t window_start_us);

  bool registered() const;
  // A later incarnation of this replica is at work: this one must end.
  bool superseded() const;

  struct Standing {
    int64_t left = 0;  // that a hold may take now
    int64_t held = 0;
    int64_t proven = 0;  // in the log
    int64_t unheld = 0;  // in the log without a hold: a caller's error
    int64_t credit = 0;  // refunded, and on its way back to the store
    size_t leases = 0;   // that the store may still charge
  };
  Standing StandingOf(const BudgetKey& budget) const;

 private:
  class Core;
  const std::shared_ptr<Core> core_;
};

}  // namespace fulcrum::leases
