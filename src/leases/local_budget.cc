#include "leases/local_budget.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace fulcrum::leases {
namespace {

bool IsDue(const std::optional<Moment>& last, absl::Duration retry, const Moment& now) {
  return !last || MayHavePassed(retry, *last, now);
}

}  // namespace

LocalBudget::LocalBudget(BudgetKey key, const LocalOptions& options, int64_t proven,
                         int64_t written_off)
    : key_(std::move(key)),
      options_(options),
      proven_(proven),
      written_off_(written_off),
      rate_(options.horizon) {}

void LocalBudget::Configure(const Limit& limit, int64_t largest) {
  if (limit_ != limit) {
    nothing_left_.reset();
    scarce_ = false;
  }
  limit_ = limit;
  largest_ = std::max<int64_t>(largest, 1);
}

bool LocalBudget::IsUsable(const Lease& lease, const Moment& now) const {
  return lease.state == State::kOpen &&
         HasNotPassed(UsableFor(lease), lease.proven_at, now, options_.clock_tolerance);
}

bool LocalBudget::HasLapsed(const Lease& lease, const Moment& now) const {
  if (UsableFor(lease) == absl::InfiniteDuration()) return false;
  const absl::Duration age = absl::FromChrono(now.steady - lease.proven_at.steady);
  return age >= UsableFor(lease) || age < absl::ZeroDuration();
}

bool LocalBudget::IsPaused(const Moment& now) const {
  return nothing_left_ && !MayHavePassed(options_.nothing_left_pause, *nothing_left_, now);
}

int64_t LocalBudget::left(const Moment& now) const {
  int64_t left = 0;
  for (const Lease& lease : leases_) {
    if (IsUsable(lease, now)) left += lease.granted - lease.spent - lease.held;
  }
  return left;
}

int64_t LocalBudget::held() const {
  int64_t held = 0;
  for (const Lease& lease : leases_) held += lease.held;
  return held;
}

int64_t LocalBudget::credit() const {
  int64_t credit = credit_ + astray_;
  for (const Lease& lease : leases_) credit += lease.credit;
  return credit;
}

HoldResult LocalBudget::Need(int64_t amount, const Moment& now) {
  if (closed_) return HoldResult::kRefused;
  demanded_ = now;
  const int64_t free = left(now);
  if (amount <= free) return HoldResult::kHeld;
  if (HasDoubtful(now)) return HoldResult::kLater;  // a renewal is what it lacks
  shortage_ = std::max(shortage_, amount - free);
  if (IsAsking() || WantsMore(now)) return HoldResult::kLater;
  shortage_ = 0;  // who is refused does not wait for it
  return HoldResult::kRefused;
}

HoldResult LocalBudget::Hold(int64_t amount, const Moment& now) {
  const HoldResult found = Need(amount, now);
  if (found != HoldResult::kHeld) return found;
  rate_.Add(amount, now);
  for (Lease& lease : leases_) {
    if (amount == 0) break;
    if (!IsUsable(lease, now)) continue;
    const int64_t part = std::min(amount, lease.granted - lease.spent - lease.held);
    if (part == 0) continue;
    lease.held += part;
    lease.used = now;
    amount -= part;
  }
  return HoldResult::kHeld;
}

int64_t LocalBudget::TakeHeld(int64_t amount, bool spend) {
  for (Lease& lease : leases_) {
    const int64_t part = std::min(amount, lease.held);
    lease.held -= part;
    if (spend) lease.spent += part;
    amount -= part;
  }
  return amount;
}

void LocalBudget::Commit(int64_t amount) {
  proven_ += amount;
  unheld_ += TakeHeld(amount, /*spend=*/true);
}

void LocalBudget::CommitUnheld(int64_t amount) {
  proven_ += amount;
  unheld_ += amount;
}

void LocalBudget::Cancel(int64_t amount) {
  TakeHeld(amount, /*spend=*/false);
}

void LocalBudget::Refund(int64_t amount) {
  proven_ -= amount;
  for (Lease& lease : leases_) {
    if (lease.final_said) continue;
    const int64_t part = std::min(amount, lease.spent - lease.said);
    lease.spent -= part;
    amount -= part;
  }
  credit_ += amount;
  if (amount > 0) nothing_left_.reset();  // there is something again
}

bool LocalBudget::IsAsking() const {
  return std::any_of(leases_.begin(), leases_.end(),
                     [](const Lease& lease) { return lease.state == State::kAsked; });
}

bool LocalBudget::HasDoubtful(const Moment& now) const {
  return std::any_of(leases_.begin(), leases_.end(), [&](const Lease& lease) {
    return lease.state == State::kOpen && !IsUsable(lease, now);
  });
}

bool LocalBudget::WantsMore(const Moment& now) const {
  // First what is so after nearly every hold.
  if (shortage_ == 0 && left(now) > slice_ / 4) return false;
  if (closed_ || IsAsking()) return false;
  // Well before an idle lease is given back, lest its place be filled at once.
  if (!demanded_ || MayHavePassed(options_.idle / 4, *demanded_, now)) return false;
  // What a wrong clock keeps us from using must not be taken from everybody else again and again.
  if (HasDoubtful(now)) return false;
  const bool paused = IsPaused(now);
  if (shortage_ > 0) return !paused || shortage_ <= remaining_;
  return !paused && !scarce_;
}

int64_t LocalBudget::WorthAsking() const {
  int64_t amount = 0;
  return __builtin_mul_overflow(largest_, options_.decisions_per_lease, &amount)
             ? std::numeric_limits<int64_t>::max()
             : amount;
}

Outgoing LocalBudget::Ask(const Moment& now, const Speaker& speaker) {
  Lease lease;
  lease.number = (*speaker.next_number)++;
  lease.proven_at = now;  // of the first time: the grant may be that one's
  lease.sent = now;
  lease.asked.caller = speaker.caller;
  lease.asked.budget = key_;
  lease.asked.number = lease.number;
  lease.asked.limit = limit_;
  lease.asked.largest = largest_;
  lease.asked.want = std::max(rate_.PerHorizon(now), WorthAsking());
  lease.asked.at_least = shortage_ > 0 ? shortage_ : largest_;
  lease.asked.credit = lease.credit = std::exchange(credit_, 0);
  shortage_ = 0;
  leases_.push_back(lease);
  return {std::move(lease.asked), now};
}

// Leases that are of no more use.
void LocalBudget::Retire(const Moment& now) {
  for (Lease& lease : leases_) {
    if (lease.state == State::kAsked) {
      // Whatever comes of it could no longer be used.
      if (MayHavePassed(options_.idle, lease.proven_at, now)) {
        lease.state = State::kReleasing;
        lease.sent.reset();
      }
      continue;
    }
    if (lease.state != State::kOpen) continue;
    const bool empty = lease.spent == lease.granted;
    const bool idle = lease.held == 0 && MayHavePassed(options_.idle, lease.used, now);
    if (empty || idle || HasLapsed(lease, now) || closed_) {
      lease.state = State::kReleasing;
      lease.sent.reset();
    }
  }
}

void LocalBudget::PollLease(Lease* lease, const Moment& now, const Speaker& speaker,
                            std::vector<Outgoing>* out) {
  switch (lease->state) {
    case State::kAsked:
      if (!IsDue(lease->sent, speaker.retry, now)) return;
      lease->sent = now;
      out->push_back({lease->asked, now});
      return;
    case State::kOpen: {
      const absl::Duration age = absl::FromChrono(now.steady - lease->proven_at.steady);
      if (IsUsable(*lease, now) && age < lease->ttl / 2) return;
      if (!IsDue(lease->renewed, speaker.retry, now)) return;
      lease->renewed = now;
      lease->said = std::max(lease->said, lease->spent);
      out->push_back({RenewRequest{{speaker.caller, key_, lease->number, lease->said}}, now});
      return;
    }
    case State::kReleasing: {
      if (lease->held > 0 || !IsDue(lease->sent, speaker.retry, now)) return;
      lease->sent = now;
      if (!lease->final_said) {
        const int64_t refunded = std::min(credit_, lease->spent - lease->said);
        credit_ -= refunded;
        lease->spent -= refunded;
        lease->said = lease->spent;
        lease->final_said = true;
      }
      out->push_back({ReleaseRequest{{speaker.caller, key_, lease->number, lease->said}}, now});
      return;
    }
  }
}

std::optional<Outgoing> LocalBudget::AskIfLow(const Moment& now, const Speaker& speaker) {
  if (!WantsMore(now)) return std::nullopt;
  return Ask(now, speaker);
}

std::vector<Outgoing> LocalBudget::Poll(const Moment& now, const Speaker& speaker) {
  std::vector<Outgoing> out;
  Retire(now);
  for (Lease& lease : leases_) PollLease(&lease, now, speaker, &out);
  if (WantsMore(now)) out.push_back(Ask(now, speaker));
  return out;
}

LocalBudget::Lease* LocalBudget::Find(uint64_t number) {
  for (Lease& lease : leases_) {
    if (lease.number == number) return &lease;
  }
  return nullptr;
}

bool LocalBudget::IsOpen(uint64_t number) const {
  return std::any_of(leases_.begin(), leases_.end(), [&](const Lease& lease) {
    return lease.number == number && lease.state == State::kOpen;
  });
}

void LocalBudget::OnAcquired(const AcquireRequest& request, const LeaseReply& reply,
                             const Moment& now) {
  Lease* const lease = Find(request.number);
  if (lease == nullptr) return;
  // Whatever the answer is, the number is used up and the credit taken down; unless our own release
  // may have used it up first.
  const bool overtaken = lease->state != State::kAsked && reply.outcome == Outcome::kStale;
  if (!overtaken) lease->credit = 0;
  if (lease->state != State::kAsked) return;
  shortage_ = 0;  // who still lacks something says so again
  if (reply.outcome == Outcome::kDone && reply.granted > 0) {
    remaining_ = reply.remaining;
    scarce_ = reply.scarce;
    slice_ = reply.granted;
    nothing_left_.reset();
    lease->state = State::kOpen;
    lease->granted = reply.granted;
    lease->ttl = reply.ttl;
    lease->used = now;
    lease->sent.reset();
    return;
  }
  remaining_ = reply.outcome == Outcome::kNothingLeft ? reply.remaining : 0;
  scarce_ = true;
  if (credit_ == 0) nothing_left_ = now;  // what was refunded meanwhile can be had
  leases_.erase(leases_.begin() + (lease - leases_.data()));
}

void LocalBudget::OnRenewed(const RenewRequest& request, const LeaseReply& reply,
                            const Moment& sent) {
  Lease* const lease = Find(request.number);
  if (lease == nullptr || lease->state != State::kOpen) return;
  // Answers may overtake each other.
  if (sent.steady < lease->proven_at.steady) return;
  lease->proven_at = sent;
  lease->ttl = reply.ttl;
}

void LocalBudget::OnReleased(const ReleaseRequest& request) {
  Lease* const lease = Find(request.number);
  if (lease == nullptr || lease->state != State::kReleasing) return;
  if (lease->said < lease->granted) nothing_left_.reset();  // the rest can be had again
  astray_ += lease->credit;  // it had been asked for, and not been answered
  leases_.erase(leases_.begin() + (lease - leases_.data()));
}

void LocalBudget::OnFailed(uint64_t number) {
  Lease* const lease = Find(number);
  if (lease == nullptr) return;
  lease->sent.reset();
  lease->renewed.reset();
}

bool LocalBudget::NeedsRestating(const Moment& now) {
  if (astray_ > 0) return true;
  if (credit_ == 0 || !leases_.empty()) {
    credit_since_.reset();
    return false;
  }
  if (!credit_since_) credit_since_ = now;
  return MayHavePassed(options_.silence, *credit_since_, now);
}

void LocalBudget::GiveUpUnusable(const Moment& now) {
  for (Lease& lease : leases_) {
    if (lease.state != State::kOpen || IsUsable(lease, now)) continue;
    lease.state = State::kReleasing;
    lease.sent.reset();
  }
}

Statement LocalBudget::Restate(const Moment& now) {
  GiveUpUnusable(now);
  credit_ = astray_ = 0;  // stands in what is settled from now on
  std::erase_if(leases_,
                [](const Lease& lease) { return lease.state != State::kOpen && lease.held == 0; });
  Statement statement;
  statement.budget = key_;
  statement.written_off = written_off_;
  int64_t outside = std::max<int64_t>(proven_, 0);  // of the leases
  for (Lease& lease : leases_) {
    if (lease.state != State::kOpen) lease.granted = lease.spent + lease.held;
    lease.spent = std::min(lease.spent, outside);  // less if more was refunded than had settled
    outside -= lease.spent;
    lease.said = 0;
    lease.final_said = false;
    lease.credit = 0;
    lease.sent.reset();
    lease.renewed.reset();
    statement.held.push_back({lease.number, lease.granted});
  }
  statement.settled = outside;
  return statement;
}

}  // namespace fulcrum::leases
