// Kill -9, again and again, while every kind of row is at its end: what the log shows after each
// kill, added up by a reader that shares no code with the service, never passes a limit at any
// prefix; leases on the disk cover it; a request that is repeated is decided and paid once; and in
// the end nothing of a budget is lost.
//
// FULCRUM_EXHAUSTION_CYCLES sets the number of kills (16, one day); FULCRUM_EXHAUSTION_SEED the run
// (1).
#include <atomic>
#include <cstdio>
#include <map>
#include <set>
#include <thread>
#include <utility>

#include "base/random.h"
#include "decision_log/verify.h"
#include "leases/rocksdb_lease_store.h"
#include "orchestrator/lease_desk.h"
#include "tests/end_to_end/request_oracle.h"
#include "tests/end_to_end/row_book.h"
#include "tests/end_to_end/world.h"
#include "tests/support/environment.h"
#include "tests/support/temporary_directory.h"

namespace fulcrum {
namespace {

using ::fulcrum::testing::BookRow;
using ::fulcrum::testing::IsOk;
using ::fulcrum::testing::RequestOracle;
using ::fulcrum::testing::RowBook;

constexpr int kClients = 4;
constexpr int kNewRequests = 100;  // of one life
constexpr int kUsers = 12;
constexpr int kLivesPerHour = 2;
constexpr int kHoursPerDay = 8;       // that are asked in, so that a day sees its budgets end
constexpr int kNeutralInARow = 60;    // then an action is taken to be out of reach
constexpr double kFloor = 0.6;        // of two, each is drawn with at least half of it
constexpr int64_t kUnit = 1'000'000;  // micros
constexpr absl::Duration kLong = absl::Seconds(30);
constexpr const char* kKillPoints[] = {"log.before_append", "log.after_append", "log.before_reply"};
const absl::Time kStart = absl::FromUnixSeconds(1574553600);  // midnight UTC

// --- The rows, told twice: to the service in its words, to the book in its own.

std::string BundleText(int64_t total) {
  return absl::StrCat(
      R"(server: {listen: '127.0.0.1:0', metrics_listen: '127.0.0.1:0', data_dir: data, idempotency_window: 24h, checkpoint_interval: 10ms}
log: {}
surfaces:
  - id: page
    campaigns: [dear, daily, once, moving, capped, wish]
    latency_budget: 10s
    slate_size_max: 3
    exploration_floor: )",
      kFloor, R"(
campaigns:
  - id: dear
    account: shop
    currency: EUR
    actions: [{id: dear-1, cost_micros: 1000000}, {id: dear-3, cost_micros: 3000000}]
  - {id: daily, account: shop, currency: EUR, actions: [{id: daily, cost_micros: 500000}]}
  - {id: once, account: other, currency: EUR, actions: [{id: once}]}
  - {id: moving, account: other, currency: EUR, actions: [{id: moving}]}
  - {id: capped, account: other, currency: EUR, actions: [{id: capped}, {id: spaced}]}
  - {id: wish, account: other, currency: EUR, actions: [{id: wish}]}
constraints:
  - {id: hour, campaign: dear, resource: cost, window: hour, limit: 20500000}
  - {id: shop-day, account: shop, resource: cost, window: day, limit: 130000000}
  - {id: day, campaign: daily, resource: exposures, window: day, limit: 40}
  - {id: total, campaign: once, resource: exposures, window: total, limit: )",
      total, R"(}
  - {id: rolling, campaign: moving, resource: exposures, window: rolling, span: 8h, limit: 12}
  - {id: cap, actions: [capped], per: user, resource: exposures, window: day, limit: 2}
  - {id: spacing, actions: [spaced], per: user, resource: exposures, window: rolling, span: 5h, limit: 1}
  - {id: soft, campaign: wish, resource: exposures, window: hour, limit: 5, relaxation: 1}
)");
}

std::vector<BookRow> Rows(int64_t total) {
  const absl::Duration hour = absl::Hours(1);
  const absl::Duration day = absl::Hours(24);
  return {
      {.id = "hour",
       .amounts = {{"dear-1", kUnit}, {"dear-3", 3 * kUnit}},
       .limit = 20 * kUnit + kUnit / 2,
       .window = hour},
      {.id = "shop-day",
       .amounts = {{"dear-1", kUnit}, {"dear-3", 3 * kUnit}, {"daily", kUnit / 2}},
       .limit = 130 * kUnit,
       .window = day},
      {.id = "day", .amounts = {{"daily", 1}}, .limit = 40, .window = day},
      {.id = "total", .amounts = {{"once", 1}}, .limit = total},
      {.id = "rolling",
       .amounts = {{"moving", 1}},
       .limit = 12,
       .window = absl::Hours(8),
       .moves = true},
      {.id = "cap", .amounts = {{"capped", 1}}, .limit = 2, .window = day, .per_user = true},
      {.id = "spacing",
       .amounts = {{"spaced", 1}},
       .limit = 1,
       .window = absl::Hours(5),
       .moves = true,
       .per_user = true},
      {.id = "soft", .amounts = {{"wish", 1}}, .limit = 5, .window = hour, .soft = true},
  };
}

absl::Time HourOf(int life) {
  return kStart + absl::Hours(24 / kHoursPerDay * (life / kLivesPerHour));
}

// --- The log against the book.

// An action that could not be had any more when a request was answered.
struct Drained {
  std::string action;
  absl::Time time;
  std::string user;
};

// Reads on after every life.
class Reader {
 public:
  Reader(const std::string& directory, const RequestOracle* oracle, std::vector<BookRow> rows)
      : log_(directory + "/data/log"), oracle_(oracle), book_(std::move(rows)) {
    for (const BookRow& row : book_.rows()) row_by_id_[row.id] = &row;
  }

  void Expect(const std::string& request_id, Drained drained) {
    drained_.emplace(request_id, std::move(drained));
  }

  void Read() {
    const auto reader = DecisionLogReader::Open(log_, last_);
    if (absl::IsNotFound(reader.status())) return;  // it was killed before there was one
    ASSERT_THAT(reader, IsOk());
    LogEntry entry;
    for (;;) {
      const auto more = (*reader)->Next(&entry);
      ASSERT_THAT(more, IsOk());
      if (!*more) break;
      last_ = entry.lsn;
      if (const auto* const decision = std::get_if<DecisionRecord>(&entry.event)) Take(*decision);
      if (const auto* const lease = std::get_if<LeaseRecord>(&entry.event)) Take(*lease);
      EXPECT_FALSE(std::holds_alternative<SupersededRecord>(entry.event)) << "no answer was late";
    }
  }

  // What the disk has leased covers what the log has spent, and keeps to the limits.
  void CompareLeases(const leases::Charges& charges) {
    std::map<std::pair<std::string, int64_t>, int64_t> leased;
    for (const leases::Charge& charge : charges.charges) {
      const leases::BudgetKey& budget = charge.budget;
      leased[{budget.row, budget.window_start_us}] = charge.amount;
      EXPECT_LE(charge.amount, row_by_id_.at(budget.row)->limit) << budget.row;
      EXPECT_EQ(charge.written_off, 0) << "the same boot, and a log that is written before replies";
    }
    for (const auto& [key, spent] : spent_) {
      const auto found = leased.find(key);
      if (found == leased.end()) {
        EXPECT_TRUE(MayBeForgotten(*row_by_id_.at(key.first), key.second))
            << key.first << ": spent, and nothing leased";
        continue;
      }
      ++leases_compared_;
      EXPECT_LE(spent, found->second) << key.first << ": spent beyond its lease";
    }
  }

  // Requests have come up to here, whether or not the log has heard of them.
  void AskedUntil(absl::Time time) { latest_ = std::max(latest_, time); }

  const RowBook& book() const { return book_; }
  size_t decisions() const { return decided_.size(); }
  size_t leases_compared() const { return leases_compared_; }
  size_t drained_seen() const { return drained_seen_; }
  size_t relaxed() const { return relaxed_; }
  const std::map<MaskReason, size_t>& masks() const { return masks_; }
  const std::map<std::string, size_t>& drained_by() const { return drained_by_; }

 private:
  void Take(const DecisionRecord& record) {
    EXPECT_TRUE(decided_.insert(record.request_id).second) << "twice: " << record.request_id;
    const DecisionRequest& asked = oracle_->asked().at(record.request_id);
    EXPECT_EQ(absl::FromUnixMicros(record.occurred_us), *asked.occurred_at);
    relaxed_ += record.relaxed > 0 ? 1 : 0;
    for (const CandidateRecord& candidate : record.candidates) ++masks_[candidate.mask];
    for (const PositionRecord& position : record.positions) {
      book_.Add(position.action_id, *asked.occurred_at, asked.user_id, record.relaxed > 0);
      ExpectDebits(position);
    }
    const auto drained = drained_.find(record.request_id);
    if (drained == drained_.end()) return;
    ++drained_seen_;
    const Drained& what = drained->second;
    const auto full = book_.FullFor(what.action, what.time, what.user);
    EXPECT_TRUE(full.has_value()) << what.action << " could not be had, though there is room";
    if (full.has_value()) ++drained_by_[*full];
  }

  // Days and hours after 75 hours, moving spans after twice their length (docs/ledger.md).
  bool MayBeForgotten(const BookRow& row, int64_t window_start_us) const {
    const absl::Duration kept = row.moves ? 2 * row.window : absl::Hours(75);
    return row.window != absl::InfiniteDuration() &&
           absl::FromUnixMicros(window_start_us) < latest_ - kept;
  }

  // What the service booked is what the bundle says.
  void ExpectDebits(const PositionRecord& position) {
    std::map<std::string, int64_t> expected, booked;
    for (const BookRow& row : book_.rows()) {
      if (row.AmountOf(position.action_id) > 0) expected[row.id] = row.AmountOf(position.action_id);
    }
    for (const Debit& debit : position.debits) {
      booked[debit.row] += debit.amount;
      const std::pair<std::string, int64_t> key = {debit.row, debit.window_start_us};
      if (debit.per_user || debit.soft) continue;
      spent_[key] += debit.amount;
      EXPECT_LE(spent_[key], leased_[key]) << debit.row << ": before the log has its lease";
    }
    EXPECT_EQ(booked, expected) << position.action_id;
  }

  void Take(const LeaseRecord& lease) {
    leased_[{lease.row, lease.window_start_us}] = lease.leased;
    EXPECT_LE(lease.leased, row_by_id_.at(lease.row)->limit) << lease.row;
  }

  const std::string log_;
  const RequestOracle* const oracle_;
  RowBook book_;
  std::map<std::string, const BookRow*> row_by_id_;
  Lsn last_ = 0;
  absl::Time latest_ = kStart;
  std::set<std::string> decided_;
  std::map<std::string, Drained> drained_;  // by the request after which it was found
  std::map<std::pair<std::string, int64_t>, int64_t> spent_, leased_;  // by row and window
  size_t leases_compared_ = 0;
  size_t drained_seen_ = 0;
  size_t relaxed_ = 0;
  std::map<MaskReason, size_t> masks_;
  std::map<std::string, size_t> drained_by_;
};

// --- The clients.

struct Job {
  DecisionRequest request;
  bool heard_before = false;  // in an earlier life
  bool heard_now = false;
};

class Exhaustion : public ::testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directories(directory_);
    std::ofstream(directory_ + "/bundle.yaml") << BundleText(total_);
  }

  DecisionRequest NewRequest(int life, int number) {
    DecisionRequest request;
    request.request_id = absl::StrCat(life, "-", number);
    request.user_id = absl::StrCat("user-", random_.NextBelow(kUsers));
    request.surface = "page";
    request.slate_size = 1 + random_.NextBelow(3);
    request.occurred_at = HourOf(life) + absl::Seconds(random_.NextBelow(3000));
    if (random_.NextBelow(6) == 0) request.candidates = {"dear-3", "wish"};
    return request;
  }

  // What earlier lives left and `added` new requests, in any order; every fourth is sent by two
  // clients at a time.
  std::vector<Job> JobsOf(int life, int added) {
    std::vector<DecisionRequest> requests = std::exchange(carried_, {});
    for (int i = 0; i < added; ++i) requests.push_back(NewRequest(life, i));
    for (size_t i = requests.size(); i > 1; --i) {
      std::swap(requests[i - 1], requests[random_.NextBelow(static_cast<uint32_t>(i))]);
    }
    std::vector<Job> jobs;
    for (const DecisionRequest& request : requests) {
      oracle_.Asked(request);
      jobs.push_back({request, oracle_.HasHeard(request.request_id)});
      if (random_.NextBelow(4) == 0) jobs.push_back(jobs.back());
    }
    return jobs;
  }

  void Serve(DecisionClient* client, std::atomic<size_t>* next, std::vector<Job>* jobs) {
    for (size_t i = (*next)++; i < jobs->size(); i = (*next)++) {
      Job& job = (*jobs)[i];
      const auto decision = client->Decide(job.request, kLong);
      if (!decision.ok()) break;  // killed
      EXPECT_FALSE(decision->log_pending);
      EXPECT_TRUE(oracle_.Heard(job.request.request_id, *decision))
          << job.request.request_id << " got another answer";
      job.heard_now = true;
      ++answered_;
    }
    --working_;
  }

  // All jobs, unless the service dies first: at a point of its own, or killed from here once
  // `kill_after` answers have come.
  void Work(testing::Daemon* daemon, std::vector<Job>* jobs, std::optional<size_t> kill_after) {
    // Of connections that are opened at once gRPC may lose one, so one after the other.
    std::vector<std::unique_ptr<DecisionClient>> clients;
    for (int i = 0; i < kClients; ++i) {
      clients.push_back(DecisionClient::Connect(daemon->address));
      const absl::Status serving = clients.back()->WaitUntilServing(kLong);
      ASSERT_TRUE(serving.ok() || daemon->process.Ended()) << serving;
    }
    std::atomic<size_t> next{0};
    answered_ = 0;
    working_ = kClients;
    std::vector<std::thread> threads;
    for (const auto& client : clients) {
      threads.emplace_back([&, one = client.get()] { Serve(one, &next, jobs); });
    }
    while (kill_after.has_value() && answered_ < *kill_after && working_ > 0) {
      std::this_thread::sleep_for(std::chrono::microseconds(50));
    }
    if (kill_after.has_value()) {
      std::this_thread::sleep_for(std::chrono::microseconds(random_.NextBelow(1500)));
      daemon->process.Signal(SIGKILL);
    }
    for (std::thread& thread : threads) thread.join();
  }

  // What was not heard in two lives is asked again in the next.
  void Carry(const std::vector<Job>& jobs) {
    std::set<std::string> settled, carried;
    for (const Job& job : jobs) {
      if (job.heard_before && job.heard_now) settled.insert(job.request.request_id);
    }
    for (const Job& job : jobs) {
      const std::string& id = job.request.request_id;
      if (!oracle_.HasHeard(id)) unheard_.insert(id);
      if (settled.count(id) == 0 && carried.insert(id).second) carried_.push_back(job.request);
    }
    repeats_ += carried.size();
  }

  void LiveAndDie(int life) {
    std::vector<std::string> environment;
    const bool at_point = life % 5 >= 3;
    if (at_point) {
      environment.push_back(absl::StrCat("FULCRUM_KILL_POINT=", kKillPoints[points_++ % 3], ":",
                                         1 + random_.NextBelow(20)));
    }
    auto daemon = testing::StartDaemon(directory_, random_.Next64() >> 1, environment);
    // Its own records may reach the point before it is ready.
    if (at_point && absl::IsAborted(daemon.status())) return;
    ASSERT_THAT(daemon, IsOk());
    std::vector<Job> jobs = JobsOf(life, kNewRequests);
    const auto all = static_cast<uint32_t>(jobs.size());
    Work(&*daemon, &jobs, at_point ? all : random_.NextBelow(all));
    ASSERT_THAT(daemon->process.Wait(absl::Seconds(60)), IsOk());
    Carry(jobs);
  }

  // A life that answers all that is open and then takes what is left of hard rows, one client
  // alone. The kill comes when nobody asks.
  void Drain(int life, Reader* reader) {
    auto daemon = testing::StartDaemon(directory_, random_.Next64() >> 1);
    ASSERT_THAT(daemon, IsOk());
    std::vector<Job> jobs = JobsOf(life, 0);
    Work(&*daemon, &jobs, std::nullopt);
    const auto client = DecisionClient::Connect(daemon->address);
    ASSERT_THAT(client->WaitUntilServing(kLong), IsOk());
    for (const char* const action : DrainedAfter(life)) {
      DrainOne(client.get(), life, action, reader);
    }
    daemon->process.Signal(SIGKILL);
    ASSERT_THAT(daemon->process.Wait(absl::Seconds(60)), IsOk());
    ++drains_;
  }

  // Long windows are left to end by themselves, so that kills meet them before.
  std::vector<const char*> DrainedAfter(int life) const {
    std::vector<const char*> actions = {"dear-1", "dear-3", "moving", "capped", "spaced"};
    if (life / kLivesPerHour % kHoursPerDay == kHoursPerDay / 2) actions.push_back("daily");
    if (life + kLivesPerHour >= cycles_) actions.push_back("once");
    return actions;
  }

  void DrainOne(DecisionClient* client, int life, const std::string& action, Reader* reader) {
    DecisionRequest request;
    request.user_id = absl::StrCat("user-", random_.NextBelow(kUsers));
    request.surface = "page";
    request.candidates = {action};
    request.occurred_at = HourOf(life) + absl::Minutes(55);
    int neutral = 0;
    for (int n = 0; neutral < kNeutralInARow; ++n) {
      request.request_id = absl::StrCat("drain-", life, "-", action, "-", n);
      oracle_.Asked(request);
      const auto decision = client->Decide(request, kLong);
      ASSERT_THAT(decision, IsOk());
      EXPECT_TRUE(oracle_.Heard(request.request_id, *decision));
      neutral = decision->actions[0].action_id == kNeutralActionId ? neutral + 1 : 0;
    }
    reader->Expect(request.request_id, {action, *request.occurred_at, request.user_id});
    ++drained_;
  }

  void Check(int life, Reader* reader) {
    reader->AskedUntil(HourOf(life) + absl::Minutes(55));
    reader->Read();
    if (std::filesystem::exists(directory_ + "/data/leases")) {
      reader->CompareLeases(LeasesOnDisk());
    }
  }

  leases::Charges LeasesOnDisk() const {
    const auto charges = leases::RocksDbLeaseStore::ReadCharges(
        base::PosixFileSystem(), directory_ + "/data/leases", orchestrator::kReplica);
    EXPECT_THAT(charges, IsOk());
    return charges.ok() ? *charges : leases::Charges();
  }

  const int cycles_ = testing::FromEnvironment("FULCRUM_EXHAUSTION_CYCLES", 16);
  const int64_t total_ = int64_t{12} * cycles_;
  testing::TemporaryDirectory temporary_;
  const std::string directory_ = temporary_.path() + "/bundle";
  base::RandomStream random_{
      static_cast<uint64_t>(testing::FromEnvironment("FULCRUM_EXHAUSTION_SEED", 1))};
  RequestOracle oracle_;
  std::vector<DecisionRequest> carried_;  // asked before; to be asked again
  std::set<std::string> unheard_;         // when a service died
  std::atomic<size_t> answered_{0};       // in this life
  std::atomic<int> working_{0};           // clients
  size_t points_ = 0;
  size_t repeats_ = 0;
  size_t drained_ = 0;
  int drains_ = 0;
};

TEST_F(Exhaustion, KillsNearTheEndOfBudgetsOverspendNothingAndLoseNothing) {
  Reader reader(directory_, &oracle_, Rows(total_));
  for (int life = 0; life < cycles_ && !HasFailure(); ++life) {
    SCOPED_TRACE(absl::StrCat("life ", life));
    LiveAndDie(life);
    Check(life, &reader);
    if (life % kLivesPerHour != kLivesPerHour - 1 || HasFailure()) continue;
    Drain(life, &reader);
    Check(life, &reader);
  }
  ASSERT_FALSE(HasFailure());

  // A last life answers all that is still open, and ends in order.
  auto daemon = testing::StartDaemon(directory_, 1);
  ASSERT_THAT(daemon, IsOk());
  std::vector<Job> jobs = JobsOf(cycles_, kNewRequests);
  Work(&*daemon, &jobs, std::nullopt);
  daemon->process.Signal(SIGTERM);
  const auto code = daemon->process.Wait(absl::Seconds(30));
  ASSERT_THAT(code, IsOk());
  EXPECT_EQ(*code, 0);
  Check(cycles_, &reader);

  EXPECT_EQ(oracle_.heard().size(), oracle_.asked().size());
  EXPECT_EQ(reader.decisions(), oracle_.asked().size()) << "one decision per request";
  EXPECT_THAT(reader.book().violations(), ::testing::IsEmpty());
  const auto verified = decision_log::VerifyLog(base::PosixFileSystem(), directory_ + "/data/log");
  ASSERT_THAT(verified, IsOk());
  EXPECT_TRUE(verified->clean());

  // The run was what it is for: rows bound, replies were lost, leases were compared.
  EXPECT_GT(unheard_.size(), static_cast<size_t>(cycles_));
  EXPECT_GT(reader.relaxed(), 0u);
  EXPECT_GT(reader.masks().at(MaskReason::kNoHold), reader.decisions() / 4);
  EXPECT_GT(reader.leases_compared(), static_cast<size_t>(3 * cycles_));
  EXPECT_EQ(reader.drained_seen(), drained_);
  for (const char* const row : {"hour", "shop-day", "day", "total", "rolling", "cap", "spacing"}) {
    EXPECT_GT(reader.drained_by().count(row), 0u) << row << " never was what stood in the way";
  }
  std::printf(
      "figure: kills = %d\nfigure: requests = %zu\nfigure: repeats = %zu\n"
      "figure: unheard at a kill = %zu\nfigure: over a limit = %zu\n"
      "figure: actions drained = %zu\nfigure: leases compared = %zu\nfigure: relaxed = %zu\n"
      "figure: masked no_hold = %zu\n",
      cycles_ + drains_, oracle_.asked().size(), repeats_, unheard_.size(),
      reader.book().violations().size(), reader.drained_seen(), reader.leases_compared(),
      reader.relaxed(), reader.masks().at(MaskReason::kNoHold));
}

}  // namespace
}  // namespace fulcrum
