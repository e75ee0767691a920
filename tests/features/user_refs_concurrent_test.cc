// Concurrent first contacts, beside readers and a writer of rows.
#include <thread>

#include "tests/features/feature_store_fixture.h"

namespace fulcrum::features {
namespace {

class UserRefsConcurrentTest : public FeatureStoreFixture {};

constexpr int kThreads = 4;
constexpr int kUsers = 200;

std::string UserId(int user) {
  return "user-" + std::to_string(user);
}

TEST_F(UserRefsConcurrentTest, FirstContactsOfOneUserGetOneReference) {
  auto store = OpenOrDie();
  std::vector<std::vector<UserRef>> refs(kThreads);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int user = 0; user < kUsers; ++user) {
        auto ref = store->EnsureUserRef(UserId(user), kNow);
        refs[static_cast<size_t>(t)].push_back(ref.ok() ? *ref : UserRef{});
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const base::StringSet distinct = [&] {
    base::StringSet set;
    for (const UserRef& ref : refs[0]) set.emplace(ref.begin(), ref.end());
    return set;
  }();
  EXPECT_EQ(distinct.size(), static_cast<size_t>(kUsers));
  for (const std::vector<UserRef>& of_thread : refs) EXPECT_EQ(of_thread, refs[0]);
  store.reset();
  store = OpenOrDie();
  for (int user = 0; user < kUsers; ++user) {
    EXPECT_EQ(*store->EnsureUserRef(UserId(user), kNow), refs[0][static_cast<size_t>(user)]);
  }
}

TEST_F(UserRefsConcurrentTest, AReaderNeverSeesAReferenceChange) {
  auto store = OpenOrDie();
  std::atomic<bool> stop{false};
  std::atomic<int> changed{0};
  std::thread reader([&] {
    std::vector<std::optional<UserRef>> seen(kUsers);
    while (!stop) {
      for (int user = 0; user < kUsers; ++user) {
        auto read = store->ReadUser(UserId(user), kNow, domain::Wait::kNoWait);
        if (!read.ok() || !read->user_ref.has_value()) continue;
        std::optional<UserRef>& before = seen[static_cast<size_t>(user)];
        if (before.has_value() && before != read->user_ref) ++changed;
        before = read->user_ref;
      }
    }
  });
  std::thread writer([&] {
    for (int user = kUsers - 1; user >= 0; --user) {
      WriteUser(store.get(), UserId(user), kNow, {{"age", 1.0 * user}});
    }
  });
  for (int user = 0; user < kUsers; ++user) {
    EXPECT_THAT(store->EnsureUserRef(UserId(user), kNow), testing::IsOk());
  }
  writer.join();
  stop = true;
  reader.join();
  EXPECT_EQ(changed, 0);
  EXPECT_EQ(Age(store.get(), UserId(kUsers - 1)), kUsers - 1);
}

// What a reader has read before a change must not come back through the cache after it.
TEST_F(UserRefsConcurrentTest, NobodySeesWhatWasBeforeAChange) {
  const auto store = OpenOrDie();
  const auto ref_of = [&](const std::string& id) {
    const auto read = store->ReadUser(id, kNow, domain::Wait::kMayWait);
    EXPECT_THAT(read, testing::IsOk());
    return read.ok() ? read->user_ref : std::nullopt;
  };
  constexpr int kRounds = 40;
  std::atomic<int> round{0};
  std::vector<std::thread> readers;
  for (int t = 0; t < kThreads; ++t) {
    readers.emplace_back([&] {
      while (round < kRounds) {
        ref_of("from");
        ref_of("into");
        FULCRUM_EXPECT_OK(store->EnsureUserRef("beside", kNow));
      }
    });
  }
  for (; round < kRounds; ++round) {
    FULCRUM_EXPECT_OK(store->EnsureUserRef("from", kNow));
    const auto into = store->EnsureUserRef("into", kNow);
    FULCRUM_EXPECT_OK(store->Merge("from", "into", kNow));
    EXPECT_EQ(ref_of("from"), *into);
    EXPECT_EQ(ref_of("into"), *into);
    FULCRUM_EXPECT_OK(store->Purge("from"));
    EXPECT_EQ(ref_of("from"), std::nullopt);
    EXPECT_EQ(ref_of("into"), std::nullopt);
  }
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(store->PurgedRefs()->size(), static_cast<size_t>(kRounds));
}

}  // namespace
}  // namespace fulcrum::features
