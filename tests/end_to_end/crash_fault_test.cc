// H1: kill -9 under load, again and again, while both streams of the log rotate and retention
// deletes their oldest segments. Proves that what the page cache holds is enough to come back from
// the death of the process: no acknowledged decision and none of its features is missing, none is
// invented, nothing has gone that is young or that a start may need, no limit is passed. It says
// nothing about the machine's death: the page cache survives a kill, so a log that never syncs
// would pass (power_fault_test is for that).
//
// FULCRUM_CRASH_CYCLES sets the number of cycles (80); FULCRUM_CRASH_SEED the run (1).
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <numeric>
#include <set>
#include <thread>
#include <tuple>

#include "base/file.h"
#include "base/mutex.h"
#include "base/random.h"
#include "decision_log/ballast.h"
#include "decision_log/verify.h"
#include "fulcrum/decision_log_reader.h"
#include "tests/end_to_end/segment_watch.h"
#include "tests/end_to_end/world.h"
#include "tests/support/environment.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/test_model.h"

namespace fulcrum {
namespace {

constexpr int kClients = 3;
constexpr int kUsers = 40;
// Where, and up to the how manyth time: early enough that a cycle's load reaches it.
struct NamedPoint {
  const char* name;
  uint32_t times_max;
};
constexpr char kRetired[] = "log.retired";
constexpr char kBallast[] = "log.ballast";
constexpr NamedPoint kKillPoints[] = {{"log.before_append", 100},
                                      {"log.between_streams", 100},
                                      {"log.after_append", 100},
                                      {"log.before_reply", 100},
                                      {"log.before_finish", 3},
                                      {"log.between_segments", 3},
                                      {kRetired, 3},
                                      {kBallast, 1}};
// So small that segments end in most cycles.
constexpr int64_t kSegmentBytes = 32 << 10;
// Longer than a life even on a busy machine, so that what goes had been read after an earlier one.
constexpr absl::Duration kDecisionsRetention = absl::Seconds(8);
constexpr absl::Duration kFeaturesRetention = absl::Seconds(6);

// What the clients know. Lives outside the server, so a kill cannot touch it.
class Oracle {
 public:
  struct Answered {
    std::vector<std::string> actions;
    std::vector<Ticks> ticks;
  };

  void Sent(const std::string& request_id) {
    base::MutexLock lock(&mutex_);
    sent_.insert(request_id);
  }
  void Acknowledged(const Decision& decision) {
    if (decision.log_pending) return;  // says of itself that it may not be in the log
    Answered answered;
    for (const DecidedAction& action : decision.actions) {
      answered.actions.push_back(action.action_id);
      answered.ticks.push_back(action.ticks);
    }
    base::MutexLock lock(&mutex_);
    acknowledged_[decision.id] = std::move(answered);
  }
  const std::map<DecisionId, Answered>& acknowledged() const { return acknowledged_; }
  const std::set<std::string>& sent() const { return sent_; }

 private:
  base::Mutex mutex_;
  std::set<std::string> sent_;
  std::map<DecisionId, Answered> acknowledged_;
};

// Asks for decisions until told to stop or the server is gone.
void Ask(const std::string& address, int cycle, int client_number, const std::atomic<bool>& stop,
         Oracle* oracle) {
  const auto client = DecisionClient::Connect(address);
  base::RandomStream random(static_cast<uint64_t>(cycle * 100 + client_number));
  for (int n = 0; !stop; ++n) {
    DecisionRequest request;
    request.request_id = absl::StrCat(cycle, "-", client_number, "-", n);
    request.user_id = absl::StrCat("user-", random.NextBelow(kUsers));
    request.surface = "page";
    request.context["hour"] = static_cast<double>(n % 24);
    request.slate_size = 1 + random.NextBelow(3);
    // A day lasts five cycles, so that budgets run out across restarts.
    request.occurred_at = absl::FromUnixSeconds(1574553600) + absl::Hours(24) * (cycle / 5) +
                          absl::Hours(4) * (cycle % 5) + absl::Seconds(n % 10000);
    oracle->Sent(request.request_id);
    const auto decision = client->Decide(request, absl::Seconds(5));
    if (!decision.ok()) return;
    oracle->Acknowledged(*decision);
  }
}

struct CrashCounts {
  std::map<std::string, int> at_kill_points;
  int at_random = 0;
  int checkpoints_damaged = 0;
  std::vector<double> restart_ms;

  int named() const {
    return std::accumulate(at_kill_points.begin(), at_kill_points.end(), 0,
                           [](int sum, const auto& point) { return sum + point.second; });
  }
};

// One life of the service, to the kill at `point`, or at a random time.
void Live(const std::string& directory, int cycle, const NamedPoint* point,
          base::RandomStream& random, Oracle* oracle, CrashCounts* counts) {
  std::vector<std::string> environment;
  if (point != nullptr) {
    environment.push_back(absl::StrCat("FULCRUM_KILL_POINT=", point->name, ":",
                                       1 + random.NextBelow(point->times_max)));
    ++counts->at_kill_points[point->name];
  }
  const auto start = std::chrono::steady_clock::now();
  auto daemon = testing::StartDaemon(directory, random.Next64() >> 1, environment);
  if (point != nullptr && absl::IsAborted(daemon.status())) {  // while it starts
    ASSERT_THAT(daemon.status().message(), ::testing::HasSubstr(absl::StrCat(128 + SIGKILL)));
    return;
  }
  ASSERT_THAT(daemon, testing::IsOk());
  counts->restart_ms.push_back(
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());

  std::atomic<bool> stop{false};
  std::vector<std::thread> clients;
  for (int i = 0; i < kClients; ++i) {
    clients.emplace_back([&, i] { Ask(daemon->address, cycle, i, stop, oracle); });
  }
  if (point != nullptr) {
    const auto ended = daemon->process.Wait(absl::Seconds(60));
    ASSERT_THAT(ended, testing::IsOk()) << point->name << " was not reached";
    EXPECT_EQ(*ended, 128 + SIGKILL);
  } else {
    std::this_thread::sleep_for(std::chrono::microseconds(random.NextBelow(300000)));
    daemon->process.Signal(SIGKILL);
    ASSERT_THAT(daemon->process.Wait(absl::Seconds(60)), testing::IsOk());
    ++counts->at_random;
  }
  stop = true;
  for (std::thread& client : clients) client.join();
}

using LimitKey = std::tuple<std::string, int64_t, UserRef>;  // row, window, user

// Follows the log from life to life, so that what retention removes later was seen before, and
// holds it against the oracle and the limits.
class Follower {
 public:
  Follower(const std::string& data, const Oracle* oracle, std::map<std::string, int64_t> limits)
      : data_(data),
        log_(data + "/log"),
        oracle_(oracle),
        limits_(std::move(limits)),
        decisions_(log_, decision_log::Stream::kDecisions, kDecisionsRetention),
        features_(log_, decision_log::Stream::kFeatures, kFeaturesRetention) {}

  // Reads what the life that has just ended has left. `whole`: it stopped in order.
  void Read(bool whole) {
    ReadStream<DecisionLogReader, LogEntry>(whole, &decisions_, [this](const LogEntry& entry) {
      const auto* const decision = std::get_if<DecisionRecord>(&entry.event);
      if (decision != nullptr) Take(entry.lsn, *decision);
    });
    ReadStream<FeatureSnapshotReader, FeatureEntry>(
        whole, &features_,
        [this](const FeatureEntry& entry) { snapshots_.insert(entry.snapshot.decision_id); });
    if (::testing::Test::HasFatalFailure() || decisions_.last_lsn() == 0) return;
    decisions_.Look(absl::Now(), testing::NeededFrom(testing::Checkpoints(data_)));
    features_.Look(absl::Now(), ~Lsn{0});
  }

  const testing::SegmentWatch& decisions() const { return decisions_; }
  const testing::SegmentWatch& features() const { return features_; }

  void Check() const {
    EXPECT_EQ(found_, oracle_->acknowledged().size()) << "acknowledged decisions are missing";
    EXPECT_EQ(invented_, 0u);
    EXPECT_EQ(changed_, 0u);
    EXPECT_EQ(overspent_, 0u);
    EXPECT_EQ(Featureless(), 0u) << "features of acknowledged decisions are missing";
    CheckWhatIsLeft();
    // Non-vacuity: limits were really reached, and features really kept.
    const int64_t day = limits_.at("paid-day");
    const bool budget_reached = std::any_of(spent_.begin(), spent_.end(), [&](const auto& use) {
      return std::get<0>(use.first) == "paid-day" && use.second >= day - 2999999;
    });
    EXPECT_TRUE(budget_reached);
    EXPECT_GT(with_features_.size(), seen_.size() / 2);
    std::printf(
        "figure: decisions in the log = %zu\nfigure: acknowledged = %zu\n"
        "figure: missing = %zu\nfigure: invented = %zu\nfigure: changed = %zu\n"
        "figure: features missing = %zu\nfigure: over a limit = %zu\n"
        "figure: segments of decisions = %zu\nfigure: of them removed = %zu\n"
        "figure: segments of features = %zu\nfigure: of these removed = %zu\n",
        seen_.size(), oracle_->acknowledged().size(), oracle_->acknowledged().size() - found_,
        invented_, changed_, Featureless(), overspent_, decisions_.seen(), decisions_.removed(),
        features_.seen(), features_.removed());
  }

 private:
  template <typename Reader, typename Entry, typename Use>
  void ReadStream(bool whole, testing::SegmentWatch* watch, Use use) {
    auto reader = Reader::Open(log_, watch->last_lsn());
    if (absl::IsNotFound(reader.status())) return;  // it was killed before there was one
    ASSERT_THAT(reader, testing::IsOk());
    Entry entry;
    for (;;) {
      const auto more = (*reader)->Next(&entry);
      ASSERT_THAT(more, testing::IsOk());
      if (!*more) break;
      watch->Saw(entry.lsn, entry.time_us);
      use(entry);
    }
    const bool torn = !whole && (*reader)->end() == LogEnd::kTornTail;
    EXPECT_TRUE(torn || (*reader)->end() == LogEnd::kClean) << ToString((*reader)->damage());
  }

  void Take(Lsn lsn, const DecisionRecord& decision) {
    EXPECT_TRUE(seen_.emplace(decision.id, lsn).second) << "twice: " << decision.id.ToString();
    if (oracle_->sent().count(decision.request_id) == 0) ++invented_;
    for (const PositionRecord& position : decision.positions) {
      for (const Debit& debit : position.debits) {
        int64_t& sum = spent_[{debit.row, debit.window_start_us,
                               debit.per_user ? decision.user_ref : UserRef{}}];
        sum += debit.amount;
        if (sum > limits_.at(debit.row)) ++overspent_;
      }
    }
    const auto known = oracle_->acknowledged().find(decision.id);
    if (known == oracle_->acknowledged().end()) return;
    ++found_;
    if (decision.replayable == Replayable::kFull) with_features_.push_back(decision.id);
    for (size_t i = 0; i < decision.positions.size(); ++i) {
      if (decision.positions[i].action_id != known->second.actions[i]) ++changed_;
    }
  }

  // Acknowledged decisions whose snapshot was never in the log.
  size_t Featureless() const {
    return static_cast<size_t>(
        std::count_if(with_features_.begin(), with_features_.end(),
                      [this](const DecisionId& id) { return snapshots_.count(id) == 0; }));
  }

  // What was not removed stands where it was first read.
  void CheckWhatIsLeft() const {
    auto reader = DecisionLogReader::Open(log_);
    ASSERT_THAT(reader, testing::IsOk());
    Lsn last = 0;
    LogEntry entry;
    for (;;) {
      const auto more = (*reader)->Next(&entry);
      ASSERT_THAT(more, testing::IsOk());
      if (!*more) break;
      EXPECT_TRUE(last == 0 || entry.lsn == last + 1);
      last = entry.lsn;
      const auto* const decision = std::get_if<DecisionRecord>(&entry.event);
      if (decision == nullptr) continue;
      EXPECT_EQ(seen_.at(decision->id), entry.lsn);
    }
    EXPECT_EQ(last, decisions_.last_lsn());
  }

  const std::string data_;
  const std::string log_;
  const Oracle* const oracle_;
  const std::map<std::string, int64_t> limits_;
  testing::SegmentWatch decisions_;
  testing::SegmentWatch features_;
  std::map<DecisionId, Lsn> seen_;
  std::set<DecisionId> snapshots_;
  std::vector<DecisionId> with_features_;  // acknowledged and said to have a snapshot
  std::map<LimitKey, int64_t> spent_;
  size_t found_ = 0;
  size_t invented_ = 0;
  size_t changed_ = 0;
  size_t overspent_ = 0;
};

// Null: the kill comes at a random time. Else the points take turns.
const NamedPoint* ChoosePoint(const Follower& follower, base::RandomStream& random, size_t* turn) {
  if (random.NextBelow(5) >= 2) return nullptr;
  const NamedPoint& point = kKillPoints[(*turn)++ % std::size(kKillPoints)];
  // Waiting until the first segment is old enough would take a life of that length.
  const bool retiring = follower.decisions().removed() > 0 && follower.features().removed() > 0;
  return std::string_view(point.name) == kRetired && !retiring ? nullptr : &point;
}

// Now and then the newest checkpoint of the posteriors turns out damaged: then a start needs the
// log behind the one before, unless that was damaged earlier.
void MaybeDamageCheckpoint(const std::string& data, base::RandomStream& random, Lsn* damaged,
                           CrashCounts* counts) {
  if (random.NextBelow(8) != 0) return;
  const std::vector<Lsn> checkpoints = testing::Checkpoints(data);
  if (checkpoints.size() < 2 || checkpoints[checkpoints.size() - 2] <= *damaged) return;
  *damaged = checkpoints.back();
  testing::DamageCheckpoint(data, *damaged);
  ++counts->checkpoints_damaged;
}

testing::TestBundle Options() {
  testing::TestBundle options;
  options.day_budget = 40'000'000;
  options.total_budget = 1'000'000'000'000;
  options.cap = 5;
  options.log_segment_bytes = kSegmentBytes;
  options.server_fields = "idempotency_window: 1s, checkpoint_interval: 10ms";
  options.log_fields =
      absl::StrCat("decisions_retention: ", absl::FormatDuration(kDecisionsRetention),
                   ", features_retention: ", absl::FormatDuration(kFeaturesRetention));
  return options;
}

void Print(CrashCounts counts) {
  std::sort(counts.restart_ms.begin(), counts.restart_ms.end());
  const auto at = [&](double share) {
    return counts
        .restart_ms[static_cast<size_t>(share * static_cast<double>(counts.restart_ms.size() - 1))];
  };
  std::printf(
      "figure: kills = %d\nfigure: kills at random = %d\nfigure: kills at named points = %d\n",
      counts.named() + counts.at_random, counts.at_random, counts.named());
  for (const auto& [name, times] : counts.at_kill_points) {
    std::printf("figure: %s = %d\n", name.c_str(), times);
  }
  std::printf(
      "figure: checkpoints damaged = %d\nfigure: restart p50 = %.0f ms\n"
      "figure: restart p90 = %.0f ms\nfigure: restart p99 = %.0f ms\n"
      "figure: restart max = %.0f ms\n",
      counts.checkpoints_damaged, at(0.5), at(0.9), at(0.99), counts.restart_ms.back());
}

TEST(Crash, KillsUnderLoadLoseNothingAndOverspendNothing) {
  const int cycles = testing::FromEnvironment("FULCRUM_CRASH_CYCLES", 80);
  testing::TemporaryDirectory temporary;
  const std::string directory = temporary.path() + "/bundle";
  const testing::TestBundle options = Options();
  testing::WriteBundle(directory, options);
  testing::AddTestModel(directory);

  base::RandomStream random(
      static_cast<uint64_t>(testing::FromEnvironment("FULCRUM_CRASH_SEED", 1)));
  Oracle oracle;
  CrashCounts counts;
  const std::string data = directory + "/data";
  Follower follower(data, &oracle,
                    {{"paid-day", options.day_budget},
                     {"paid-total", options.total_budget},
                     {"capped-user", options.cap}});
  Lsn damaged = 0;
  size_t turn = 0;
  for (int cycle = 0; cycle < cycles && !HasFailure(); ++cycle) {
    SCOPED_TRACE(absl::StrCat("cycle ", cycle));
    const NamedPoint* const point = ChoosePoint(follower, random, &turn);
    // It is made again only if it is not there.
    if (point != nullptr && std::string_view(point->name) == kBallast) {
      std::filesystem::remove(absl::StrCat(data, "/log/", decision_log::Ballast::kName));
    }
    Live(directory, cycle, point, random, &oracle, &counts);
    follower.Read(false);
    MaybeDamageCheckpoint(data, random, &damaged, &counts);
  }
  ASSERT_FALSE(HasFailure());
  EXPECT_EQ(counts.named() + counts.at_random, cycles);
  EXPECT_GE(counts.named(), cycles / 4);
  EXPECT_EQ(counts.at_kill_points.size(), std::size(kKillPoints));
  EXPECT_GT(counts.checkpoints_damaged, 0);

  // A last start repairs the tail; a clean stop leaves a log that ends in order.
  auto daemon = testing::StartDaemon(directory, 1);
  ASSERT_THAT(daemon, testing::IsOk());
  daemon->process.Signal(SIGTERM);
  const auto code = daemon->process.Wait(absl::Seconds(30));
  ASSERT_THAT(code, testing::IsOk());
  EXPECT_EQ(*code, 0);

  follower.Read(true);
  follower.Check();
  Print(counts);
  // Both streams ended segments under the kills, and lost their oldest ones to retention.
  for (const testing::SegmentWatch* watch : {&follower.decisions(), &follower.features()}) {
    EXPECT_GT(watch->seen(), static_cast<size_t>(cycles / 10));
    EXPECT_GT(watch->removed(), static_cast<size_t>(cycles / 10));
  }
  const auto verified = decision_log::VerifyLog(base::PosixFileSystem(), data + "/log");
  ASSERT_THAT(verified, testing::IsOk());
  EXPECT_TRUE(verified->clean());
  EXPECT_GT(verified->snapshots, 0u);
}

}  // namespace
}  // namespace fulcrum
