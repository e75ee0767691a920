// H1: kill -9 under load, again and again. Proves that what the page cache holds is enough to come
// back from the death of the process: no acknowledged decision is missing, none is invented, no
// limit is passed. It says nothing about the machine's death: the page cache survives a kill, so a
// log that never syncs would pass (power_fault_test is for that).
//
// FULCRUM_CRASH_CYCLES sets the number of cycles (100); FULCRUM_CRASH_SEED the run (1).
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <set>
#include <thread>
#include <tuple>

#include "base/file.h"
#include "base/mutex.h"
#include "base/random.h"
#include "decision_log/retention.h"
#include "decision_log/verify.h"
#include "fulcrum/decision_log_reader.h"
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
constexpr NamedPoint kKillPoints[] = {{"log.before_append", 100}, {"log.between_streams", 100},
                                      {"log.after_append", 100},  {"log.before_reply", 100},
                                      {"log.before_finish", 3},   {"log.between_segments", 3}};
// So small that segments end in most cycles.
constexpr int64_t kSegmentBytes = 32 << 10;

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
                          absl::Seconds(n % 80000);
    oracle->Sent(request.request_id);
    const auto decision = client->Decide(request, absl::Seconds(5));
    if (!decision.ok()) return;
    oracle->Acknowledged(*decision);
  }
}

struct CrashCounts {
  int at_kill_points = 0;
  int at_random = 0;
  uint64_t features_retired = 0;  // segments
  std::vector<double> restart_ms;
};

void RunCycle(const std::string& directory, int cycle, base::RandomStream& random, Oracle* oracle,
              CrashCounts* counts) {
  const bool named = random.NextBelow(5) < 2;
  std::vector<std::string> environment;
  if (named) {
    const NamedPoint& point = kKillPoints[random.NextBelow(std::size(kKillPoints))];
    environment.push_back(absl::StrCat("FULCRUM_KILL_POINT=", point.name, ":",
                                       1 + random.NextBelow(point.times_max)));
  }
  const auto start = std::chrono::steady_clock::now();
  auto daemon = testing::StartDaemon(directory, random.Next64() >> 1, environment);
  ASSERT_THAT(daemon, testing::IsOk());
  counts->restart_ms.push_back(
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());

  std::atomic<bool> stop{false};
  std::vector<std::thread> clients;
  for (int i = 0; i < kClients; ++i) {
    clients.emplace_back([&, i] { Ask(daemon->address, cycle, i, stop, oracle); });
  }
  if (named) {
    const auto ended = daemon->process.Wait(absl::Seconds(60));
    ASSERT_THAT(ended, testing::IsOk()) << "the kill point was not reached";
    EXPECT_EQ(*ended, 128 + SIGKILL);
    ++counts->at_kill_points;
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
  Follower(std::string log_directory, const Oracle* oracle, std::map<std::string, int64_t> limits)
      : log_directory_(std::move(log_directory)), oracle_(oracle), limits_(std::move(limits)) {}

  // Reads what the life that has just ended has left. `whole`: it stopped in order.
  void Read(bool whole) {
    auto reader = DecisionLogReader::Open(log_directory_, last_lsn_);
    if (absl::IsNotFound(reader.status())) return;  // it was killed before there was one
    ASSERT_THAT(reader, testing::IsOk());
    LogEntry entry;
    for (;;) {
      const auto more = (*reader)->Next(&entry);
      ASSERT_THAT(more, testing::IsOk());
      if (!*more) break;
      ASSERT_EQ(entry.lsn, ++last_lsn_) << "a hole";
      if (const auto* decision = std::get_if<DecisionRecord>(&entry.event)) Take(*decision);
    }
    for (const auto stream : {decision_log::Stream::kDecisions, decision_log::Stream::kFeatures}) {
      const auto listed =
          decision_log::ListSegments(base::PosixFileSystem(), log_directory_, stream);
      ASSERT_THAT(listed, testing::IsOk());
      segments_[stream].insert(listed->begin(), listed->end());
    }
    const bool torn = !whole && (*reader)->end() == LogEnd::kTornTail;
    EXPECT_TRUE(torn || (*reader)->end() == LogEnd::kClean) << ToString((*reader)->damage());
  }

  void Check() const {
    EXPECT_EQ(found_, oracle_->acknowledged().size()) << "acknowledged decisions are missing";
    EXPECT_EQ(invented_, 0u);
    EXPECT_EQ(changed_, 0u);
    EXPECT_EQ(overspent_, 0u);
    // Non-vacuity: limits were really reached.
    const int64_t day = limits_.at("paid-day");
    const bool budget_reached = std::any_of(spent_.begin(), spent_.end(), [&](const auto& use) {
      return std::get<0>(use.first) == "paid-day" && use.second >= day - 2999999;
    });
    EXPECT_TRUE(budget_reached);
    std::printf(
        "figure: decisions in the log = %zu\nfigure: acknowledged = %zu\n"
        "figure: missing = %zu\nfigure: invented = %zu\nfigure: changed = %zu\n"
        "figure: over a limit = %zu\nfigure: segments of decisions = %zu\n"
        "figure: segments of features = %zu\n",
        seen_.size(), oracle_->acknowledged().size(), oracle_->acknowledged().size() - found_,
        invented_, changed_, overspent_, segments(decision_log::Stream::kDecisions),
        segments(decision_log::Stream::kFeatures));
  }

  // Of the stream, over all lives.
  size_t segments(decision_log::Stream stream) const { return segments_.at(stream).size(); }

 private:
  void Take(const DecisionRecord& decision) {
    EXPECT_TRUE(seen_.insert(decision.id).second) << "twice: " << decision.id.ToString();
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
    for (size_t i = 0; i < decision.positions.size(); ++i) {
      if (decision.positions[i].action_id != known->second.actions[i]) ++changed_;
    }
  }

  const std::string log_directory_;
  const Oracle* const oracle_;
  const std::map<std::string, int64_t> limits_;
  Lsn last_lsn_ = 0;
  std::map<decision_log::Stream, std::set<Lsn>> segments_;
  std::set<DecisionId> seen_;
  std::map<LimitKey, int64_t> spent_;
  size_t found_ = 0;
  size_t invented_ = 0;
  size_t changed_ = 0;
  size_t overspent_ = 0;
};

TEST(Crash, KillsUnderLoadLoseNothingAndOverspendNothing) {
  const int cycles = testing::FromEnvironment("FULCRUM_CRASH_CYCLES", 100);
  testing::TemporaryDirectory temporary;
  const std::string directory = temporary.path() + "/bundle";
  testing::TestBundle options;
  options.day_budget = 40'000'000;
  options.total_budget = 1'000'000'000'000;
  options.cap = 5;
  options.log_segment_bytes = kSegmentBytes;
  // Older than any life is long, so that what is removed was read after an earlier one.
  options.log_fields = "decisions_retention: 4s, features_retention: 3s";
  testing::WriteBundle(directory, options);
  testing::AddTestModel(directory);

  base::RandomStream random(
      static_cast<uint64_t>(testing::FromEnvironment("FULCRUM_CRASH_SEED", 1)));
  Oracle oracle;
  CrashCounts counts;
  const std::string log = directory + "/data/log";
  Follower follower(log, &oracle,
                    {{"paid-day", options.day_budget},
                     {"paid-total", options.total_budget},
                     {"capped-user", options.cap}});
  for (int cycle = 0; cycle < cycles && !::testing::Test::HasFatalFailure(); ++cycle) {
    RunCycle(directory, cycle, random, &oracle, &counts);
    follower.Read(false);
    // Between two lives the oldest features go, as retention has them go in a longer life.
    const auto retired =
        decision_log::RetireSegments(base::PosixFileSystem(), log, decision_log::Stream::kFeatures,
                                     absl::Now() - absl::Seconds(1), ~Lsn{0});
    ASSERT_THAT(retired, testing::IsOk());
    counts.features_retired += retired->segments;
  }
  ASSERT_FALSE(::testing::Test::HasFatalFailure());
  EXPECT_EQ(counts.at_kill_points + counts.at_random, cycles);
  EXPECT_GE(counts.at_kill_points, cycles * 3 / 10);
  EXPECT_GT(counts.features_retired, 0u);

  // A last start repairs the tail; a clean stop leaves a log that ends in order.
  auto daemon = testing::StartDaemon(directory, 1);
  ASSERT_THAT(daemon, testing::IsOk());
  daemon->process.Signal(SIGTERM);
  const auto code = daemon->process.Wait(absl::Seconds(30));
  ASSERT_THAT(code, testing::IsOk());
  EXPECT_EQ(*code, 0);

  follower.Read(true);
  follower.Check();
  // Both streams ended segments under the kills.
  for (const auto stream : {decision_log::Stream::kDecisions, decision_log::Stream::kFeatures}) {
    EXPECT_GT(follower.segments(stream), static_cast<size_t>(cycles / 10));
  }
  const auto verified = decision_log::VerifyLog(base::PosixFileSystem(), log);
  ASSERT_THAT(verified, testing::IsOk());
  EXPECT_TRUE(verified->clean());
  EXPECT_GT(verified->snapshots, 0u);

  std::sort(counts.restart_ms.begin(), counts.restart_ms.end());
  const auto at = [&](double share) {
    return counts.restart_ms[static_cast<size_t>(share * static_cast<double>(cycles - 1))];
  };
  std::printf(
      "figure: kills = %d\nfigure: kills at named points = %d\n"
      "figure: kills at random = %d\nfigure: segments of features retired = %llu\n"
      "figure: restart p50 = %.0f ms\n"
      "figure: restart p90 = %.0f ms\nfigure: restart p99 = %.0f ms\n"
      "figure: restart max = %.0f ms\n",
      cycles, counts.at_kill_points, counts.at_random,
      static_cast<unsigned long long>(counts.features_retired), at(0.5), at(0.9), at(0.99),
      counts.restart_ms.back());
}

}  // namespace
}  // namespace fulcrum
