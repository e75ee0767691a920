// One client asked from many threads at once, over a store that answers from wherever it is called.
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "base/random.h"
#include "leases/lease_client.h"
#include "leases/memory_lease_store.h"

namespace fulcrum::leases {
namespace {

constexpr int kThreads = 8;
constexpr int64_t kLimit = 20'000;

TEST(LeaseClientConcurrent, AllThatIsHeldIsSpentOrFreeAndNeverBeyondTheLimit) {
  const base::SystemClock clock;
  BookOptions book;
  book.members = {"a", "b"};
  MemoryLeaseStore store(book, &clock);
  const BudgetKey key{"row", 0};
  std::vector<std::unique_ptr<LeaseClient>> clients;
  for (const char* replica : {"a", "b"}) {
    ClientOptions options;
    options.replica = replica;
    options.incarnation = 1;
    clients.push_back(std::make_unique<LeaseClient>(std::move(options), &store, &clock,
                                                    std::vector<ProvenSpend>()));
    clients.back()->Configure(key, {kLimit, 1}, 10);
  }
  for (const auto& client : clients) {
    for (int i = 0; i < 3 && !client->registered(); ++i)
      client->Tick();  // first it hears the epoch
    ASSERT_TRUE(client->registered());
  }
  std::atomic<int64_t> spent{0};
  std::atomic<bool> over{false};
  std::thread ticking([&] {
    while (!over) {
      for (const auto& client : clients) client->Tick();
      std::this_thread::yield();
    }
  });
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      base::RandomStream random(static_cast<uint64_t>(i));
      LeaseClient* const client = clients[static_cast<size_t>(i) % 2].get();
      for (int turn = 0; turn < 800; ++turn) {
        const int64_t amount = int64_t{1} + random.NextBelow(10);
        if (client->Hold(key, amount) != HoldResult::kHeld) {
          std::this_thread::yield();
          continue;
        }
        if (random.NextBelow(4) == 0) {
          client->Cancel(key, amount);
          continue;
        }
        client->Commit(key, amount);
        spent += amount;
        if (random.NextBelow(8) != 0) continue;
        spent -= amount;
        client->Refund(key, amount);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  over = true;
  ticking.join();
  int64_t proven = 0;
  for (const auto& client : clients) {
    const LeaseClient::Standing standing = client->StandingOf(key);
    EXPECT_EQ(standing.held, 0);
    EXPECT_EQ(standing.unheld, 0);
    proven += standing.proven;
  }
  EXPECT_EQ(proven, spent.load());
  EXPECT_LE(proven, kLimit);
  EXPECT_GT(proven, kLimit / 2) << "leases were hardly ever granted";
  const auto view = store.View(key);
  ASSERT_TRUE(view.has_value());
  EXPECT_LE(view->settled + view->outstanding, kLimit);
  EXPECT_GE(view->remaining, 0);
}

}  // namespace
}  // namespace fulcrum::leases
