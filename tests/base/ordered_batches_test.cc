// Results in order, whatever the threads do; errors in their place; an early end.
#include "base/ordered_batches.h"

#include <atomic>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/random.h"
#include "gtest/gtest.h"

namespace fulcrum::base {
namespace {

using Numbers = OrderedBatches<int, int>;

// 0, 1, .. `count` - 1.
Numbers::Source UpTo(int count, int* asked) {
  return [count, asked]() -> absl::StatusOr<std::optional<int>> {
    if (*asked == count) return std::optional<int>();
    return std::optional<int>((*asked)++);
  };
}

class OrderedBatchesTest : public ::testing::TestWithParam<size_t> {};

INSTANTIATE_TEST_SUITE_P(Threads, OrderedBatchesTest, ::testing::Values(0, 1, 2, 5, 16));

TEST_P(OrderedBatchesTest, ResultsComeInTheOrderOfTheRow) {
  int asked = 0;
  Numbers numbers(GetParam(), UpTo(500, &asked), [](int number) -> absl::StatusOr<int> {
    // Uneven work, so that later batches are done before earlier ones.
    RandomStream random(static_cast<uint64_t>(number));
    for (uint32_t i = random.NextBelow(2000); i > 0; --i) static_cast<void>(random.NextUniform());
    if (number % 7 == 0) std::this_thread::yield();
    return number * number;
  });
  for (int i = 0; i < 500; ++i) {
    const auto result = numbers.Next();
    ASSERT_TRUE(result.ok());
    ASSERT_EQ(*result, std::optional<int>(i * i));
  }
  EXPECT_EQ(*numbers.Next(), std::nullopt);
  EXPECT_EQ(*numbers.Next(), std::nullopt);
}

TEST_P(OrderedBatchesTest, AnEmptyRowHasNoResults) {
  int asked = 0;
  Numbers numbers(GetParam(), UpTo(0, &asked), [](int number) -> absl::StatusOr<int> {
    ADD_FAILURE();
    return number;
  });
  EXPECT_EQ(*numbers.Next(), std::nullopt);
}

TEST_P(OrderedBatchesTest, TheSourceIsAskedForAFewBatchesAheadOnly) {
  int asked = 0;
  Numbers numbers(GetParam(), UpTo(1000, &asked),
                  [](int number) -> absl::StatusOr<int> { return number; });
  const int ahead = std::max<int>(1, static_cast<int>(GetParam() * Numbers::kAheadPerThread));
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(numbers.Next().ok());
    ASSERT_LE(asked, i + ahead);
  }
}

TEST_P(OrderedBatchesTest, AnErrorOfTheWorkComesInItsPlaceAndStays) {
  int asked = 0;
  Numbers numbers(GetParam(), UpTo(1000, &asked), [](int number) -> absl::StatusOr<int> {
    if (number >= 20) return absl::DataLossError(absl::StrCat("number ", number));
    return number;
  });
  for (int i = 0; i < 20; ++i) ASSERT_EQ(*numbers.Next(), std::optional<int>(i));
  // Later batches have failed as well, perhaps before it.
  EXPECT_EQ(numbers.Next().status(), absl::DataLossError("number 20"));
  EXPECT_EQ(numbers.Next().status(), absl::DataLossError("number 20"));
}

TEST_P(OrderedBatchesTest, AnErrorOfTheSourceComesBehindWhatItGave) {
  int asked = 0;
  const auto source = [&asked]() -> absl::StatusOr<std::optional<int>> {
    if (asked == 20) return absl::UnavailableError("the disk");
    return std::optional<int>(asked++);
  };
  Numbers numbers(GetParam(), source, [](int number) -> absl::StatusOr<int> { return number; });
  for (int i = 0; i < 20; ++i) ASSERT_EQ(*numbers.Next(), std::optional<int>(i));
  EXPECT_EQ(numbers.Next().status(), absl::UnavailableError("the disk"));
  EXPECT_EQ(numbers.Next().status(), absl::UnavailableError("the disk"));
}

TEST_P(OrderedBatchesTest, MayEndEarly) {
  for (int taken = 0; taken < 20; ++taken) {
    int asked = 0;
    std::atomic<int> done{0};
    {
      Numbers numbers(GetParam(), UpTo(1000, &asked), [&done](int number) -> absl::StatusOr<int> {
        ++done;
        return number;
      });
      for (int i = 0; i < taken; ++i) ASSERT_TRUE(numbers.Next().ok());
    }
    EXPECT_LE(done, asked);
    EXPECT_GE(done, taken);
  }
}

// Neither needs to be copied.
TEST_P(OrderedBatchesTest, BatchesAndResultsAreMoved) {
  using Owned = std::unique_ptr<int>;
  int next = 0;
  OrderedBatches<Owned, Owned> numbers(
      GetParam(),
      [&next]() -> absl::StatusOr<std::optional<Owned>> {
        if (next == 10) return std::optional<Owned>();
        return std::optional<Owned>(std::make_unique<int>(next++));
      },
      [](Owned number) -> absl::StatusOr<Owned> {
        ++*number;
        return number;
      });
  for (int i = 0; i < 10; ++i) {
    auto result = numbers.Next();
    ASSERT_TRUE(result.ok() && result->has_value());
    EXPECT_EQ(***result, i + 1);
  }
}

// Two batches that each wait for the other: with two threads both are under way at once.
TEST(OrderedBatches, WorksOnSeveralAtOnce) {
  std::atomic<int> begun{0};
  int asked = 0;
  Numbers numbers(2, UpTo(2, &asked), [&begun](int number) -> absl::StatusOr<int> {
    ++begun;
    while (begun < 2) std::this_thread::yield();
    return number;
  });
  EXPECT_EQ(*numbers.Next(), std::optional<int>(0));
  EXPECT_EQ(*numbers.Next(), std::optional<int>(1));
}

}  // namespace
}  // namespace fulcrum::base
