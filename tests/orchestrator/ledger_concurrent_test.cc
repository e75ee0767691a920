#include <atomic>
#include <thread>

#include "base/mutex.h"
#include "tests/orchestrator/ledger_fixture.h"

namespace fulcrum::orchestrator::testing {
namespace {

using config::Window;
using domain::Wait;

constexpr int kThreads = 64;

void InThreads(const std::function<void(int)>& body) {
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) threads.emplace_back(body, i);
  for (std::thread& thread : threads) thread.join();
}

// The log's one writer thread, as far as the ledger can tell.
class SerialLog {
 public:
  explicit SerialLog(Ledger* ledger) : ledger_(ledger) {}
  void Append(const LogEvent& event) {
    base::MutexLock lock(&mutex_);
    ledger_->OnLogged(++last_, event);
  }
  Lsn last() {
    base::MutexLock lock(&mutex_);
    return last_;
  }

 private:
  Ledger* const ledger_;
  base::Mutex mutex_;
  Lsn last_ ABSL_GUARDED_BY(mutex_) = 0;
};

TEST(LedgerConcurrent, ExactlyKUnitsAreGranted) {
  constexpr int64_t kUnits = 3000;
  LedgerHome home;
  home.options().lease_ahead = true;
  BundleBuilder builder;
  builder.Campaign("c").Cost("c.total", Window::kTotal, kUnits).Action("a", 1);
  const std::unique_ptr<Ledger> ledger = home.Start(builder.Build());
  SerialLog log(ledger.get());
  std::atomic<int64_t> granted = 0;
  std::atomic<int> tries = 0;
  InThreads([&](int) {
    const size_t drawn[] = {0};
    while (granted.load() < kUnits) {
      absl::StatusOr<Hold> hold = ledger->Acquire({0}, 1, std::nullopt, home.now(), Wait::kMayWait);
      ASSERT_THAT(hold, ::fulcrum::testing::IsOk());
      if (!hold->secured()[0]) {
        std::this_thread::yield();
        continue;
      }
      const int turn = tries++;
      if (turn % 5 == 0) continue;  // the alarm was faster
      DecisionRecord record = RecordOf(hold->Keep(drawn), UserRef{}, home.now());
      hold->Detach();
      if (turn % 7 == 0) {
        ledger->Return(AllDebits(record), UserRef{});  // the log refused it
        continue;
      }
      log.Append(std::move(record));
      ++granted;
    }
  });
  EXPECT_EQ(granted.load(), kUnits);
  const auto row = ledger->Status(home.now())[0];
  EXPECT_EQ(row.spent, kUnits);
  EXPECT_EQ(row.held, 0);
  EXPECT_EQ(row.leased, kUnits);
  EXPECT_EQ(ledger->unheld(), 0);
  EXPECT_FALSE(home.SpendOne(ledger.get(), 0));
}

TEST(LedgerConcurrent, CapsPerUserHoldAndCheckpointsAgree) {
  constexpr int64_t kCap = 50;
  constexpr int kUsers = 4;
  LedgerHome home;
  BundleBuilder builder;
  builder.Campaign("c")
      .Cost("c.day", Window::kDay, 1'000'000)
      .Cap("c.user", Window::kDay, kCap)
      .Action("a", 1)
      .Action("b", 2)
      .Action("c", 3);
  const auto bundle = builder.Build();
  std::array<std::atomic<int64_t>, kUsers> shown{};
  std::atomic<int64_t> cost = 0;
  Lsn last = 0;
  {
    const std::unique_ptr<Ledger> ledger = home.Start(bundle);
    SerialLog log(ledger.get());
    std::atomic<int> running = kThreads;
    std::thread checkpoints([&] {
      while (running > 0) FULCRUM_EXPECT_OK(ledger->Checkpoint());
    });
    InThreads([&](int thread) {
      const int user = thread % kUsers;
      const UserRef user_ref = User(static_cast<uint8_t>(user));
      while (shown[user].load() < kCap) {
        absl::StatusOr<Hold> hold =
            ledger->Acquire({0, 1, 2}, 2, user_ref, home.now(), Wait::kMayWait);
        ASSERT_THAT(hold, ::fulcrum::testing::IsOk());
        std::vector<size_t> drawn;
        for (size_t i = 0; i < 3 && drawn.size() < 2; ++i) {
          if (hold->secured()[i]) drawn.push_back(i);
        }
        DecisionRecord record = RecordOf(hold->Keep(drawn), user_ref, home.now());
        hold->Detach();
        for (const Debit& debit : AllDebits(record)) {
          (debit.per_user ? shown[user] : cost) += debit.amount;
        }
        log.Append(std::move(record));
      }
      --running;
    });
    checkpoints.join();
    for (int user = 0; user < kUsers; ++user) {
      EXPECT_EQ(shown[user].load(), kCap);
      const auto row = ledger->UserStatus(User(static_cast<uint8_t>(user)), home.now())[0];
      EXPECT_EQ(row.spent, kCap);
      EXPECT_EQ(row.held, 0);
    }
    EXPECT_EQ(ledger->Status(home.now())[0].spent, cost.load());
    FULCRUM_EXPECT_OK(ledger->Checkpoint());
    last = log.last();
  }
  // The last checkpoint alone says the same.
  auto reopened = home.Open(bundle);
  FULCRUM_ASSERT_OK(reopened);
  EXPECT_EQ((*reopened)->checkpoint_lsn(), last);
  FULCRUM_ASSERT_OK((*reopened)->FinishRecovery(last));
  EXPECT_EQ((*reopened)->Status(home.now())[0].spent, cost.load());
  for (int user = 0; user < kUsers; ++user) {
    EXPECT_EQ((*reopened)->UserStatus(User(static_cast<uint8_t>(user)), home.now())[0].spent, kCap);
  }
}

// More users than counters in memory: every request reads back what another one has evicted, while
// checkpoints write and records of users who are on the disk come in.
TEST(LedgerConcurrent, EvictedCountersStayExact) {
  constexpr int kUsers = 48;
  constexpr int64_t kCap = 12;
  LedgerHome home;
  home.options().user_counters_max = 4;
  BundleBuilder builder;
  builder.Campaign("c").Cap("c.total", Window::kTotal, kCap).Action("a", 0);
  const auto bundle = builder.Build();
  std::array<std::atomic<int64_t>, kUsers> shown{};
  const auto ref = [](int user) { return User(static_cast<uint8_t>(user)); };
  Lsn last = 0;
  {
    const std::unique_ptr<Ledger> ledger = home.Start(bundle);
    SerialLog log(ledger.get());
    std::atomic<int> running = kThreads;
    std::thread checkpoints([&] {
      while (running > 0) FULCRUM_EXPECT_OK(ledger->Checkpoint());
    });
    InThreads([&](int thread) {
      const size_t drawn[] = {0};
      for (int round = 0; round < 60; ++round) {
        const int user = (thread * 7 + round) % kUsers;
        // However seldom the other thread's turn comes.
        if (round % 20 == 10) {
          FULCRUM_EXPECT_OK(ledger->Checkpoint());
        }
        absl::StatusOr<Hold> hold = ledger->Acquire({0}, 1, ref(user), home.now(), Wait::kNoWait);
        if (!hold.ok()) hold = ledger->Acquire({0}, 1, ref(user), home.now(), Wait::kMayWait);
        ASSERT_THAT(hold, ::fulcrum::testing::IsOk());
        if (!hold->secured()[0]) continue;
        DecisionRecord record = RecordOf(hold->Keep(drawn), ref(user), home.now());
        hold->Detach();
        EXPECT_LE(++shown[user], kCap);
        const std::vector<Debit> debits = AllDebits(record);
        log.Append(std::move(record));
        if (round % 5 != 0) continue;
        // Later than the counter's stay in memory, more often than not.
        for (int other = 1; other < 4; ++other) {
          const int reader = (user + other) % kUsers;
          FULCRUM_EXPECT_OK(ledger->Acquire({0}, 1, ref(reader), home.now(), Wait::kMayWait));
        }
        --shown[user];
        log.Append(SupersededRecord{.refunds = debits, .user_ref = ref(user)});
      }
      --running;
    });
    checkpoints.join();
    EXPECT_GT(ledger->user_counters().evicted, 0u);
    EXPECT_GT(ledger->user_counters().read_back, 0u);
    for (int user = 0; user < kUsers; ++user) {
      const auto row = ledger->UserStatus(ref(user), home.now())[0];
      EXPECT_EQ(row.spent, shown[user].load()) << user;
      EXPECT_EQ(row.held, 0);
    }
    EXPECT_EQ(ledger->unheld(), 0);
    FULCRUM_EXPECT_OK(ledger->Checkpoint());
    EXPECT_LE(ledger->user_counters().in_memory, 4u);
    last = log.last();
  }
  auto reopened = home.Open(bundle);
  FULCRUM_ASSERT_OK(reopened);
  FULCRUM_ASSERT_OK((*reopened)->FinishRecovery(last));
  EXPECT_LE((*reopened)->user_counters().in_memory, 4u);
  for (int user = 0; user < kUsers; ++user) {
    EXPECT_EQ((*reopened)->UserStatus(ref(user), home.now())[0].spent, shown[user].load()) << user;
  }
}

}  // namespace
}  // namespace fulcrum::orchestrator::testing
