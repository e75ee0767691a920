#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "tests/decider/decider_fixture.h"

namespace fulcrum::testing {
namespace {

using DeciderConcurrentTest = DeciderFixture;

// Alarms so short that they meet the pipeline at every point: each call is answered exactly once,
// and in the end nothing is held and what is spent is what the log says was served.
TEST_F(DeciderConcurrentTest, EveryCallIsAnsweredOnceHoweverTheRaceEnds) {
  TestBundle rich;
  rich.day_budget = rich.total_budget = 1'000'000'000'000;
  Build(rich);
  features.on_disk = true;
  constexpr int kThreads = 4;
  constexpr int kCallsEach = 500;
  std::atomic<int> answers{0};
  std::atomic<int> alarmed{0};
  std::atomic<uint64_t> ids{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kCallsEach; ++i) {
        domain::DecisionContext context;
        context.decision_id = DecisionId(2, ++ids);
        context.user_id = "ann";
        context.surface = "page";
        context.candidates = {"paid-1", "paid-2"};
        context.now = absl::FromUnixSeconds(1574553600);
        context.received = clock.SteadyNow();
        context.latency_budget = absl::Microseconds(20 + (i * 7 + t) % 400);
        context.alarm_at = context.received + absl::ToChronoNanoseconds(context.latency_budget);
        std::atomic<int> mine{0};
        const absl::Status status = decider->Decide(
            {bundle, nullptr, std::make_shared<const scoring::Posteriors>()}, bundle->surfaces[0],
            std::move(context), [&](const decider::Reply& reply) {
              alarmed += reply.degradation == Degradation::kDeadline ? 1 : 0;
              ++answers;
              ++mine;
            });
        EXPECT_TRUE(status.ok());
        while (mine == 0) std::this_thread::yield();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  decider.reset();
  EXPECT_EQ(answers, kThreads * kCallsEach);
  EXPECT_GT(alarmed, 0);
  EXPECT_EQ(HeldSum(), 0);
  int64_t logged = 0;
  for (const LogEvent& event : log->events()) {
    if (const auto* decision = std::get_if<DecisionRecord>(&event)) {
      for (const auto& position : decision->positions) {
        for (const Debit& debit : position.debits) logged += debit.amount;
      }
    } else {
      for (const Debit& debit : std::get<SupersededRecord>(event).refunds) logged -= debit.amount;
    }
  }
  EXPECT_EQ(SpentSum(), logged);
}

}  // namespace
}  // namespace fulcrum::testing
