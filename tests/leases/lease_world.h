// A whole deployment in one thread: a lease store, up to five replicas with a log and two clocks
// each, the network between them, and somebody who settles the silent. Time is virtual, chance
// comes from one seed, and whatever can go wrong does. After every event the truth, which is what
// the logs held, lost records included, is compared with what the limits and the store's books say.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/random.h"
#include "leases/lease_book.h"
#include "leases/lease_client.h"
#include "tests/leases/simulation_parts.h"

namespace fulcrum::leases {

// Reaches into a book to plant what its interface rules out.
class LeaseBookPeer {
 public:
  static void Pay(LeaseBook* book, const BudgetKey& key, const std::string& replica,
                  int64_t amount) {
    book->budgets_[key].accounts[replica].settled -= amount;
  }
  static void AccountForAll(LeaseBook* book) {
    for (const std::string& member : book->options_.members) {
      book->replicas_[member].accounted_epoch = book->epoch_;
    }
  }
  static void PayLapsed(LeaseBook* book, base::SteadyTime now) {
    for (auto& [key, budget] : book->budgets_) {
      for (auto& [replica, account] : budget.accounts) {
        std::erase_if(account.leases, [&, settled = &account.settled](const BookLease& lease) {
          if (now < lease.expires) return false;
          *settled += lease.reported;
          return true;
        });
      }
    }
  }
};

namespace testing {

constexpr double kUsualDemand = 1.2;  // of the limit

enum class Fault : uint8_t {
  kLoss,
  kDoubling,
  kReordering,  // and long delays
  kPartition,
  kCrash,
  kFailover,      // the last writes are forgotten
  kStoreRestart,  // nothing is
  kWallJump,
  kSteadyFreeze,
  kPause,  // a process that stands still
  kLimitChange,
  kRefund,
  kLostLogTail,  // a crash after which the last records are gone
};
constexpr size_t kFaults = 13;
constexpr const char* kFaultNames[kFaults] = {
    "loss",         "doubling",      "reordering",   "partition",     "crash",
    "failover",     "store restart", "wall jump",    "steady freeze", "pause",
    "limit change", "refund",        "lost log tail"};

// Faults of our own making, which the checks have to find.
enum class Mutation : uint8_t {
  kNone,
  kNoGuard,
  kTrustsFrozenClock,
  kDoubleReleasePays,
  kNoQuarantine,
  kSameEpochAfterFailover,
  kExpiryPaysBack,
  kReconcilesUnchecked,
  kRestartsWithoutLog,
  kLogsLate,
  kBelievesAPart,
  kForgetsLogEnds,
  kForgetsWriteOffs,  // and is not reminded of them
  kTakesCreditTwice,
};

struct WorldOptions {
  uint64_t seed = 0;
  int operations = 2000;
  int replicas = 1;
  int64_t limit = 0;
  double demand = kUsualDemand;
  bool on[kFaults] = {};
  bool reconciler = true;
  int64_t reconciles_every_us = 5 * kSecond;
  double loss = 0, doubling = 0, reordering = 0;  // shares of messages
  Mutation mutation = Mutation::kNone;

  bool Has(Fault fault) const { return on[static_cast<size_t>(fault)]; }
  // Nothing takes away demand or money, so that the use of the limit can be judged.
  bool IsGentle() const {
    return demand == kUsualDemand && !Has(Fault::kCrash) && !Has(Fault::kFailover) &&
           !Has(Fault::kLimitChange) && !Has(Fault::kRefund) && !Has(Fault::kLostLogTail);
  }
  std::string ToString() const {
    std::vector<std::string> faults;
    for (size_t i = 0; i < kFaults; ++i) {
      if (on[i]) faults.emplace_back(kFaultNames[i]);
    }
    return absl::StrCat("seed ", seed, ": ", operations, " operations, ", replicas,
                        " replicas, limit ", limit, ", demand ", demand, ", reconciler ",
                        reconciler ? "on" : "off", ", loss ", loss, ", doubling ", doubling,
                        ", reordering ", reordering, ", mutation ", static_cast<int>(mutation),
                        ", faults: ", absl::StrJoin(faults, ", "));
  }
};

inline WorldOptions OptionsOf(uint64_t seed, int operations) {
  base::RandomStream random(seed * 2 + 1);
  WorldOptions options;
  options.seed = seed;
  options.operations = operations;
  options.replicas = 1 + static_cast<int>(random.NextBelow(5));
  // Two in five without crash and failover, so that the use of the limit can be judged.
  const bool gentle = random.NextBelow(5) < 2;
  for (size_t i = 0; i + 1 < kFaults; ++i) options.on[i] = random.NextBelow(2) == 0;
  if (gentle) {
    for (const Fault fault :
         {Fault::kCrash, Fault::kFailover, Fault::kLimitChange, Fault::kRefund}) {
      options.on[static_cast<size_t>(fault)] = false;
    }
  }
  options.reconciler = random.NextBelow(4) != 0;
  const uint32_t demand = random.NextBelow(6);
  options.demand = demand < 4    ? kUsualDemand
                   : demand == 4 ? 1.0 + 9 * random.NextUniform()
                                 : 10 + 190 * random.NextUniform();
  options.limit = static_cast<int64_t>(operations * static_cast<double>(kUnit) / options.demand);
  options.loss = 0.01 + 0.2 * random.NextUniform();
  options.doubling = 0.01 + 0.2 * random.NextUniform();
  options.reordering = 0.01 + 0.1 * random.NextUniform();
  options.on[static_cast<size_t>(Fault::kLostLogTail)] = !gentle && random.NextBelow(3) == 0;
  return options;
}

struct WorldResult {
  std::string violation;  // empty: none
  int64_t at_us = 0;
  int fired[kFaults] = {};
  int64_t spent = 0;  // when the demand ended
  int64_t refunded = 0;
  int64_t calls = 0;
  int64_t decisions = 0;
  int64_t forgotten = 0;         // writes, by failovers
  int64_t reconciled = 0;        // replicas settled by their log
  int64_t reconciled_parts = 0;  // of these, by one that had lost its end
  int64_t written_off = 0;       // at the end
  int64_t lost = 0;              // spent by records that are gone
  int64_t credited = 0;          // taken down with leases that were asked for
  int64_t repaired = 0;          // logs, by an operator: nothing less could open the limit
  int64_t stranded_max = 0;      // unspent leases of one replica that crashed
  int64_t stranded_sum = 0;
  int64_t returned_us = 0;  // from the heal until everything was back
};

class World {
 public:
  explicit World(const WorldOptions& options);
  WorldResult Run();

 private:
  struct Replica;

  using Event = EventQueue::Event;
  struct Waiting {
    int64_t cost;
    int64_t until_us;
  };

  // --- Time and chance.
  void At(int64_t at_us, Event event) { events_.At(at_us, std::move(event)); }
  void After(int64_t us, Event event) { events_.After(us, std::move(event)); }
  // An event of a replica's process: waits while it is paused, vanishes with it.
  void AfterIn(size_t replica, int64_t us, Event event);
  void RunIn(size_t index, uint64_t incarnation, std::unique_ptr<Event> event);
  bool RunUntil(int64_t until_us);  // false: a violation
  bool Chance(double share) { return random_.NextUniform() < share; }
  int64_t Between(int64_t low, int64_t high) {
    return low + static_cast<int64_t>(random_.NextUniform() * static_cast<double>(high - low));
  }
  void Fired(Fault fault) { ++result_.fired[static_cast<size_t>(fault)]; }

  // --- The store.
  base::SteadyTime StoreNow() const {
    return base::SteadyTime(std::chrono::microseconds(
        static_cast<int64_t>(static_cast<double>(now_us_) * store_rate_)));
  }
  BookOptions MakeBookOptions() const;
  LeaseReply Apply(LeaseRequest request);
  void PayDouble(const ReleaseRequest& request);
  void Mutate(LeaseRequest* request);
  void RestartStore();
  void FailOver();

  // --- The network.
  void Send(std::optional<size_t> replica, LeaseRequest request, LeaseDone done);
  void Carry(std::optional<size_t> replica, Event arrival);
  struct Pending {
    LeaseDone done;
  };
  void Arrive(std::optional<size_t> replica, const LeaseRequest& request,
              const std::shared_ptr<Pending>& pending);

  // --- Replicas.
  void Start(size_t index);
  void Crash(size_t index);
  void LoseLogTail(size_t index);
  void RepairLog(size_t index);
  void Tick(size_t index);
  void Append(Replica* replica, int64_t amount);
  Statement StatementOf(const Replica& replica) const;
  Proof ProofOf(const Replica& replica);
  void Operate();
  bool IsUp(size_t index) const;
  bool IsApart(size_t index) const;  // alive, and yet without the store or a clock
  void Decide(size_t index, int64_t cost, std::optional<int64_t> waits_until_us);
  void Log(size_t index, int64_t cost, const Moment& held_at);
  void OnChange(size_t index);

  // --- Everybody else.
  void Reconcile();
  void ReconcileOne(const Lapsed& lapsed, uint64_t epoch);
  void ScheduleFaults();
  void Strike(Fault fault);
  void ChangeLimit();
  void Heal();
  bool EverythingIsBack() const;
  std::string Describe() const;
  int64_t Stranded(size_t index) const;
  bool Check();
  bool Fail(std::string what) {
    if (result_.violation.empty()) {
      result_.violation = std::move(what);
      result_.at_us = now_us_;
    }
    return false;
  }

  const WorldOptions options_;
  base::RandomStream random_;
  const BudgetKey key_{"row", 0};
  EventQueue events_;
  const int64_t& now_us_ = events_.now_us();
  WorldResult result_;
  bool healed_ = false;
  bool heard_ = false;  // a reply has changed what replicas may spend

  double store_rate_ = 1;
  std::unique_ptr<LeaseBook> book_;
  std::unique_ptr<LeaseBook> copy_;  // what a failover would find, while replication lags
  int64_t writes_since_copy_ = 0;
  bool failover_due_ = false;
  int64_t store_down_until_us_ = 0;
  uint64_t epoch_ = 1;
  std::map<std::pair<std::string, std::pair<uint64_t, uint64_t>>, int64_t> paid_;  // mutation

  std::vector<std::unique_ptr<Replica>> replicas_;
  Limit limit_;
  int64_t ceiling_ = 0;  // the highest limit so far
  int operations_left_ = 0;
  int64_t end_us_ = 0;
};

struct World::Replica {
  Replica(World* world, size_t index, double rate);

  const size_t index;
  const std::string name;
  MachineClock clock;
  Wire wire;
  std::unique_ptr<LeaseClient> client;  // null: the process is dead
  uint64_t incarnation = 0;
  // The truth is what the log has and what it has lost.
  int64_t logged = 0;
  int64_t lost = 0;
  std::vector<int64_t> records;  // the amounts of the log, refunds below 0
  uint64_t log_end = 0;          // the number of the last record
  uint64_t log_end_max = 0;
  bool tail_lost = false;   // and no store has been told of it yet
  int64_t written_off = 0;  // what a store has told to be, as noted beside the log
  int64_t spent() const { return logged + lost; }
  Limit limit;  // as its configuration has it
  int64_t cut_off_until_us = 0;
  int64_t paused_until_us = 0;
  std::vector<Waiting> waiting;
};

inline World::Replica::Replica(World* world, size_t i, double rate)
    : index(i),
      name(absl::StrCat("r", i)),
      clock(&world->now_us_, rate),
      wire([world, i](LeaseRequest request, LeaseDone done) {
        world->Send(i, std::move(request), std::move(done));
      }) {}

inline World::World(const WorldOptions& options)
    : options_(options), random_(options.seed * 2), operations_left_(options.operations) {
  store_rate_ = 1 + 0.005 * (2 * random_.NextUniform() - 1);
  book_ = std::make_unique<LeaseBook>(MakeBookOptions());
  limit_ = {options_.limit, 1};
  ceiling_ = limit_.amount;
  for (int i = 0; i < options_.replicas; ++i) {
    const double rate = 1 + 0.005 * (2 * random_.NextUniform() - 1);
    replicas_.push_back(std::make_unique<Replica>(this, static_cast<size_t>(i), rate));
    replicas_.back()->limit = limit_;
  }
  for (size_t i = 0; i < replicas_.size(); ++i) {
    After(Between(0, kSecond), [this, i] { Start(i); });
  }
}

inline BookOptions World::MakeBookOptions() const {
  BookOptions options;
  for (int i = 0; i < options_.replicas; ++i) options.members.push_back(absl::StrCat("r", i));
  if (options_.mutation == Mutation::kNoGuard) options.guard = absl::ZeroDuration();
  return options;
}

// --- Time.

inline void World::AfterIn(size_t replica, int64_t us, Event event) {
  const uint64_t incarnation = replicas_[replica]->incarnation;
  After(us,
        [this, replica, incarnation, held = std::make_unique<Event>(std::move(event))]() mutable {
          RunIn(replica, incarnation, std::move(held));
        });
}

inline void World::RunIn(size_t index, uint64_t incarnation, std::unique_ptr<Event> event) {
  const Replica& replica = *replicas_[index];
  if (replica.client == nullptr || replica.incarnation != incarnation) return;
  if (now_us_ < replica.paused_until_us) {
    At(replica.paused_until_us, [this, index, incarnation, held = std::move(event)]() mutable {
      RunIn(index, incarnation, std::move(held));
    });
    return;
  }
  (*event)();
}

inline bool World::RunUntil(int64_t until_us) {
  return events_.RunUntil(until_us, [this] { return Check(); });
}

// --- The store.

inline LeaseReply World::Apply(LeaseRequest request) {
  Mutate(&request);
  if (options_.mutation == Mutation::kExpiryPaysBack) {
    LeaseBookPeer::PayLapsed(book_.get(), StoreNow());
  }
  const int64_t settled = book_->View(key_).value_or(BudgetView()).settled;
  const LeaseReply reply = book_->Apply(request, StoreNow());
  if (std::holds_alternative<AcquireRequest>(request)) {
    result_.credited += settled - book_->View(key_).value_or(BudgetView()).settled;
  }
  if (!book_->TakeChanges().empty()) ++writes_since_copy_;
  if (const auto* release = std::get_if<ReleaseRequest>(&request)) {
    if (options_.mutation == Mutation::kDoubleReleasePays && reply.outcome == Outcome::kDone) {
      PayDouble(*release);
    }
  }
  if (std::holds_alternative<ReconcileRequest>(request) && reply.outcome == Outcome::kDone) {
    ++result_.reconciled;
    const auto proof = std::get<ReconcileRequest>(request).proof;
    for (const Settlement& one : reply.settlements) {
      if (one.lost > 0 || proof == Proof::kPart) ++result_.reconciled_parts;
    }
  }
  return reply;
}

// What stores do that do not doubt, or do not remember.
inline void World::Mutate(LeaseRequest* request) {
  const Mutation mutation = options_.mutation;
  const auto believe = [mutation](Proof* proof, uint64_t* log_end, std::vector<Statement>* said) {
    if (mutation == Mutation::kBelievesAPart && *proof == Proof::kPart) *proof = Proof::kAll;
    if (mutation == Mutation::kForgetsLogEnds) *log_end = std::numeric_limits<uint64_t>::max();
    if (mutation != Mutation::kForgetsWriteOffs) return;
    for (Statement& statement : *said) statement.written_off = 0;
  };
  if (auto* one = std::get_if<RegisterRequest>(request)) {
    believe(&one->proof, &one->caller.log_end, &one->statements);
  } else if (auto* other = std::get_if<ReconcileRequest>(request)) {
    believe(&other->proof, &other->log_end, &other->statements);
    if (mutation != Mutation::kReconcilesUnchecked) return;
    const auto found = book_->replicas().find(other->replica);
    other->generation = found == book_->replicas().end() ? 0 : found->second.generation;
    other->proof = Proof::kAll;  // a log that was read too early ends early, too
  } else if (const auto* asked = std::get_if<AcquireRequest>(request)) {
    if (mutation != Mutation::kTakesCreditTwice || asked->credit == 0) return;
    const auto id = std::make_pair(asked->caller.replica,
                                   std::make_pair(asked->caller.incarnation, asked->number));
    const auto [at, first] = paid_.try_emplace(id, asked->credit);
    if (!first) LeaseBookPeer::Pay(book_.get(), key_, asked->caller.replica, at->second);
  }
}

// What a store does that books every release it sees.
inline void World::PayDouble(const ReleaseRequest& request) {
  const auto id = std::make_pair(request.caller.replica,
                                 std::make_pair(request.caller.incarnation, request.number));
  const auto [at, first] = paid_.try_emplace(id, kUnit);
  if (!first) LeaseBookPeer::Pay(book_.get(), key_, request.caller.replica, at->second);
}

inline void World::RestartStore() {
  Fired(Fault::kStoreRestart);
  auto next = std::make_unique<LeaseBook>(MakeBookOptions());
  next->Load(book_->epoch(), book_->closed_before_us(), book_->budgets(), book_->replicas(),
             StoreNow());
  book_ = std::move(next);
  store_down_until_us_ = now_us_ + Between(0, 5 * kSecond);
}

inline void World::FailOver() {
  if (copy_ == nullptr) return;
  if (writes_since_copy_ > 0) Fired(Fault::kFailover);
  result_.forgotten += writes_since_copy_;
  book_ = std::move(copy_);
  ++epoch_;  // comes from who decided on the failover, and is not forgotten
  if (options_.mutation != Mutation::kSameEpochAfterFailover) {
    book_->BeginEpoch(epoch_, StoreNow());
  }
  if (options_.mutation == Mutation::kNoQuarantine) LeaseBookPeer::AccountForAll(book_.get());
  failover_due_ = false;
  store_down_until_us_ = now_us_ + Between(0, 3 * kSecond);
}

// --- The network.

inline void World::Send(std::optional<size_t> replica, LeaseRequest request, LeaseDone done) {
  ++result_.calls;
  const auto pending = std::make_shared<Pending>();
  pending->done = std::move(done);
  const auto shared = std::make_shared<LeaseRequest>(std::move(request));
  const int copies =
      options_.Has(Fault::kDoubling) && !healed_ && Chance(options_.doubling) ? 2 : 1;
  if (copies == 2) Fired(Fault::kDoubling);
  for (int i = 0; i < copies; ++i) {
    Carry(replica, [this, replica, shared, pending] { Arrive(replica, *shared, pending); });
  }
}

inline void World::Carry(std::optional<size_t> replica, Event arrival) {
  int64_t delay_us = Between(kMillisecond, 20 * kMillisecond);
  if (!healed_) {
    if (replica && now_us_ < replicas_[*replica]->cut_off_until_us) return;
    if (options_.Has(Fault::kLoss) && Chance(options_.loss)) return Fired(Fault::kLoss);
    if (options_.Has(Fault::kReordering) && Chance(options_.reordering)) {
      Fired(Fault::kReordering);
      // Mostly a little, sometimes longer than a lease lives.
      delay_us += Chance(0.2) ? Between(0, 60 * kSecond) : Between(0, 2 * kSecond);
    }
  }
  After(delay_us, std::move(arrival));
}

inline void World::Arrive(std::optional<size_t> replica, const LeaseRequest& request,
                          const std::shared_ptr<Pending>& pending) {
  if (now_us_ < store_down_until_us_ && !healed_) return;
  const auto before = book_->View(key_);
  LeaseReply reply = Apply(request);
  if (std::holds_alternative<AcquireRequest>(request)) {
    const auto after = book_->View(key_);
    if (before && after && after->outstanding > before->outstanding && after->remaining < 0) {
      Fail("granted more than there was");
    }
  }
  Carry(replica, [this, replica, pending, reply = std::move(reply)] {
    Event answer = [this, pending, reply] {
      if (!pending->done) return;  // a doubled answer
      LeaseDone done = std::move(pending->done);
      pending->done = nullptr;
      heard_ = true;
      std::move(done)(reply);
    };
    if (replica) {
      AfterIn(*replica, 0, std::move(answer));
    } else {
      answer();
    }
  });
}

// --- Replicas.

inline void World::Start(size_t index) {
  Replica& replica = *replicas_[index];
  if (replica.client != nullptr) return;
  ClientOptions options;
  options.replica = replica.name;
  options.incarnation = ++replica.incarnation;
  options.seed = random_.Next64();
  if (options_.mutation == Mutation::kNoGuard) options.local.guard = -options.local.guard;
  if (options_.mutation == Mutation::kTrustsFrozenClock) {
    options.local.clock_tolerance = absl::InfiniteDuration();
  }
  options.on_change = [this, index](const BudgetKey&) { OnChange(index); };
  options.proof = ProofOf(replica);
  options.log_end = replica.log_end;
  const int64_t proven = options_.mutation == Mutation::kRestartsWithoutLog ? 0 : replica.logged;
  replica.waiting.clear();
  replica.client =
      std::make_unique<LeaseClient>(std::move(options), &replica.wire, &replica.clock,
                                    std::vector<ProvenSpend>{{key_, proven, replica.written_off}});
  replica.client->Configure(key_, replica.limit, kLargest);
  Tick(index);
}

inline int64_t World::Stranded(size_t index) const {
  return ChargedTo(*book_, key_, replicas_[index]->name) - replicas_[index]->logged;
}

inline void World::Crash(size_t index) {
  Replica& replica = *replicas_[index];
  if (replica.client == nullptr) return;
  Fired(Fault::kCrash);
  // Of a store that has forgotten something nothing can be said.
  const int64_t stranded = book_->recovering() ? 0 : Stranded(index);
  result_.stranded_max = std::max(result_.stranded_max, stranded);
  result_.stranded_sum += stranded;
  replica.client.reset();
  replica.paused_until_us = 0;
  After(Chance(0.7) ? Between(kSecond / 10, 5 * kSecond) : Between(5 * kSecond, 90 * kSecond),
        [this, index] { Start(index); });
}

// What a log is worth of which the end is known to be gone, or not to be. A store notices a log
// that is shorter than it was told, unless it has forgotten that: only where none does so may a log
// be trusted to it.
inline Proof World::ProofOf(const Replica& replica) {
  if (!replica.tail_lost) return Proof::kLog;
  const auto known = book_->replicas().find(replica.name);
  const bool notices = known != book_->replicas().end() && known->second.log_end > replica.log_end;
  return notices && !options_.Has(Fault::kFailover) && Chance(0.5) ? Proof::kLog : Proof::kPart;
}

inline Statement World::StatementOf(const Replica& replica) const {
  return {key_, replica.logged, {}, replica.written_off};
}

inline void World::Append(Replica* replica, int64_t amount) {
  replica->logged += amount;
  replica->records.push_back(amount);
  replica->log_end_max = std::max(replica->log_end_max, ++replica->log_end);
  replica->client->NoteLogEnd(replica->log_end);
}

inline void World::LoseLogTail(size_t index) {
  Replica& replica = *replicas_[index];
  if (replica.client == nullptr || replica.records.empty()) return;
  Crash(index);
  Fired(Fault::kLostLogTail);
  replica.tail_lost = true;
  for (uint32_t left = 1 + random_.NextBelow(6); left > 0 && !replica.records.empty(); --left) {
    const int64_t amount = replica.records.back();
    replica.records.pop_back();
    --replica.log_end;
    replica.logged -= amount;
    replica.lost += amount;
    result_.lost += amount;
  }
}

// Somebody finds the records again, where the store can say nothing.
inline void World::RepairLog(size_t index) {
  Replica& replica = *replicas_[index];
  if (replica.client == nullptr || !replica.client->unprovable()) return;
  ++result_.repaired;
  replica.client.reset();
  replica.records.push_back(std::exchange(replica.lost, 0));
  replica.logged += replica.records.back();
  replica.log_end = replica.log_end_max + 1;
  replica.tail_lost = false;
  Start(index);
}

inline void World::Tick(size_t index) {
  Replica& replica = *replicas_[index];
  replica.client->Tick();
  if (replica.client->registered()) {
    replica.tail_lost = false;
    replica.written_off = replica.client->StandingOf(key_).written_off;
  } else if (replica.client->unprovable()) {
    AfterIn(index, Between(0, kSecond), [this, index] { RepairLog(index); });
  }
  AfterIn(index, Between(200 * kMillisecond, 300 * kMillisecond), [this, index] { Tick(index); });
}

inline bool World::IsUp(size_t index) const {
  return replicas_[index]->client != nullptr && now_us_ >= replicas_[index]->paused_until_us;
}

inline bool World::IsApart(size_t index) const {
  return now_us_ < replicas_[index]->cut_off_until_us || replicas_[index]->clock.frozen();
}

// One decision somewhere; whose turn it is follows a skew that flips in the middle.
inline void World::Operate() {
  if (operations_left_ == 0) return;
  --operations_left_;
  ++result_.decisions;
  size_t index = DrawSkewed(&random_, replicas_.size());
  if (operations_left_ < options_.operations / 2) index = replicas_.size() - 1 - index;
  const int64_t cost = Between(kUnit / 2, kLargest);
  // A balancer sends what a dead or silent process cannot take to another.
  for (size_t tries = 0; tries < replicas_.size() && !IsUp(index); ++tries) {
    index = (index + 1) % replicas_.size();
  }
  if (IsUp(index)) {
    Decide(index, cost, std::nullopt);
  } else {
    ++operations_left_;  // nobody heard it: no demand
  }
  const int64_t mean = 300 * kMillisecond;
  After(Between(0, 2 * mean), [this] { Operate(); });
}

inline void World::Decide(size_t index, int64_t cost, std::optional<int64_t> waits_until_us) {
  Replica& replica = *replicas_[index];
  const Moment now = Look(replica.clock);
  switch (replica.client->Hold(key_, cost)) {
    case HoldResult::kRefused:
      // Whom the store cannot hear does not count as demand. The caller comes again.
      if (IsApart(index) && !waits_until_us) ++operations_left_;
      return;
    case HoldResult::kLater:
      if (IsApart(index) && !waits_until_us) {
        ++operations_left_;
        return;
      }
      replica.waiting.push_back({cost, waits_until_us.value_or(now_us_ + kSecond)});
      return;
    case HoldResult::kHeld:
      break;
  }
  if (Chance(0.02)) {
    AfterIn(index, Between(0, kSecond / 2),
            [this, index, cost] { replicas_[index]->client->Cancel(key_, cost); });
    return;
  }
  AfterIn(index, Between(0, kSecond), [this, index, cost, now] { Log(index, cost, now); });
}

// The record goes into the log, unless it comes so late that the lease may be gone.
inline void World::Log(size_t index, int64_t cost, const Moment& held_at) {
  Replica& replica = *replicas_[index];
  const bool in_time =
      HasNotPassed(absl::Milliseconds(1100), held_at, Look(replica.clock), absl::Milliseconds(500));
  if (!in_time && options_.mutation != Mutation::kLogsLate &&
      options_.mutation != Mutation::kTrustsFrozenClock) {
    replica.client->Cancel(key_, cost);
    return;
  }
  Append(&replica, cost);
  replica.client->Commit(key_, cost);
  if (options_.Has(Fault::kRefund) && Chance(0.03) && !healed_) {
    Fired(Fault::kRefund);
    AfterIn(index, Between(0, 40 * kSecond), [this, index, cost] {
      if (healed_) return;
      Append(replicas_[index].get(), -cost);
      result_.refunded += cost;
      replicas_[index]->client->Refund(key_, cost);
    });
  }
}

inline void World::OnChange(size_t index) {
  Replica& replica = *replicas_[index];
  std::vector<Waiting> waiting = std::exchange(replica.waiting, {});
  for (const Waiting& one : waiting) {
    if (now_us_ > one.until_us) continue;
    AfterIn(index, 0, [this, index, one] { Decide(index, one.cost, one.until_us); });
  }
}

// --- Everybody else.

inline void World::Reconcile() {
  Send(std::nullopt, ExpireRequest{}, [this](const absl::StatusOr<LeaseReply>& reply) {
    for (const Lapsed& lapsed : reply->lapsed) ReconcileOne(lapsed, reply->epoch);
  });
  After(options_.reconciles_every_us, [this] { Reconcile(); });
}

inline void World::ReconcileOne(const Lapsed& lapsed, uint64_t epoch) {
  ReconcileRequest request;
  request.replica = lapsed.replica;
  request.epoch = epoch;
  request.generation = lapsed.generation;
  for (const auto& replica : replicas_) {
    if (replica->name != lapsed.replica) continue;
    request.statements.push_back(StatementOf(*replica));
    request.proof = ProofOf(*replica);
    request.log_end = replica->log_end;
  }
  // Who does not check may as well come late, and again.
  const int times = options_.mutation == Mutation::kReconcilesUnchecked ? 8 : 1;
  for (int i = 0; i < times; ++i) {
    After(int64_t{i} * 15 * kSecond, [this, request] {
      Send(std::nullopt, request, [](const absl::StatusOr<LeaseReply>&) {});
    });
  }
}

inline void World::ScheduleFaults() {
  for (size_t i = 0; i < kFaults; ++i) {
    if (!options_.on[i]) continue;
    const int times = 1 + static_cast<int>(random_.NextBelow(4));
    for (int n = 0; n < times; ++n) {
      At(Between(2 * kSecond, end_us_), [this, i] { Strike(static_cast<Fault>(i)); });
    }
  }
}

inline void World::Strike(Fault fault) {
  if (healed_) return;
  const size_t index = random_.NextBelow(static_cast<uint32_t>(replicas_.size()));
  Replica& replica = *replicas_[index];
  switch (fault) {
    case Fault::kPartition:
      Fired(fault);
      replica.cut_off_until_us =
          now_us_ + Between(kSecond, (Chance(0.5) ? int64_t{8} : int64_t{50}) * kSecond);
      return;
    case Fault::kCrash:
      return Crash(index);
    case Fault::kLostLogTail:
      return LoseLogTail(index);
    case Fault::kFailover:
      if (copy_ != nullptr) return;
      copy_ = std::make_unique<LeaseBook>(*book_);
      writes_since_copy_ = 0;
      return After(Between(0, (Chance(0.7) ? int64_t{5} : int64_t{90}) * kSecond),
                   [this] { FailOver(); });
    case Fault::kStoreRestart:
      return RestartStore();
    case Fault::kWallJump:
      Fired(fault);
      return replica.clock.JumpWall(Between(-3600 * kSecond, 3600 * kSecond));
    case Fault::kSteadyFreeze:
      Fired(fault);
      replica.clock.Freeze();
      return After(Between(kSecond / 10, 60 * kSecond),
                   [this, index] { replicas_[index]->clock.Thaw(); });
    case Fault::kPause:
      Fired(fault);
      replica.paused_until_us = now_us_ + Between(kSecond / 10, 50 * kSecond);
      return;
    case Fault::kLimitChange:
      return ChangeLimit();
    case Fault::kLoss:
    case Fault::kDoubling:
    case Fault::kReordering:
    case Fault::kRefund:
      return;  // happen all along
  }
}

// The replicas learn of it one by one.
inline void World::ChangeLimit() {
  Fired(Fault::kLimitChange);
  limit_.amount = Between(options_.limit / 2, options_.limit * 3 / 2);
  ++limit_.version;
  ceiling_ = std::max(ceiling_, limit_.amount);
  for (size_t i = 0; i < replicas_.size(); ++i) {
    After(Between(0, 20 * kSecond), [this, i, limit = limit_] {
      Replica& replica = *replicas_[i];
      if (limit.version < replica.limit.version) return;
      replica.limit = limit;
      if (replica.client != nullptr) replica.client->Configure(key_, limit, kLargest);
    });
  }
}

inline void World::Heal() {
  healed_ = true;
  for (size_t i = 0; i < replicas_.size(); ++i) {
    replicas_[i]->cut_off_until_us = 0;
    replicas_[i]->clock.Thaw();
    replicas_[i]->paused_until_us = 0;
    if (replicas_[i]->client == nullptr) Start(i);
  }
}

inline bool World::EverythingIsBack() const {
  int64_t spent = 0;
  for (const auto& replica : replicas_) spent += replica->logged;
  const auto view = book_->View(key_);
  return !book_->recovering() && view && view->outstanding == 0 && view->settled == spent;
}

inline std::string World::Describe() const {
  const BudgetView view = book_->View(key_).value_or(BudgetView());
  std::string text =
      absl::StrCat(book_->recovering() ? "recovering, " : "", "settled ", view.settled,
                   ", written off ", view.written_off, ", outstanding ", view.outstanding);
  for (const auto& replica : replicas_) {
    const LeaseClient::Standing standing =
        replica->client == nullptr ? LeaseClient::Standing() : replica->client->StandingOf(key_);
    absl::StrAppend(&text, "; ", replica->name, " logged ", replica->logged, ", lost ",
                    replica->lost, ", charged beyond ", Stranded(replica->index), ", left ",
                    standing.left, ", held ", standing.held, ", credit ", standing.credit,
                    ", leases ", standing.leases, ", unheld ", standing.unheld, ", proven ",
                    standing.proven);
  }
  return text;
}

inline bool World::Check() {
  int64_t spent = 0;
  for (const auto& replica : replicas_) {
    spent += replica->spent();
    // What the store charges for a replica covers what it spent, whatever became of the log, if the
    // store has heard of it.
    const auto known = book_->replicas().find(replica->name);
    if (known == book_->replicas().end() || known->second.accounted_epoch != book_->epoch()) {
      continue;
    }
    const int64_t charged = ChargedTo(*book_, key_, replica->name);
    if (charged < replica->spent()) {
      return Fail(absl::StrCat("the store charges ", charged, " for ", replica->name,
                               ", whose log holds ", replica->logged, " and has lost ",
                               replica->lost));
    }
  }
  if (spent > ceiling_) return Fail(absl::StrCat("overspent: ", spent, " of ", ceiling_));
  if (std::exchange(heard_, false)) {
    int64_t spendable = spent;
    for (const auto& replica : replicas_) {
      if (replica->client != nullptr) spendable += replica->client->StandingOf(key_).left;
    }
    if (spendable > ceiling_) {
      return Fail(absl::StrCat("could be overspent: ", spendable, " of ", ceiling_));
    }
  }
  if (const auto view = book_->View(key_)) {
    if (view->charged() + view->remaining != view->limit) {
      return Fail("settled, written off, outstanding and remaining are not the limit");
    }
  }
  return true;
}

inline WorldResult World::Run() {
  end_us_ = int64_t{options_.operations} * 300 * kMillisecond;
  ScheduleFaults();
  After(2 * kSecond, [this] { Operate(); });
  if (options_.reconciler) After(kSecond, [this] { Reconcile(); });
  while (operations_left_ > 0) {
    if (!RunUntil(now_us_ + 10 * kSecond)) return result_;
  }
  if (!RunUntil(now_us_ + 3 * kSecond)) return result_;  // what is in flight gets its record
  for (const auto& replica : replicas_) result_.spent += replica->spent();

  Heal();
  // Time to live, guard, and ten seconds for what is left to be said.
  const int64_t healed_us = now_us_;
  const int64_t stated_us = (30 + 2 + 10) * kSecond;
  while (!EverythingIsBack()) {
    if (now_us_ - healed_us >= stated_us) {
      Fail(absl::StrCat("not everything is back ", stated_us / kSecond,
                        " s after the heal: ", Describe()));
      return result_;
    }
    if (!RunUntil(now_us_ + 250 * kMillisecond)) return result_;
  }
  result_.returned_us = now_us_ - healed_us;
  result_.written_off = book_->View(key_).value_or(BudgetView()).written_off;
  return result_;
}

}  // namespace testing
}  // namespace fulcrum::leases
