// What one replica has of one budget: its leases, what it holds and spent of them, and what it
// ought to say to the store next. Pure: time and chance are arguments, and what is to be sent is
// returned.
//
//   proven spend of this replica = settled + spent of the open leases - credit
//
// Amounts have no names: which lease a hold came from does not matter, only that each lease's
// spent + held stays within its grant. Refunds first make room in open leases; what is more is
// `credit`, which is never spent from: it goes back with the next lease that is asked for, or
// lowers what the next releases say.
//
// Not thread-safe.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/time/time.h"
#include "leases/lease_messages.h"
#include "leases/moment.h"
#include "leases/spend_rate.h"

namespace fulcrum::leases {

struct LocalOptions {
  absl::Duration guard = absl::Seconds(2);                   // as the store's
  absl::Duration clock_tolerance = absl::Milliseconds(500);  // of wall against steady time
  absl::Duration horizon = absl::Seconds(10);                // a lease is for so long at most
  absl::Duration idle = absl::Seconds(20);                   // not used for so long: given back
  absl::Duration nothing_left_pause = absl::Seconds(1);      // before an empty store is asked again
  absl::Duration retry = absl::Seconds(1);                   // on average, until a call is repeated
  absl::Duration silence = absl::Seconds(5);  // with nothing to say, to hear of epochs
  int64_t decisions_per_lease = 1;  // a lease is for so many of the dearest decisions at least
};

// Of the only replica, whose leases nobody waits for and nobody can settle in its place
// (BookOptions::ttl is infinite): no clock matters.
inline LocalOptions OfTheOnlyReplica() {
  LocalOptions options;
  options.clock_tolerance = absl::InfiniteDuration();
  options.idle = absl::InfiniteDuration();
  options.silence = absl::InfiniteDuration();
  options.nothing_left_pause = absl::InfiniteDuration();  // until we give something back
  options.decisions_per_lease = 64;
  return options;
}

enum class HoldResult : uint8_t {
  kHeld,
  kLater,   // a lease is under way: worth waiting for, if one can
  kRefused  // there is nothing to be had now
};

// A call to be made, and what the answer is to be matched with.
struct Outgoing {
  LeaseRequest request;
  Moment sent;
};

// What a budget needs of its client to speak to the store.
struct Speaker {
  Caller caller;
  uint64_t* next_number = nullptr;
  absl::Duration retry;  // drawn anew for each look
};

class LocalBudget {
 public:
  // `proven`: what the log says this replica has spent, refunds deducted. `written_off`: what the
  // store has said to be, as far as is known.
  LocalBudget(BudgetKey key, const LocalOptions& options, int64_t proven, int64_t written_off = 0);

  // From the configuration. `largest`: the most that one decision takes.
  void Configure(const Limit& limit, int64_t largest);

  // Whether a Hold() would find as much; if not, it is asked for with the next Poll().
  HoldResult Need(int64_t amount, const Moment& now);
  HoldResult Hold(int64_t amount, const Moment& now);
  void Commit(int64_t amount);        // what was held is in the log
  void CommitUnheld(int64_t amount);  // the log has what nobody held: a caller's error
  void Cancel(int64_t amount);        // what was held is free again
  void Refund(int64_t amount);        // the log took back what it had spent

  // A lease, if one is needed and none is under way.
  std::optional<Outgoing> AskIfLow(const Moment& now, const Speaker& speaker);
  // All that is to be said now: leases to ask for, renew and release, and what was not answered.
  std::vector<Outgoing> Poll(const Moment& now, const Speaker& speaker);
  void OnAcquired(const AcquireRequest& request, const LeaseReply& reply, const Moment& now);
  void OnRenewed(const RenewRequest& request, const LeaseReply& reply, const Moment& sent);
  void OnReleased(const ReleaseRequest& request);
  // Nothing is known of what became of a call: it is due again.
  void OnFailed(uint64_t number);

  // Refunds have found no lease to go back with for a while, or it is not known whether they have.
  bool NeedsRestating(const Moment& now);
  // All that this replica has, for Register. What was being asked for is given up, and of leases
  // that may have lapsed only what was taken is still claimed: the rest may be somebody else's.
  Statement Restate(const Moment& now);
  // Leases that may have lapsed go back as soon as nothing of them is held.
  void GiveUpUnusable(const Moment& now);
  // No longer asks or holds; leases go back as soon as nothing of them is held.
  void Close() { closed_ = true; }

  // A quarter of the last lease is left, or a hold has found too little.
  bool WantsMore(const Moment& now) const;

  int64_t left(const Moment& now) const;  // that a hold may take
  int64_t held() const;
  int64_t proven() const { return proven_; }
  int64_t written_off() const { return written_off_; }
  void NoteWrittenOff(int64_t amount) { written_off_ = std::max(written_off_, amount); }
  // Whether an answer is under way that may bring what a hold lacks.
  bool Awaits(const Moment& now) const { return IsAsking() || HasDoubtful(now); }
  bool IsOpen(uint64_t number) const;
  int64_t credit() const;
  size_t leases() const { return leases_.size(); }
  int64_t unheld() const { return unheld_; }  // committed without a hold: a caller's error

 private:
  enum class State : uint8_t { kAsked, kOpen, kReleasing };
  struct Lease {
    uint64_t number = 0;
    State state = State::kAsked;
    int64_t granted = 0;
    int64_t spent = 0;
    int64_t held = 0;
    int64_t said = 0;  // the most that the store was told of `spent`
    Moment proven_at;  // the store knew of the lease no earlier than this
    absl::Duration ttl;
    Moment used;
    std::optional<Moment> sent;     // the last acquire or release
    std::optional<Moment> renewed;  // the last renewal
    AcquireRequest asked;           // kAsked: what is repeated
    int64_t credit = 0;             // that went with `asked`, until it is answered
    bool final_said = false;        // kReleasing: `said` is final
  };

  absl::Duration UsableFor(const Lease& lease) const { return lease.ttl - options_.guard; }
  bool IsUsable(const Lease& lease, const Moment& now) const;
  bool HasLapsed(const Lease& lease, const Moment& now) const;
  bool IsPaused(const Moment& now) const;  // the store has been asked in vain
  void Retire(const Moment& now);
  void PollLease(Lease* lease, const Moment& now, const Speaker& speaker,
                 std::vector<Outgoing>* out);
  bool HasDoubtful(const Moment& now) const;  // an open lease cannot be used until renewed
  int64_t WorthAsking() const;
  Outgoing Ask(const Moment& now, const Speaker& speaker);
  bool IsAsking() const;
  // Moves up to `amount` out of `held` of the leases, oldest first.
  int64_t TakeHeld(int64_t amount, bool spend);
  Lease* Find(uint64_t number);

  const BudgetKey key_;
  const LocalOptions options_;
  Limit limit_;
  int64_t largest_ = 1;
  std::vector<Lease> leases_;  // by age
  int64_t proven_;
  int64_t written_off_;  // by the store, of this replica
  int64_t credit_ = 0;   // but what leases are asked for with
  int64_t astray_ = 0;   // credit that may have arrived, or not
  int64_t unheld_ = 0;
  SpendRate rate_;
  int64_t slice_ = 0;      // the last grant; a quarter of it left asks for more
  int64_t shortage_ = 0;   // what the last refused hold lacked
  int64_t remaining_ = 0;  // of the whole budget, as last heard
  bool scarce_ = false;
  bool closed_ = false;
  std::optional<Moment> credit_since_;  // seen without a lease
  std::optional<Moment> demanded_;      // the last hold asked for
  std::optional<Moment> nothing_left_;  // the store had less than was wanted
};

}  // namespace fulcrum::leases
