#include "domain/user_groups.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/random.h"

namespace fulcrum::domain {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr UserRef kA{1}, kB{2}, kC{3}, kD{4};

TEST(UserGroups, AloneUntilMerged) {
  UserGroups groups;
  EXPECT_TRUE(groups.empty());
  EXPECT_THAT(groups.Of(kA), ElementsAre(kA));
  EXPECT_TRUE(groups.Merge(kA, kB, 10));
  EXPECT_THAT(groups.Of(kA), UnorderedElementsAre(kA, kB));
  EXPECT_THAT(groups.Of(kB), UnorderedElementsAre(kA, kB));
  EXPECT_THAT(groups.Of(kC), ElementsAre(kC));
  EXPECT_FALSE(groups.Merge(kA, kB, 20)) << "again";
  EXPECT_FALSE(groups.Merge(kB, kA, 20)) << "the other way round";
  EXPECT_FALSE(groups.Merge(kC, kC, 20));
}

TEST(UserGroups, GroupsJoin) {
  UserGroups groups;
  groups.Merge(kA, kB, 10);
  groups.Merge(kC, kD, 20);
  groups.Merge(kA, kC, 30);
  for (const UserRef& ref : {kA, kB, kC, kD}) {
    EXPECT_THAT(groups.Of(ref), UnorderedElementsAre(kA, kB, kC, kD));
  }
}

// A decision that was in flight when two users became one has been held for one of them.
TEST(UserGroups, AsTheyWereBefore) {
  UserGroups groups;
  groups.Merge(kA, kB, 10);
  groups.Merge(kB, kC, 20);
  EXPECT_THAT(groups.Before(10, kA), ElementsAre(kA));
  EXPECT_THAT(groups.Before(11, kA), UnorderedElementsAre(kA, kB));
  EXPECT_THAT(groups.Before(20, kC), ElementsAre(kC));
  EXPECT_THAT(groups.Before(21, kA), UnorderedElementsAre(kA, kB, kC));
  EXPECT_THAT(groups.Before(21, kD), ElementsAre(kD));
}

TEST(UserGroups, APurgeForgetsTheGroup) {
  UserGroups groups;
  groups.Merge(kA, kB, 10);
  groups.Merge(kC, kD, 10);
  EXPECT_THAT(groups.Purge(kB), UnorderedElementsAre(kA, kB));
  EXPECT_THAT(groups.Of(kA), ElementsAre(kA));
  EXPECT_THAT(groups.Of(kC), UnorderedElementsAre(kC, kD));
  EXPECT_THAT(groups.Purge(kA), ElementsAre(kA));
}

// The log says that A is B, the feature store was never told, and A is erased: B is somebody still.
TEST(UserGroups, APurgeOfOneMergedLeavesTheOther) {
  UserGroups groups;
  groups.Merge(kC, kA, 5);
  groups.Merge(kA, kB, 10);
  EXPECT_THAT(groups.Purge(kA), UnorderedElementsAre(kA, kC));
  EXPECT_THAT(groups.Of(kB), ElementsAre(kB));
  EXPECT_THAT(groups.merges(), IsEmpty());
}

TEST(UserGroups, WhatIsOldEnoughIsForgotten) {
  UserGroups groups;
  groups.Merge(kA, kB, 10);
  groups.Merge(kC, kB, 20);
  groups.ForgetBefore(11);
  EXPECT_THAT(groups.Of(kA), ElementsAre(kA));
  EXPECT_THAT(groups.Of(kC), UnorderedElementsAre(kB, kC));
}

// What a checkpoint keeps of them, in whatever order it is read.
TEST(UserGroups, MergesMakeTheSameGroupsInAnyOrder) {
  base::RandomStream random(3);
  for (int round = 0; round < 200; ++round) {
    UserGroups groups;
    for (int i = 0; i < 12; ++i) {
      groups.Merge(UserRef{static_cast<uint8_t>(random.NextBelow(10))},
                   UserRef{static_cast<uint8_t>(random.NextBelow(10))}, i);
    }
    std::vector<UserMerge> merges = groups.merges();
    for (size_t i = merges.size(); i > 1; --i) {
      std::swap(merges[i - 1], merges[random.NextBelow(static_cast<uint32_t>(i))]);
    }
    UserGroups again;
    for (const UserMerge& merge : merges) again.Merge(merge.from, merge.into, merge.merged_us);
    for (uint8_t i = 0; i < 10; ++i) {
      const UserRef ref{i};
      const auto one = groups.Of(ref);
      EXPECT_THAT(again.Of(ref), ::testing::UnorderedElementsAreArray(one.begin(), one.end()));
      EXPECT_THAT(groups.Before(100, ref),
                  ::testing::UnorderedElementsAreArray(one.begin(), one.end()));
    }
  }
}

}  // namespace
}  // namespace fulcrum::domain
