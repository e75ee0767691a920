// Retries across kill -9: what a client repeats after the service died gets the decision that it
// had got, or had not heard of any more, and the log has one record of each.
//
// FULCRUM_RETRY_CYCLES sets the number of kills (10); FULCRUM_RETRY_SEED the run (1).
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "base/file.h"
#include "base/random.h"
#include "decision_log/verify.h"
#include "tests/end_to_end/request_oracle.h"
#include "tests/end_to_end/world.h"
#include "tests/support/environment.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace fulcrum {
namespace {

using ::fulcrum::testing::RecordsByRequest;
using ::fulcrum::testing::RequestOracle;

constexpr int kClients = 3;
constexpr int kRequestsEach = 40;

// All within one window of request time.
DecisionRequest RequestOf(int cycle, int client, int n, base::RandomStream& random) {
  DecisionRequest request;
  request.request_id = absl::StrCat(cycle, "-", client, "-", n);
  request.user_id = absl::StrCat("user-", random.NextBelow(20));
  request.surface = "page";
  request.slate_size = 1 + random.NextBelow(3);
  request.occurred_at = absl::FromUnixSeconds(1574553600) + absl::Seconds(random.NextBelow(500));
  return request;
}

void Ask(const std::string& address, int cycle, int number, RequestOracle* oracle) {
  const auto client = DecisionClient::Connect(address);
  base::RandomStream random(static_cast<uint64_t>(cycle * 100 + number));
  for (int n = 0; n < kRequestsEach; ++n) {
    const DecisionRequest request = RequestOf(cycle, number, n, random);
    oracle->Asked(request);
    const auto decision = client->Decide(request, absl::Seconds(5));
    if (!decision.ok()) return;  // killed
    EXPECT_TRUE(oracle->Heard(request.request_id, *decision)) << request.request_id;
  }
}

// Starts the service, asks until a kill, at random or just before replies leave.
void RunUntilKilled(const std::string& directory, int cycle, base::RandomStream& random,
                    RequestOracle* oracle) {
  const bool before_reply = cycle % 2 == 0;
  std::vector<std::string> environment;
  if (before_reply) {
    environment.push_back(
        absl::StrCat("FULCRUM_KILL_POINT=log.before_reply:", 5 + random.NextBelow(30)));
  }
  auto daemon = testing::StartDaemon(directory, random.Next64() >> 1, environment);
  ASSERT_THAT(daemon, testing::IsOk());
  std::vector<std::thread> clients;
  for (int i = 0; i < kClients; ++i) {
    clients.emplace_back([&, i] { Ask(daemon->address, cycle, i, oracle); });
  }
  if (!before_reply) {
    std::this_thread::sleep_for(std::chrono::microseconds(random.NextBelow(60000)));
    daemon->process.Signal(SIGKILL);
  }
  const auto ended = daemon->process.Wait(absl::Seconds(60));
  for (std::thread& client : clients) client.join();
  ASSERT_THAT(ended, testing::IsOk()) << "the kill point was not reached";
  EXPECT_EQ(*ended, 128 + SIGKILL);
}

struct Counts {
  size_t repeated = 0;
  size_t unheard_but_decided = 0;  // in the log, but the reply died with the process
};

// After a restart every request so far is sent once more, and then the service is killed again.
void RepeatAll(const std::string& directory, uint64_t seed, RequestOracle* oracle, Counts* counts) {
  const std::string log = directory + "/data/log";
  const auto before = RecordsByRequest(log);
  auto daemon = testing::StartDaemon(directory, seed);
  ASSERT_THAT(daemon, testing::IsOk());
  const auto client = DecisionClient::Connect(daemon->address);
  for (const auto& [request_id, request] : oracle->asked()) {
    const bool heard = oracle->HasHeard(request_id);
    const auto decision = client->Decide(request, absl::Seconds(10));
    ASSERT_THAT(decision, testing::IsOk());
    EXPECT_TRUE(oracle->Heard(request_id, *decision)) << request_id << " was decided twice";
    ++counts->repeated;
    const auto found = before.find(request_id);
    if (found == before.end()) {
      EXPECT_FALSE(heard) << request_id << " is missing from the log";
      continue;
    }
    EXPECT_EQ(decision->id, found->second.front().id) << request_id;
    counts->unheard_but_decided += heard ? 0 : 1;
  }
  daemon->process.Signal(SIGKILL);
  ASSERT_THAT(daemon->process.Wait(absl::Seconds(60)), testing::IsOk());
}

TEST(Retries, AcrossKillsAreDecidedLoggedAndPaidOnce) {
  const int cycles = testing::FromEnvironment("FULCRUM_RETRY_CYCLES", 10);
  testing::TemporaryDirectory temporary;
  const std::string directory = temporary.path() + "/bundle";
  testing::TestBundle options;
  options.day_budget = int64_t{60'000'000} * cycles;
  options.total_budget = 1'000'000'000'000;
  options.cap = 5;
  testing::WriteBundle(directory, options);

  base::RandomStream random(
      static_cast<uint64_t>(testing::FromEnvironment("FULCRUM_RETRY_SEED", 1)));
  RequestOracle oracle;
  Counts counts;
  for (int cycle = 0; cycle < cycles && !::testing::Test::HasFatalFailure(); ++cycle) {
    RunUntilKilled(directory, cycle, random, &oracle);
    if (::testing::Test::HasFatalFailure()) break;
    RepeatAll(directory, random.Next64() >> 1, &oracle, &counts);
  }
  ASSERT_FALSE(::testing::Test::HasFatalFailure());
  EXPECT_GT(counts.unheard_but_decided, 0u) << "no reply was lost: the test shows nothing";

  // A clean stop, then the books: one record per request, and what they take was spent once.
  auto daemon = testing::StartDaemon(directory, 1);
  ASSERT_THAT(daemon, testing::IsOk());
  daemon->process.Signal(SIGTERM);
  const auto code = daemon->process.Wait(absl::Seconds(30));
  ASSERT_THAT(code, testing::IsOk());
  EXPECT_EQ(*code, 0);
  const std::string log = directory + "/data/log";
  const auto records = RecordsByRequest(log);
  EXPECT_EQ(records.size(), oracle.asked().size());
  size_t twice = 0;
  int64_t spent = 0;
  for (const auto& [request_id, of_request] : records) {
    twice += of_request.size() - 1;
    for (const PositionRecord& position : of_request.front().positions) {
      for (const Debit& debit : position.debits) {
        spent += debit.row == "paid-day" ? debit.amount : 0;
      }
    }
  }
  EXPECT_EQ(twice, 0u);
  EXPECT_GT(spent, 0);
  EXPECT_LE(spent, options.day_budget);
  const auto verified = decision_log::VerifyLog(base::PosixFileSystem(), log);
  ASSERT_THAT(verified, testing::IsOk());
  EXPECT_TRUE(verified->clean());
  std::printf(
      "figure: kills = %d\nfigure: requests = %zu\nfigure: repeats = %zu\n"
      "figure: decided but not heard before a kill = %zu\nfigure: decided twice = %zu\n",
      2 * cycles, oracle.asked().size(), counts.repeated, counts.unheard_but_decided, twice);
}

}  // namespace
}  // namespace fulcrum
