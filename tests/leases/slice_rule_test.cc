#include "leases/slice_rule.h"

#include <gtest/gtest.h>

#include <limits>

namespace fulcrum::leases {
namespace {

TEST(SliceRule, IsHalfOfAnEqualShareOfWhatIsLeft) {
  const Slice slice = SliceOf({.remaining = 1000, .replicas = 5, .want = 1'000'000});
  EXPECT_EQ(slice.amount, 100);
  EXPECT_FALSE(slice.scarce);
}

TEST(SliceRule, IsCappedByTheReplicasOwnRate) {
  EXPECT_EQ(SliceOf({.remaining = 1000, .replicas = 5, .want = 30, .largest = 10}).amount, 30);
  // But one decision fits at least.
  EXPECT_EQ(SliceOf({.remaining = 1000, .replicas = 5, .want = 3, .largest = 10}).amount, 10);
}

TEST(SliceRule, NearTheEndGivesExactlyWhatOneDecisionLacks) {
  const Slice slice =
      SliceOf({.remaining = 199, .replicas = 5, .want = 100, .at_least = 7, .largest = 10});
  EXPECT_TRUE(slice.scarce);
  EXPECT_EQ(slice.amount, 7);
}

TEST(SliceRule, GivesNothingThatIsOfNoUse) {
  EXPECT_EQ(SliceOf({.remaining = 6, .replicas = 1, .want = 100, .at_least = 7}).amount, 0);
  EXPECT_EQ(SliceOf({.remaining = -5, .replicas = 1, .want = 100}).amount, 0);
}

TEST(SliceRule, HugeAmountsDoNotOverflow) {
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(SliceOf({.remaining = kMax, .replicas = 2, .want = kMax, .largest = kMax / 8}).amount,
            kMax / 4);
  EXPECT_EQ(SliceOf({.remaining = kMax, .replicas = 2, .want = 1, .largest = kMax}).amount, 1);
  EXPECT_EQ(SliceOf({.remaining = kMax, .replicas = 1, .want = kMax, .largest = kMax}).amount,
            kMax);
}

TEST(SliceRule, TheOnlyReplicaLeavesNothingToOthers) {
  const Slice slice =
      SliceOf({.remaining = 100, .replicas = 1, .want = 640, .at_least = 7, .largest = 10});
  EXPECT_FALSE(slice.scarce);
  EXPECT_EQ(slice.amount, 100);
  EXPECT_EQ(SliceOf({.remaining = 10'000, .replicas = 1, .want = 640, .largest = 10}).amount, 640);
}

}  // namespace
}  // namespace fulcrum::leases
