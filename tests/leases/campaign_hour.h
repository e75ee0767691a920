// One hour of a campaign on many replicas that share one limit, to measure what the leases cost: in
// money that nobody can spend, in calls, and in requests that wait. Real clients talk to the
// store's books over a network that only takes time; processes crash and come back, and somebody
// settles the silent. lease_world.h is the place for all other faults.
//
// Virtual time, one thread, and chance from one seed.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/random.h"
#include "leases/lease_book.h"
#include "leases/lease_client.h"
#include "leases/slice_rule.h"
#include "tests/leases/simulation_parts.h"

namespace fulcrum::leases::testing {

struct HourOptions {
  uint64_t seed = 1;
  int64_t units = 1000;  // the limit; a request takes 0.5 to 1.5 of them
  double demand = 1.5;   // of the limit
  double crashes = 0;    // of each replica
  size_t replicas = 64;
  int64_t length_us = 3600 * kSecond;
  int64_t away_us = 60 * kSecond;          // from a crash to the next start
  int64_t settles_every_us = 5 * kSecond;  // 0: nobody settles the silent
  LocalOptions local;
};

// Before and after 99.5 % of the limit are spent.
struct Phase {
  int64_t requests = 0;
  int64_t calls[std::variant_size_v<LeaseRequest>] = {};  // by index in LeaseRequest

  template <typename... Requests>
  int64_t CallsOf() const {
    return (calls[LeaseRequest(Requests{}).index()] + ...);
  }
  void Add(const Phase& other) {
    requests += other.requests;
    for (size_t i = 0; i < std::size(calls); ++i) calls[i] += other.calls[i];
  }
};

struct HourResult {
  bool overspent = false;  // at any moment
  Phase early, late;
  int64_t spent = 0;          // at the hour's end
  int64_t refused_early = 0;  // what was asked for, and 0.5 % of the limit, was still to be had
  int64_t admitted = 0;
  int64_t waited = 0;            // of these, for a lease
  int64_t waited_for_slice = 0;  // of these, before every decision asks for itself
  int64_t longest_wait_us = 0;
  // Unspent in leases: each second of the early phase.
  int64_t looks = 0;
  int64_t leased_sum = 0, leased_max = 0;
  // What a crashed process had not spent, until it was settled.
  int64_t crashes = 0;
  int64_t stranded_sum = 0, stranded_max = 0;
  double stranded_unit_us = 0;  // amount times how long, within the hour
  int64_t stranded_at_end = 0;
  int64_t longest_stranded_us = 0;
  int64_t all_back_us = 0;  // from the hour's end
};

class CampaignHour {
 public:
  explicit CampaignHour(const HourOptions& options);
  HourResult Run();

 private:
  enum class Waited : uint8_t { kNot, kForSlice, kForItself };
  struct Request {
    int64_t cost;
    int64_t came_us;
    Waited waited = Waited::kNot;
  };
  struct Stranded {
    int64_t since_us;
    int64_t amount;
  };
  struct Replica {
    Replica(CampaignHour* hour, size_t index);
    const std::string name;
    Wire wire;
    std::unique_ptr<LeaseClient> client;  // null: the process is dead
    uint64_t incarnation = 0;
    int64_t logged = 0;
    std::vector<Request> waiting;
    std::optional<Stranded> stranded;
  };
  static constexpr int64_t kBegin = 2 * kSecond;
  static constexpr int64_t kOneWay = 2 * kMillisecond;
  static constexpr int64_t kToRecord = 5 * kMillisecond;  // from a hold until it is in the log
  static constexpr int64_t kPatience = 50 * kMillisecond;
  static constexpr int64_t kTick = 250 * kMillisecond;

  bool RunUntil(int64_t until_us) {
    return events_.RunUntil(until_us, [this] { return !result_.overspent; });
  }
  // Vanishes with the process.
  template <typename Event>
  void AfterIn(size_t index, int64_t us, Event event);
  int64_t Exponential(double mean) {
    return static_cast<int64_t>(-std::log1p(-random_.NextUniform()) * mean);
  }

  void Send(LeaseRequest request, LeaseDone done);
  LeaseReply Apply(const LeaseRequest& request);
  void Settle();

  void Start(size_t index);
  void Tick(size_t index);
  void Crash(size_t index);
  void ScheduleCrash(size_t index);
  // Nothing of the replica's former process is charged any more.
  void EndStranded(const std::string& name);

  void Arrive();
  void Route(size_t index, const Request& request);
  void Try(size_t index, const Request& request);
  void Take(size_t index, const Request& request);
  void Wait(size_t index, Request request);
  void GiveUp(size_t index);
  void OnChange(size_t index);
  void Refuse(const Request& request);

  void LookAround();
  bool IsUsedUp() const { return spent_ >= limit_ - limit_ / 200; }
  Phase& PhaseNow() { return IsUsedUp() ? result_.late : result_.early; }
  bool EverythingIsBack() const;
  int64_t Held() const;

  const HourOptions options_;
  const int64_t limit_;
  const int64_t middle_us_, end_us_;
  const BudgetKey key_{"row", 0};
  base::RandomStream random_;
  EventQueue events_;
  const int64_t& now_us_ = events_.now_us();
  const MachineClock clock_{&now_us_, 1};
  std::unique_ptr<LeaseBook> book_;
  std::vector<std::unique_ptr<Replica>> replicas_;
  int64_t spent_ = 0;  // in all logs
  HourResult result_;
};

inline CampaignHour::Replica::Replica(CampaignHour* hour, size_t index)
    : name(absl::StrCat("r", index)), wire([hour](LeaseRequest request, LeaseDone done) {
        hour->Send(std::move(request), std::move(done));
      }) {}

inline CampaignHour::CampaignHour(const HourOptions& options)
    : options_(options),
      limit_(options.units * kUnit),
      middle_us_(kBegin + options.length_us / 2),
      end_us_(kBegin + options.length_us),
      random_(options.seed) {
  BookOptions book;
  for (size_t i = 0; i < options_.replicas; ++i) {
    replicas_.push_back(std::make_unique<Replica>(this, i));
    book.members.push_back(replicas_.back()->name);
  }
  book_ = std::make_unique<LeaseBook>(std::move(book));
}

inline HourResult CampaignHour::Run() {
  for (size_t i = 0; i < replicas_.size(); ++i) {
    events_.At(static_cast<int64_t>(random_.NextBelow(kSecond)), [this, i] {
      Start(i);
      ScheduleCrash(i);
    });
  }
  events_.At(kBegin, [this] { Arrive(); });
  events_.At(kBegin, [this] { LookAround(); });
  if (options_.settles_every_us > 0) events_.At(kBegin, [this] { Settle(); });
  if (!RunUntil(end_us_)) return result_;
  result_.spent = spent_;
  for (const auto& replica : replicas_) {
    if (replica->stranded) result_.stranded_at_end += replica->stranded->amount;
  }
  // The caller judges the time; ten times what it should be is enough to see that it is wrong.
  while (!EverythingIsBack() && result_.all_back_us < 420 * kSecond) {
    if (!RunUntil(now_us_ + kTick)) return result_;
    result_.all_back_us = now_us_ - end_us_;
  }
  return result_;
}

template <typename Event>
void CampaignHour::AfterIn(size_t index, int64_t us, Event event) {
  events_.After(us, [this, index, incarnation = replicas_[index]->incarnation,
                     event = std::move(event)]() mutable {
    const Replica& replica = *replicas_[index];
    if (replica.client != nullptr && replica.incarnation == incarnation) event();
  });
}

// --- The store, the network, and who settles the silent.

inline void CampaignHour::Send(LeaseRequest request, LeaseDone done) {
  if (now_us_ < end_us_) ++PhaseNow().calls[request.index()];
  events_.After(kOneWay, [this, request = std::move(request), done = std::move(done)]() mutable {
    events_.After(kOneWay, [reply = Apply(request), done = std::move(done)]() mutable {
      std::move(done)(std::move(reply));
    });
  });
}

inline LeaseReply CampaignHour::Apply(const LeaseRequest& request) {
  LeaseReply reply = book_->Apply(request, clock_.SteadyNow());
  book_->TakeChanges();
  if (reply.outcome != Outcome::kDone) return reply;
  if (const auto* registration = std::get_if<RegisterRequest>(&request)) {
    EndStranded(registration->caller.replica);
  } else if (const auto* reconcile = std::get_if<ReconcileRequest>(&request)) {
    EndStranded(reconcile->replica);
  }
  return reply;
}

inline void CampaignHour::Settle() {
  Send(ExpireRequest{}, [this](const absl::StatusOr<LeaseReply>& reply) {
    for (const Lapsed& lapsed : reply->lapsed) {
      for (const auto& replica : replicas_) {
        if (replica->name != lapsed.replica) continue;
        Send(
            ReconcileRequest{
                lapsed.replica, reply->epoch, lapsed.generation, {{key_, replica->logged, {}}}},
            [](const absl::StatusOr<LeaseReply>&) {});
      }
    }
  });
  events_.After(options_.settles_every_us, [this] { Settle(); });
}

// --- Processes.

inline void CampaignHour::Start(size_t index) {
  Replica& replica = *replicas_[index];
  ClientOptions options;
  options.replica = replica.name;
  options.incarnation = ++replica.incarnation;
  options.local = options_.local;
  options.seed = random_.Next64();
  options.on_change = [this, index](const BudgetKey&) { OnChange(index); };
  replica.client = std::make_unique<LeaseClient>(std::move(options), &replica.wire, &clock_,
                                                 std::vector<ProvenSpend>{{key_, replica.logged}});
  replica.client->Configure(key_, {limit_, 1}, kLargest);
  Tick(index);
}

inline void CampaignHour::Tick(size_t index) {
  replicas_[index]->client->Tick();
  AfterIn(index, kTick, [this, index] { Tick(index); });
}

inline void CampaignHour::ScheduleCrash(size_t index) {
  if (options_.crashes <= 0) return;
  const double mean_us = static_cast<double>(options_.length_us) / options_.crashes;
  AfterIn(index, Exponential(mean_us), [this, index] { Crash(index); });
}

inline void CampaignHour::Crash(size_t index) {
  if (now_us_ >= end_us_) return;
  Replica& replica = *replicas_[index];
  ++result_.crashes;
  replica.client.reset();
  for (const Request& request : std::exchange(replica.waiting, {})) Route(index, request);
  // What the process had sent has yet to arrive.
  events_.After(kOneWay, [this, index, since_us = now_us_] {
    Replica& dead = *replicas_[index];
    const int64_t amount = ChargedTo(*book_, key_, dead.name) - dead.logged;
    dead.stranded = {since_us, amount};
    result_.stranded_sum += amount;
    result_.stranded_max = std::max(result_.stranded_max, amount);
  });
  events_.After(options_.away_us, [this, index] {
    Start(index);
    ScheduleCrash(index);
  });
}

inline void CampaignHour::EndStranded(const std::string& name) {
  for (const auto& replica : replicas_) {
    if (replica->name != name || !replica->stranded) continue;
    const auto [since_us, amount] = *std::exchange(replica->stranded, std::nullopt);
    if (amount == 0) continue;
    result_.longest_stranded_us = std::max(result_.longest_stranded_us, now_us_ - since_us);
    const int64_t within_us = std::max<int64_t>(std::min(now_us_, end_us_) - since_us, 0);
    result_.stranded_unit_us += static_cast<double>(amount) * static_cast<double>(within_us);
  }
}

// --- Requests.

inline void CampaignHour::Arrive() {
  if (now_us_ >= end_us_) return;
  ++PhaseNow().requests;
  size_t index = DrawSkewed(&random_, replicas_.size());
  if (now_us_ >= middle_us_) index = replicas_.size() - 1 - index;
  Route(index, {kUnit / 2 + random_.NextBelow(kUnit + 1), now_us_});
  const double rate = static_cast<double>(options_.units) * options_.demand;
  events_.After(Exponential(static_cast<double>(options_.length_us) / rate), [this] { Arrive(); });
}

// A balancer passes by processes that are dead or not ready.
inline void CampaignHour::Route(size_t index, const Request& request) {
  for (size_t tries = 0; tries < replicas_.size(); ++tries) {
    const size_t at = (index + tries) % replicas_.size();
    const LeaseClient* const client = replicas_[at]->client.get();
    if (client != nullptr && client->registered()) return Try(at, request);
  }
  Refuse(request);
}

inline void CampaignHour::Try(size_t index, const Request& request) {
  switch (replicas_[index]->client->Hold(key_, request.cost)) {
    case HoldResult::kHeld:
      return Take(index, request);
    case HoldResult::kLater:
      return Wait(index, request);
    case HoldResult::kRefused:
      return Refuse(request);
  }
}

inline void CampaignHour::Take(size_t index, const Request& request) {
  ++result_.admitted;
  if (request.waited != Waited::kNot) ++result_.waited;
  if (request.waited == Waited::kForSlice) ++result_.waited_for_slice;
  result_.longest_wait_us = std::max(result_.longest_wait_us, now_us_ - request.came_us);
  AfterIn(index, kToRecord, [this, index, cost = request.cost] {
    replicas_[index]->logged += cost;
    spent_ += cost;
    result_.overspent |= spent_ > limit_;
    replicas_[index]->client->Commit(key_, cost);
  });
}

inline void CampaignHour::Wait(size_t index, Request request) {
  if (request.waited == Waited::kNot) {
    const auto view = book_->View(key_);
    const int64_t remaining = view ? view->remaining : limit_;
    const bool scarce = SliceOf({remaining, replicas_.size(), 0, 1, kLargest}).scarce;
    request.waited = scarce ? Waited::kForItself : Waited::kForSlice;
    AfterIn(index, kPatience, [this, index] { GiveUp(index); });
  }
  replicas_[index]->waiting.push_back(request);
}

inline void CampaignHour::GiveUp(size_t index) {
  for (const Request& request : std::exchange(replicas_[index]->waiting, {})) {
    if (now_us_ - request.came_us < kPatience) {
      replicas_[index]->waiting.push_back(request);
    } else {
      Refuse(request);
    }
  }
}

inline void CampaignHour::OnChange(size_t index) {
  for (const Request& request : std::exchange(replicas_[index]->waiting, {})) Try(index, request);
}

inline void CampaignHour::Refuse(const Request& request) {
  const int64_t unspent = limit_ - spent_ - Held();
  if (unspent >= std::max(request.cost, limit_ / 200)) ++result_.refused_early;
}

// --- What is seen from outside.

inline void CampaignHour::LookAround() {
  if (now_us_ >= end_us_ || IsUsedUp()) return;
  if (const auto view = book_->View(key_)) {
    const int64_t leased = view->settled + view->outstanding - spent_;
    ++result_.looks;
    result_.leased_sum += leased;
    result_.leased_max = std::max(result_.leased_max, leased);
  }
  events_.After(kSecond, [this] { LookAround(); });
}

inline bool CampaignHour::EverythingIsBack() const {
  const auto view = book_->View(key_);
  return view && view->outstanding == 0 && view->settled == spent_;
}

inline int64_t CampaignHour::Held() const {
  int64_t held = 0;
  for (const auto& replica : replicas_) {
    if (replica->client != nullptr) held += replica->client->StandingOf(key_).held;
  }
  return held;
}

}  // namespace fulcrum::leases::testing
