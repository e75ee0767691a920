// The lease store's books as a pure state machine: the same requests at the same times give the
// same replies. Every store and the simulation share it; what they add is where it is kept.
//
// Time is the store's steady clock. It decides only when a silent replica may be reconciled; no
// amount depends on it. Not thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "base/clock.h"
#include "leases/lease_messages.h"

namespace fulcrum::leases {

struct BookOptions {
  // Everybody who may spend. Comes from the deployment, not from the store, so that a store that
  // forgets cannot forget a member.
  std::vector<std::string> members;
  // Infinite: nobody is ever silent, say where one is alone.
  absl::Duration ttl = absl::Seconds(30);
  // More than clocks drift apart within `ttl` plus the longest time from a hold to its record.
  absl::Duration guard = absl::Seconds(2);
};

// What is kept of a lease, a replica's part of a budget, a budget, and a replica.
struct BookLease {
  uint64_t number = 0;
  int64_t granted = 0;
  int64_t reported = 0;
  base::SteadyTime expires;  // not durable: after a restart it begins anew
};

struct BookAccount {
  int64_t settled = 0;       // below 0 while a credit has overtaken the release it belongs to
  int64_t written_off = 0;   // charged as spent without proof
  uint64_t last_number = 0;  // the highest lease number heard of
  std::vector<BookLease> leases;

  bool IsEmpty() const { return settled == 0 && written_off == 0 && leases.empty(); }
};

struct BookBudget {
  Limit limit;
  std::map<std::string, BookAccount> accounts;  // by replica
};

struct BookReplica {
  uint64_t incarnation = 0;
  uint64_t registered_number = 0;
  uint64_t accounted_epoch = 0;  // by its own word or by its log
  bool fenced = false;           // reconciled by somebody else: must register
  uint64_t generation = 0;       // counts what was heard from it
  uint64_t log_end = 0;          // how far its log is known to have come
};

// The sums of one budget.
struct BudgetView {
  int64_t limit = 0;
  int64_t settled = 0;
  int64_t written_off = 0;
  int64_t outstanding = 0;
  int64_t remaining = 0;  // negative after a cut

  int64_t charged() const { return settled + written_off + outstanding; }
};

// What the last calls of Apply() changed.
struct BookChanges {
  std::set<BudgetKey> budgets;
  std::set<std::string> replicas;
  bool header = false;  // epoch, closed windows

  bool empty() const { return budgets.empty() && replicas.empty() && !header; }
};

class LeaseBook {
 public:
  explicit LeaseBook(BookOptions options);

  LeaseReply Apply(const LeaseRequest& request, base::SteadyTime now);

  // The store may have forgotten something: nobody is accounted for any more. `epoch` must never
  // have been used, whatever was forgotten, so it comes from outside; higher than the present one.
  void BeginEpoch(uint64_t epoch, base::SteadyTime now);

  uint64_t epoch() const { return epoch_; }
  bool recovering() const;
  Charges ChargesTo(const std::string& replica) const;
  // Nothing if the budget is not known.
  std::optional<BudgetView> View(const BudgetKey& key) const;

  // --- For what keeps the book: its content, and what has changed since the last call.
  BookChanges TakeChanges();
  int64_t closed_before_us() const { return closed_before_us_; }
  const std::map<BudgetKey, BookBudget>& budgets() const { return budgets_; }
  const std::map<std::string, BookReplica>& replicas() const { return replicas_; }
  // An empty book takes over what was kept. Every lease's time begins anew at `now`.
  void Load(uint64_t epoch, int64_t closed_before_us, std::map<BudgetKey, BookBudget> budgets,
            std::map<std::string, BookReplica> replicas, base::SteadyTime now);

 private:
  friend class LeaseBookPeer;  // plants faults, in tests

  LeaseReply Do(const RegisterRequest& request, base::SteadyTime now);
  LeaseReply Do(const AcquireRequest& request, base::SteadyTime now);
  LeaseReply Do(const ReportRequest& request, base::SteadyTime now);
  LeaseReply Do(const RenewRequest& request, base::SteadyTime now);
  LeaseReply Do(const ReleaseRequest& request, base::SteadyTime now);
  LeaseReply Do(const ExpireRequest& request, base::SteadyTime now);
  LeaseReply Do(const ReconcileRequest& request, base::SteadyTime now);
  LeaseReply Do(const CloseWindowsRequest& request, base::SteadyTime now);

  LeaseReply Reply(Outcome outcome) const;
  // Whether the caller may act; counts that it was heard.
  Outcome Admit(const Caller& caller);
  bool IsMember(const std::string& replica) const;
  bool IsClosed(const BudgetKey& key) const {
    return key.window_start_us < closed_before_us_ && !IsTotal(key);
  }
  static bool IsTotal(const BudgetKey& key);
  BookLease* FindLease(const LeaseRequestBase& request);
  void TakeLimit(BookBudget* budget, const Limit& limit);
  // What a Register or Reconcile says of a replica.
  struct Restatement {
    const std::string& replica;
    uint64_t number = 0;
    const std::vector<Statement>& statements;
    Proof proof = Proof::kAll;
    uint64_t log_end = 0;
  };
  // Replaces the replica's accounts; the reply says what became of the difference. kUnprovable:
  // nothing changed.
  LeaseReply Restate(const Restatement& restatement, base::SteadyTime now);
  std::vector<Settlement> WrittenOffOf(const std::string& replica) const;
  // Whether nothing of the replica's can be in use any more.
  bool IsSilent(const std::string& replica, base::SteadyTime now) const;

  BookOptions options_;
  uint64_t epoch_ = 1;
  base::SteadyTime epoch_began_;
  int64_t closed_before_us_;
  std::map<BudgetKey, BookBudget> budgets_;
  std::map<std::string, BookReplica> replicas_;
  BookChanges changes_;
};

}  // namespace fulcrum::leases
