// Kill -9 again and again while exposures and outcomes arrive doubled, late and out of order: what
// the service has learned in the end is, bit for bit, the fold of its log from nothing.
//
// FULCRUM_LEARNING_CYCLES sets the number of kills (10); FULCRUM_LEARNING_SEED the run (1).
#include <signal.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <thread>
#include <tuple>

#include "base/mutex.h"
#include "base/random.h"
#include "decision_log/verify.h"
#include "tests/end_to_end/learning_world.h"
#include "tests/end_to_end/world.h"
#include "tests/support/environment.h"
#include "tests/support/temporary_directory.h"

namespace fulcrum {
namespace {

using ::fulcrum::testing::IsOk;

constexpr int kClients = 3;
constexpr absl::Duration kLong = absl::Seconds(5);
const absl::Time kStart = absl::FromUnixSeconds(1574553600);

// Decisions that were answered, of which the clients may report whatever happened to the service.
class Answered {
 public:
  struct One {
    Decision decision;
    absl::Time at;
  };
  void Add(const Decision& decision, absl::Time at) {
    base::MutexLock lock(&mutex_);
    recent_.push_back({decision, at});
    // Two minutes back: half of them have settled, none is forgotten.
    if (recent_.size() > size_t{40} * kClients) recent_.erase(recent_.begin());
  }
  One Pick(base::RandomStream& random) {
    base::MutexLock lock(&mutex_);
    return recent_[random.NextBelow(static_cast<uint32_t>(recent_.size()))];
  }

 private:
  base::Mutex mutex_;
  std::vector<One> recent_ ABSL_GUARDED_BY(mutex_);
};

// False once the server is gone.
bool Report(DecisionClient& client, base::RandomStream& random, const Answered::One& of) {
  const auto position = 1 + random.NextBelow(static_cast<uint32_t>(of.decision.actions.size()));
  const int times = 1 + static_cast<int>(random.NextBelow(2));
  for (int i = 0; i < times; ++i) {
    if (!client.ReportExposure(of.decision.id, position, of.at, kLong).ok()) return false;
  }
  DecisionClient::Outcome outcome;
  outcome.decision = of.decision.id;
  outcome.position = position;
  outcome.outcome_id = absl::StrCat("o", random.NextBelow(2));
  outcome.kind = "click";
  for (int i = 0; i < times; ++i) {
    // Some are beyond the window, some take an earlier value back.
    outcome.value = random.NextBelow(2);
    outcome.occurred_at = of.at + absl::Seconds(random.NextBelow(80));
    if (!client.ReportOutcome(outcome, kLong).ok()) return false;
    if (!client.ReportOutcome(outcome, kLong).ok()) return false;
  }
  return true;
}

// Decides and reports until the server is gone.
void Run(const std::string& address, int cycle, int number, Answered* answered) {
  const auto client = DecisionClient::Connect(address);
  base::RandomStream random(static_cast<uint64_t>(cycle * 100 + number));
  for (int n = 0;; ++n) {
    DecisionRequest request;
    request.user_id = absl::StrCat("user-", random.NextBelow(40));
    request.surface = random.NextBelow(2) == 0 ? "page" : "lined";
    request.slate_size = 1 + random.NextBelow(2);
    request.context["hour"] = static_cast<double>(n % 24);
    request.occurred_at = kStart + absl::Minutes(15) * cycle + absl::Seconds(3 * n);
    const auto decision = client->Decide(request, kLong);
    if (!decision.ok()) return;
    answered->Add(*decision, *request.occurred_at);
    if (random.NextBelow(4) != 0 &&
        !client->ReportExposure(decision->id, 1, request.occurred_at, kLong).ok()) {
      return;
    }
    if (!Report(*client, random, answered->Pick(random))) return;
  }
}

struct Kills {
  int serving = 0;
  int starting = 0;
};

void RunCycle(const std::string& directory, int cycle, base::RandomStream& random,
              Answered* answered, Kills* kills) {
  if (random.NextBelow(4) == 0) {
    // While it reads its snapshot and the log, or writes the next snapshot.
    auto process = apps::ChildProcess::Start(
        {testing::BinaryPath("fulcrumd"), "--config", directory, "--clock", "request"},
        directory + "/fulcrumd.txt");
    ASSERT_THAT(process, IsOk());
    std::this_thread::sleep_for(std::chrono::microseconds(random.NextBelow(60000)));
    process->Signal(SIGKILL);
    ASSERT_THAT(process->Wait(absl::Seconds(60)), IsOk());
    ++kills->starting;
    return;
  }
  auto daemon = testing::StartDaemon(directory, random.Next64() >> 1);
  ASSERT_THAT(daemon, IsOk());
  std::vector<std::thread> clients;
  for (int i = 0; i < kClients; ++i) {
    clients.emplace_back([&, i] { Run(daemon->address, cycle, i, answered); });
  }
  std::this_thread::sleep_for(std::chrono::microseconds(20000 + random.NextBelow(400000)));
  daemon->process.Signal(SIGKILL);
  const auto ended = daemon->process.Wait(absl::Seconds(60));
  for (std::thread& client : clients) client.join();
  ASSERT_THAT(ended, IsOk());
  EXPECT_EQ(*ended, 128 + SIGKILL);
  ++kills->serving;
}

constexpr int kCyclesMax = 30;  // if it has to go on for more than was asked for

// What the log says of how the reports came.
struct Disorder {
  int doubled = 0;       // outcomes that the log has twice, word for word
  int out_of_order = 0;  // outcomes that occurred before one that the log has earlier
};

Disorder DisorderOf(const std::string& log_directory) {
  Disorder disorder;
  const auto reader = DecisionLogReader::Open(log_directory);
  EXPECT_THAT(reader, IsOk());
  std::map<std::tuple<DecisionId, uint32_t, std::string, int64_t, double>, int> seen;
  int64_t latest_us = 0;
  LogEntry entry;
  while (reader.ok() && *(*reader)->Next(&entry)) {
    const auto* outcome = std::get_if<OutcomeRecord>(&entry.event);
    if (outcome == nullptr) continue;
    disorder.doubled += seen[{outcome->decision_id, outcome->position, outcome->outcome_id,
                              outcome->occurred_us, outcome->value}]++ > 0;
    disorder.out_of_order += outcome->occurred_us < latest_us;
    latest_us = std::max(latest_us, outcome->occurred_us);
  }
  return disorder;
}

bool HasCorrections(const std::string& directory) {
  decision_log::JoinStats stats;
  testing::OfflineFold(directory, &stats);
  return stats.corrected > 0;
}

TEST(Learning, AfterKillsThePosteriorsAreTheFoldOfTheLog) {
  int cycles = testing::FromEnvironment("FULCRUM_LEARNING_CYCLES", 10);
  testing::TemporaryDirectory temporary;
  const std::string directory = temporary.path() + "/bundle";
  testing::WriteBundle(directory, testing::LearningBundleText());
  base::RandomStream random(
      static_cast<uint64_t>(testing::FromEnvironment("FULCRUM_LEARNING_SEED", 1)));
  Answered answered;
  Kills kills;
  for (int cycle = 0; cycle < cycles && !::testing::Test::HasFatalFailure(); ++cycle) {
    RunCycle(directory, cycle, random, &answered, &kills);
    // Where little is answered before a kill it takes more of them until a reward has changed late.
    const bool more = cycle + 1 == cycles && cycles < kCyclesMax;
    if (more && !HasCorrections(directory)) ++cycles;
  }
  ASSERT_FALSE(::testing::Test::HasFatalFailure());
  EXPECT_EQ(kills.serving + kills.starting, cycles);
  EXPECT_GE(kills.serving, cycles / 2);

  auto daemon = testing::StartDaemon(directory, 1);
  ASSERT_THAT(daemon, IsOk());
  daemon->process.Signal(SIGTERM);
  const auto code = daemon->process.Wait(absl::Seconds(60));
  ASSERT_THAT(code, IsOk());
  EXPECT_EQ(*code, 0);

  decision_log::JoinStats stats;
  const std::string offline = testing::OfflineFold(directory, &stats);
  EXPECT_TRUE(offline == testing::NewestSnapshot(directory)) << "the last snapshot is another";
  const auto verified = decision_log::VerifyLog(base::PosixFileSystem(), directory + "/data/log");
  ASSERT_THAT(verified, IsOk());
  EXPECT_TRUE(verified->clean());

  const Disorder disorder = DisorderOf(directory + "/data/log");
  EXPECT_GT(disorder.doubled, 10 * cycles);
  EXPECT_GT(disorder.out_of_order, 10 * cycles);
  EXPECT_GT(stats.settled, 10u * static_cast<uint64_t>(cycles));
  EXPECT_GT(stats.corrected, 0u);
  EXPECT_GT(stats.outcomes_late, 0u);
  EXPECT_GT(stats.unshown, 0u);
  std::printf(
      "figure: kills while serving = %d\nfigure: kills while starting = %d\n"
      "figure: decisions = %llu\nfigure: settled positions = %llu\nfigure: corrections = %llu\n"
      "figure: unshown positions = %llu\nfigure: exposures late = %llu\n"
      "figure: outcomes doubled = %d\nfigure: outcomes out of order = %d\n"
      "figure: outcomes late = %llu\nfigure: bytes of the state = %zu\n",
      kills.serving, kills.starting, static_cast<unsigned long long>(stats.decisions),
      static_cast<unsigned long long>(stats.settled),
      static_cast<unsigned long long>(stats.corrected),
      static_cast<unsigned long long>(stats.unshown),
      static_cast<unsigned long long>(stats.exposures_late), disorder.doubled,
      disorder.out_of_order, static_cast<unsigned long long>(stats.outcomes_late), offline.size());
}

}  // namespace
}  // namespace fulcrum
