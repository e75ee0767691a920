#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <thread>

#include "absl/strings/str_cat.h"
#include "tests/decider/decider_fixture.h"

namespace fulcrum::testing {
namespace {

using RepeatedRequestsConcurrent = DeciderFixture;

// Ten threads send the same requests at once, through a log that answers late and from another
// thread: one decision each, one record each, the same answer for all, nothing paid twice.
TEST_F(RepeatedRequestsConcurrent, TenRetriesAtOnceAreOneDecision) {
  TestBundle rich;
  rich.day_budget = rich.total_budget = 1'000'000'000'000;
  Build(rich);
  requests = std::make_unique<decider::RequestIndex>(absl::Hours(1), 100'000);
  BuildDecider();
  log->hold_back = true;
  std::atomic<bool> done{false};
  std::thread writer([&] {
    while (!done) {
      log->Acknowledge();
      std::this_thread::sleep_for(std::chrono::microseconds(50));
    }
    log->Acknowledge();
  });

  constexpr int kThreads = 10;
  constexpr int kRequests = 200;
  std::vector<std::vector<decider::Reply>> replies(kThreads,
                                                   std::vector<decider::Reply>(kRequests));
  std::atomic<uint64_t> ids{0};
  std::atomic<int> answers{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kRequests; ++i) {
        domain::DecisionContext context;
        context.decision_id = DecisionId(3, ++ids);
        context.principal.name = "test";
        context.request_id = absl::StrCat("r-", i);
        context.user_id = "ann";
        context.surface = "page";
        context.candidates = {"paid-1", "paid-2", "paid-3"};
        context.now = absl::FromUnixSeconds(1574553600);
        context.received = clock.SteadyNow();
        context.latency_budget = absl::Minutes(5);
        context.alarm_at = context.received + std::chrono::minutes(5);
        decider::Reply& mine = replies[static_cast<size_t>(t)][static_cast<size_t>(i)];
        std::atomic<bool> answered{false};
        const absl::Status status =
            decider->Decide({bundle, nullptr, std::make_shared<const scoring::Posteriors>()},
                            bundle->surfaces[0], std::move(context), [&](decider::Reply reply) {
                              mine = std::move(reply);
                              ++answers;
                              answered = true;
                            });
        EXPECT_TRUE(status.ok());
        while (!answered) std::this_thread::yield();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  done = true;
  writer.join();

  EXPECT_EQ(answers, kThreads * kRequests);
  const auto events = log->events();
  EXPECT_EQ(events.size(), static_cast<size_t>(kRequests));
  std::map<std::string, DecisionRecord> by_request;
  int64_t paid = 0;
  for (const LogEvent& event : events) {
    const auto& record = std::get<DecisionRecord>(event);
    EXPECT_TRUE(by_request.emplace(record.request_id, record).second) << record.request_id;
    for (const auto& position : record.positions) {
      for (const Debit& debit : position.debits) paid += debit.amount;
    }
  }
  for (int i = 0; i < kRequests; ++i) {
    const decider::Reply expected = decider::ReplyOf(by_request[absl::StrCat("r-", i)]);
    for (const auto& of_thread : replies) {
      const decider::Reply& reply = of_thread[static_cast<size_t>(i)];
      EXPECT_EQ(reply.id, expected.id);
      EXPECT_EQ(reply.actions, expected.actions);
    }
  }
  EXPECT_GT(paid, 0);
  EXPECT_EQ(SpentSum(), paid);
  const decider::RequestIndexStats stats = requests->Stats();
  EXPECT_EQ(stats.answered + stats.waited, static_cast<uint64_t>((kThreads - 1) * kRequests));
  EXPECT_GT(stats.waited, 0u) << "none met the first one in flight: the test shows nothing";
  EXPECT_EQ(stats.conflicts, 0u);
}

}  // namespace
}  // namespace fulcrum::testing
