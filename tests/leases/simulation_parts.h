// What simulations of leases are made of: virtual time, a machine's clocks, the near end of a
// network, and a skew of the demand.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <queue>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/random.h"
#include "leases/lease_book.h"
#include "leases/lease_store.h"

namespace fulcrum::leases::testing {

constexpr int64_t kUnit = 1'000'000;         // micros
constexpr int64_t kLargest = kUnit * 3 / 2;  // of one decision; the least is a third of it
constexpr int64_t kMillisecond = 1000;
constexpr int64_t kSecond = 1000 * kMillisecond;

// Events in the order of their times, and of their making where these are equal.
class EventQueue {
 public:
  using Event = absl::AnyInvocable<void()>;

  const int64_t& now_us() const { return now_us_; }
  void At(int64_t at_us, Event event) {
    events_.push({at_us, order_++, std::make_unique<Event>(std::move(event))});
  }
  void After(int64_t us, Event event) { At(now_us_ + us, std::move(event)); }

  // Runs all events until then. `goes_on` is asked after each; false: it said no.
  template <typename GoesOn>
  bool RunUntil(int64_t until_us, GoesOn goes_on) {
    while (!events_.empty() && events_.top().at_us <= until_us) {
      now_us_ = events_.top().at_us;
      // The queue gives no way to move out of its top.
      const std::unique_ptr<Event> event = std::move(const_cast<Entry&>(events_.top()).event);
      events_.pop();
      (*event)();
      if (!goes_on()) return false;
    }
    now_us_ = until_us;
    return true;
  }

 private:
  struct Entry {
    int64_t at_us;
    uint64_t order;
    std::unique_ptr<Event> event;
    bool operator<(const Entry& other) const {
      return std::tie(other.at_us, other.order) < std::tie(at_us, order);
    }
  };

  int64_t now_us_ = 0;
  uint64_t order_ = 0;
  std::priority_queue<Entry> events_;
};

// A machine's clocks, as far from the truth as faults have brought them.
class MachineClock final : public base::Clock {
 public:
  MachineClock(const int64_t* now_us, double rate) : now_us_(now_us), rate_(rate) {}

  base::SteadyTime SteadyNow() const override {
    const int64_t run = (frozen_since_ ? *frozen_since_ : *now_us_) - lost_us_;
    return base::SteadyTime(
        std::chrono::microseconds(static_cast<int64_t>(static_cast<double>(run) * rate_)));
  }
  absl::Time Now() const override {
    return absl::FromUnixMicros(1'600'000'000 * kSecond + *now_us_ + wall_offset_us_);
  }
  bool frozen() const { return frozen_since_.has_value(); }
  void JumpWall(int64_t by_us) { wall_offset_us_ += by_us; }
  void Freeze() {
    if (!frozen_since_) frozen_since_ = *now_us_;
  }
  void Thaw() {
    if (frozen_since_) lost_us_ += *now_us_ - *frozen_since_;
    frozen_since_.reset();
  }

 private:
  const int64_t* const now_us_;
  const double rate_;
  int64_t wall_offset_us_ = 0;
  int64_t lost_us_ = 0;
  std::optional<int64_t> frozen_since_;
};

// A replica's LeaseStore: hands every call to whoever carries it on.
class Wire : public LeaseStore {
 public:
  using Sender = std::function<void(LeaseRequest, LeaseDone)>;
  explicit Wire(Sender send) : send_(std::move(send)) {}

  void Register(RegisterRequest r, LeaseDone done) override {
    send_(std::move(r), std::move(done));
  }
  void Acquire(AcquireRequest r, LeaseDone done) override { send_(std::move(r), std::move(done)); }
  void Report(ReportRequest r, LeaseDone done) override { send_(std::move(r), std::move(done)); }
  void Renew(RenewRequest r, LeaseDone done) override { send_(std::move(r), std::move(done)); }
  void Release(ReleaseRequest r, LeaseDone done) override { send_(std::move(r), std::move(done)); }
  void Expire(ExpireRequest r, LeaseDone done) override { send_(r, std::move(done)); }
  void Reconcile(ReconcileRequest r, LeaseDone done) override {
    send_(std::move(r), std::move(done));
  }
  void CloseWindows(CloseWindowsRequest r, LeaseDone done) override { send_(r, std::move(done)); }

 private:
  const Sender send_;
};

// What the store charges a replica for: settled, written off, and its leases whole.
inline int64_t ChargedTo(const LeaseBook& book, const BudgetKey& key, const std::string& replica) {
  const auto budget = book.budgets().find(key);
  if (budget == book.budgets().end()) return 0;
  const auto account = budget->second.accounts.find(replica);
  if (account == budget->second.accounts.end()) return 0;
  int64_t charged = account->second.settled + account->second.written_off;
  for (const BookLease& lease : account->second.leases) charged += lease.granted;
  return charged;
}

// Whose turn it is: the n-th replica's with a probability in proportion to 1/n.
inline size_t DrawSkewed(base::RandomStream* random, size_t replicas) {
  double total = 0;
  for (size_t i = 0; i < replicas; ++i) total += 1.0 / static_cast<double>(i + 1);
  double draw = random->NextUniform() * total;
  size_t index = 0;
  while (index + 1 < replicas && draw >= 1.0 / static_cast<double>(index + 1)) {
    draw -= 1.0 / static_cast<double>(index + 1);
    ++index;
  }
  return index;
}

}  // namespace fulcrum::leases::testing
