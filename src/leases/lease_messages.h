// What replicas and the lease store say to each other. Plain values; docs/leases.md has the
// protocol.
#pragma once

#include <cstdint>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "absl/time/time.h"

namespace fulcrum::leases {

// A limit's row in one window. `total` starts at the smallest int64.
struct BudgetKey {
  std::string row;
  int64_t window_start_us = 0;

  friend bool operator==(const BudgetKey&, const BudgetKey&) = default;
  friend bool operator<(const BudgetKey& a, const BudgetKey& b) {
    return std::tie(a.window_start_us, a.row) < std::tie(b.window_start_us, b.row);
  }
  template <typename H>
  friend H AbslHashValue(H h, const BudgetKey& key) {
    return H::combine(std::move(h), key.row, key.window_start_us);
  }
};

// Replicas may be a configuration apart: the highest version counts, and of equal ones the smaller
// amount. Versions begin at 1.
struct Limit {
  int64_t amount = 0;
  uint64_t version = 0;  // 0: not told yet

  friend bool operator==(const Limit&, const Limit&) = default;
};

// Who speaks. A process is one incarnation of its replica; a later one has a higher number, which
// the replica keeps beside its log. `epoch` is the last that the store told it, 0 at first.
// `registration` is the number of its last Register; what it said before that is void.
struct Caller {
  std::string replica;
  uint64_t incarnation = 0;
  uint64_t epoch = 0;
  uint64_t registration = 0;
  // The last record of the replica's log: every refund that the call knows of is at or before it,
  // and a log that ends before it one day has lost its end.
  uint64_t log_end = 0;
};

// A lease that its owner still holds. Numbers count up within an incarnation and are the ids of
// operations and of leases alike.
struct HeldLease {
  uint64_t number = 0;
  int64_t granted = 0;
};

// What a replica has of a budget: what it spent outside of the leases it still holds, and those.
struct Statement {
  BudgetKey budget;
  int64_t settled = 0;
  std::vector<HeldLease> held;
  // What a store has told to be written off of this replica, if it is known: a store that has
  // forgotten must not find that money free again.
  int64_t written_off = 0;
};

// What a replica's statements are worth. A log may have lost its end: to a power loss before it was
// synced, or with its disk.
enum class Proof : uint8_t {
  kAll,   // they are all that was spent, whatever the log has: a living process says so
  kLog,   // all that the log has, which is all unless it ends before what the store has heard of
  kPart,  // more may have been spent
};

// Everything the replica has: a budget that is not named is one it never spent from. What the store
// charges beyond is free again if the statements prove the spend, and written off if not: charged
// as spent, until its window is closed.
struct RegisterRequest {
  Caller caller;
  uint64_t number = 0;
  std::vector<Statement> statements;
  Proof proof = Proof::kAll;
};

struct AcquireRequest {
  Caller caller;
  BudgetKey budget;
  uint64_t number = 0;   // the lease's, chosen by the caller
  Limit limit;           // as the caller's configuration has it
  int64_t want = 0;      // a slice as large as the caller's own rate justifies
  int64_t at_least = 1;  // less is of no use: what the waiting decision lacks
  int64_t largest = 1;   // the most that one decision takes
  // What the log has taken back and no release has said yet: no longer charged, whether there is a
  // grant or not. At most what is charged; taken down with the first of equal calls.
  int64_t credit = 0;
};

struct LeaseRequestBase {
  Caller caller;
  BudgetKey budget;
  uint64_t number = 0;  // the lease's; a Report of 0, which is none, only asks whether all is well
  int64_t spent = 0;    // from this lease, cumulative
};
struct ReportRequest : LeaseRequestBase {};
struct RenewRequest : LeaseRequestBase {};
struct ReleaseRequest : LeaseRequestBase {};

struct ExpireRequest {};

// The log of a replica that does not answer, read by somebody else.
struct ReconcileRequest {
  std::string replica;
  uint64_t epoch = 0;
  uint64_t generation = 0;            // of Expire's reply, which came before the log was read
  std::vector<Statement> statements;  // all that the log proves; nothing is held
  Proof proof = Proof::kLog;
  uint64_t log_end = 0;  // the log's last record
};

// Windows that start before are over for everybody, `total` aside.
struct CloseWindowsRequest {
  int64_t before_us = 0;
};

using LeaseRequest =
    std::variant<RegisterRequest, AcquireRequest, ReportRequest, RenewRequest, ReleaseRequest,
                 ExpireRequest, ReconcileRequest, CloseWindowsRequest>;

// Everything but kDone has changed nothing, except that the number of a refused Acquire is used up.
enum class Outcome : uint8_t {
  kDone,
  kOtherEpoch,     // the caller's epoch is not the store's: register in that of the reply
  kRegisterFirst,  // not registered in this epoch, or reconciled by somebody else since
  kSuperseded,     // a later incarnation has registered
  kNotAMember,
  kStale,        // overtaken by a later call
  kNoSuchLease,  // released, or never granted
  kRecovering,   // the epoch is new and some member has not been heard of
  kNothingLeft,  // less than `at_least`
  kWindowClosed,
  kNotYet,  // Reconcile: something may still be spent, or was said since the log was read
  // Statements that do not prove the spend, of a replica of whose leases the store knows nothing,
  // or may have forgotten some.
  kUnprovable,
};

// A replica that may be reconciled once its log has been read.
struct Lapsed {
  std::string replica;
  uint64_t generation = 0;
};

// What became of what the store had charged to a replica. A repeated call changes nothing more.
struct Settlement {
  BudgetKey budget;
  int64_t returned = 0;     // free again by this call
  int64_t lost = 0;         // written off by this call
  int64_t written_off = 0;  // by all calls until now, of this replica
  int64_t charged = 0;      // of the budget afterwards, to all replicas
};

struct LeaseReply {
  Outcome outcome = Outcome::kDone;
  uint64_t epoch = 0;
  int64_t granted = 0;         // Acquire
  int64_t remaining = 0;       // of the budget afterwards: Acquire, Release
  int64_t charged = 0;         // the same, what is not remaining of the limit
  bool scarce = false;         // Acquire: slices are down to single decisions
  absl::Duration ttl;          // of a lease, from the moment its request was sent
  std::vector<Lapsed> lapsed;  // Expire
  uint64_t incarnation = 0;    // Register: the latest of this replica that the store had heard of
  // Register, Reconcile: how far the store had known the log to have come before this call.
  uint64_t log_end = 0;
  // Register, Reconcile, Release: budgets of which something was returned or is written off.
  std::vector<Settlement> settlements;
};

// What a store charges to a replica, whose refunds up to a record of its log it may know of.
struct Charge {
  BudgetKey budget;
  int64_t amount = 0;       // settled and in leases
  int64_t written_off = 0;  // beside
};
struct Charges {
  uint64_t log_end = 0;
  std::vector<Charge> charges;
};

}  // namespace fulcrum::leases
