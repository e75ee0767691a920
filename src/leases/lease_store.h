// The seam to whoever divides limits among replicas: RocksDB in one process today, something that
// several processes reach later. Whatever stands behind it passes tests/leases/lease_store_suite.h.
//
// What every store guarantees:
//   - Of each budget, settled + written off + outstanding grants + remaining = limit. A grant is
//     outstanding, and charged whole, from Acquire until its owner releases it, registers without
//     it, or is reconciled. Time alone returns nothing.
//   - What a replica spent and cannot prove is never given to anybody: if its log is not known
//     to be whole, all that it was charged beyond what it states is written off until the window
//     closes.
//   - A reply of kDone is durable: it survives the store's crash. A store that can forget it (a
//     failover to a copy that lags) begins a new epoch.
//   - In a new epoch nothing is granted until every member is accounted for: by its own Register,
//     or, once every lease of the epochs before must have lapsed, by Reconcile from its log.
//   - Calls may be lost, doubled and reordered in any way. Acquire is idempotent by lease number:
//     the same call again answers the same grant, and takes its credit down once. Register is
//     idempotent by number. Report keeps the largest value. Release takes effect once; doing it
//     again answers kDone and changes nothing. A caller repeats a call until it is answered.
//   - Only the latest incarnation of a replica is listened to, and of it only what it said after
//     its last Register, or after somebody reconciled it, after its next.
//   - A limit may be raised or cut at any time. Cut below what is charged, nothing more is granted
//     until it fits; what was granted stays.
//
// Thread-safe. `done` is called exactly once per call, from any thread, maybe before the call
// returns, and may call the store again. An error instead of a reply (UNAVAILABLE, or whatever the
// disk says) means that nothing is known of the call's fate: repeat it. A store that has failed to
// write refuses everything until it is opened again.
#pragma once

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "leases/lease_messages.h"

namespace fulcrum::leases {

using LeaseDone = absl::AnyInvocable<void(absl::StatusOr<LeaseReply>) &&>;

class LeaseStore {
 public:
  virtual ~LeaseStore() = default;

  // Replaces all that the store believes of the replica by what it says. First call of every
  // incarnation, and again whenever a reply says so. From the moment it is first sent until it is
  // answered the caller may spend from the leases it names, and do nothing else.
  virtual void Register(RegisterRequest request, LeaseDone done) = 0;

  // A lease of as much as leases/slice_rule.h gives, or kNothingLeft. It may be spent from until
  // `ttl` less the guard after the first time this number was asked for, by the caller's own clock.
  virtual void Acquire(AcquireRequest request, LeaseDone done) = 0;

  // Notes what is spent of a lease; the largest value stays.
  virtual void Report(ReportRequest request, LeaseDone done) = 0;

  // A Report that also starts the lease's time anew: `ttl` from when this very call was sent.
  virtual void Renew(RenewRequest request, LeaseDone done) = 0;

  // Ends a lease: what was spent (at least what was reported) is settled, the rest remains for all.
  // The caller has stopped spending from it, and nothing of it is in flight. A lease that was never
  // granted is thereby refused for good.
  virtual void Release(ReleaseRequest request, LeaseDone done) = 0;

  // Which replicas have gone silent: all their leases lapsed, by the store's clock, more than the
  // guard ago; or, in a new epoch, never heard of. What they have not spent stays charged.
  virtual void Expire(ExpireRequest request, LeaseDone done) = 0;

  // Settles a silent replica by its decision log, which must have been read completely after the
  // reply of Expire. kNotYet if the replica was heard of in between. Its own next call is answered
  // kRegisterFirst.
  virtual void Reconcile(ReconcileRequest request, LeaseDone done) = 0;

  // Budgets of windows that start before are dropped and never open again; `total` stays.
  virtual void CloseWindows(CloseWindowsRequest request, LeaseDone done) = 0;
};

}  // namespace fulcrum::leases
