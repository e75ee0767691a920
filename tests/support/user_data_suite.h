// What every domain::UserData has to do, whatever stands behind it. It joins by a harness:
//
//   domain::UserData* users();
//   std::optional<UserRef> RefOf(std::string_view user_id);   as a request reads it
//   void Reopen();                                            as after a crash, if it outlives one
//
// and INSTANTIATE_TYPED_TEST_SUITE_P(Name, UserDataSuite, Harness).
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "domain/seams.h"
#include "tests/support/status_matchers.h"

namespace fulcrum::testing {

template <typename Harness>
class UserDataSuite : public ::testing::Test {
 protected:
  UserRef Ensure(std::string_view user_id) {
    const auto ref = users()->EnsureUserRef(user_id, kNow);
    EXPECT_THAT(ref, IsOk());
    return ref.value_or(UserRef{});
  }
  void Merge(std::string_view from, std::string_view into) {
    EXPECT_THAT(users()->Merge(from, into, kNow), IsOk());
  }
  void Purge(std::string_view user_id) { EXPECT_THAT(users()->Purge(user_id), IsOk()); }
  std::vector<UserRef> Purged() {
    const auto refs = users()->PurgedRefs();
    EXPECT_THAT(refs, IsOk());
    return refs.value_or(std::vector<UserRef>());
  }
  std::optional<UserRef> RefOf(std::string_view user_id) { return harness_.RefOf(user_id); }
  domain::UserData* users() { return harness_.users(); }
  void Reopen() { harness_.Reopen(); }

  const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);
  Harness harness_;
};

TYPED_TEST_SUITE_P(UserDataSuite);

TYPED_TEST_P(UserDataSuite, AReferenceStaysAndIsOnesOwn) {
  EXPECT_EQ(this->RefOf("a"), std::nullopt);
  const UserRef a = this->Ensure("a");
  EXPECT_NE(a, this->Ensure("b"));
  this->Reopen();
  EXPECT_EQ(this->Ensure("a"), a);
  EXPECT_EQ(this->RefOf("a"), a);
}

TYPED_TEST_P(UserDataSuite, AMergeGivesTheReferenceOfTheOther) {
  const UserRef a = this->Ensure("a");
  const UserRef b = this->Ensure("b");
  EXPECT_EQ(this->RefOf("a"), a);  // maybe remembered; must not be afterwards
  this->Merge("a", "b");
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(this->RefOf("a"), b);
    EXPECT_EQ(this->RefOf("b"), b);
    EXPECT_EQ(this->Ensure("a"), b);
    this->Reopen();
  }
  EXPECT_THAT(this->Purged(), ::testing::IsEmpty());
}

TYPED_TEST_P(UserDataSuite, ThoseMergedBeforeComeAlong) {
  this->Ensure("a");
  this->Ensure("b");
  const UserRef c = this->Ensure("c");
  this->Merge("a", "b");
  this->Merge("b", "c");
  for (const char* id : {"a", "b", "c"}) EXPECT_EQ(this->RefOf(id), c) << id;
  // By whatever name: they are one already.
  this->Merge("c", "a");
  this->Merge("a", "a");
  for (const char* id : {"a", "b", "c"}) EXPECT_EQ(this->RefOf(id), c) << id;
}

TYPED_TEST_P(UserDataSuite, StrangersCanBeMerged) {
  this->Merge("a", "b");
  const std::optional<UserRef> b = this->RefOf("b");
  ASSERT_TRUE(b.has_value());
  EXPECT_EQ(this->RefOf("a"), b);
  EXPECT_EQ(this->Ensure("a"), *b);
}

TYPED_TEST_P(UserDataSuite, APurgeLeavesNothingButTheReferenceToTell) {
  const UserRef a = this->Ensure("a");
  const UserRef other = this->Ensure("other");
  EXPECT_EQ(this->RefOf("a"), a);
  this->Purge("a");
  EXPECT_EQ(this->RefOf("a"), std::nullopt);
  EXPECT_EQ(this->RefOf("other"), other);
  EXPECT_THAT(this->Purged(), ::testing::ElementsAre(a));
  this->Purge("a");  // again, and nothing more to tell
  EXPECT_THAT(this->Purged(), ::testing::ElementsAre(a));
  this->Reopen();
  EXPECT_EQ(this->RefOf("a"), std::nullopt);
  EXPECT_THAT(this->Purged(), ::testing::ElementsAre(a));
  EXPECT_NE(this->Ensure("a"), a) << "a later contact is a new user";
  EXPECT_THAT(this->users()->ForgetPurged(a), IsOk());
  EXPECT_THAT(this->Purged(), ::testing::IsEmpty());
  this->Reopen();
  EXPECT_THAT(this->Purged(), ::testing::IsEmpty());
}

TYPED_TEST_P(UserDataSuite, APurgeErasesAllWhoWereMerged) {
  this->Ensure("a");
  const UserRef b = this->Ensure("b");
  this->Merge("a", "b");
  this->Merge("stranger", "a");
  this->Purge("a");  // by any of its names
  for (const char* id : {"a", "b", "stranger"}) EXPECT_EQ(this->RefOf(id), std::nullopt) << id;
  EXPECT_THAT(this->Purged(), ::testing::ElementsAre(b));
  EXPECT_NE(this->Ensure("a"), this->Ensure("b")) << "they are two again";
}

TYPED_TEST_P(UserDataSuite, NobodyHasNoName) {
  EXPECT_THAT(this->users()->EnsureUserRef("", this->kNow),
              StatusIs(absl::StatusCode::kInvalidArgument, ::testing::_));
  for (const auto& [from, into] : {std::pair("", "a"), std::pair("a", "")}) {
    EXPECT_THAT(this->users()->Merge(from, into, this->kNow),
                StatusIs(absl::StatusCode::kInvalidArgument, ::testing::_));
  }
  EXPECT_THAT(this->users()->Purge(""), StatusIs(absl::StatusCode::kInvalidArgument, ::testing::_));
}

// Against a model: which ids are one user, and that its reference only changes by a purge.
TYPED_TEST_P(UserDataSuite, AgreesWithAModel) {
  base::RandomStream random(11);
  constexpr uint32_t kIds = 12;
  std::vector<uint32_t> root(kIds);
  for (uint32_t i = 0; i < kIds; ++i) root[i] = i;
  std::vector<std::optional<UserRef>> ref(kIds);  // by root
  size_t purged = 0;
  const auto name = [](uint32_t id) { return std::string(1, static_cast<char>('a' + id)); };
  for (int step = 0; step < 300; ++step) {
    const uint32_t id = random.NextBelow(kIds);
    const uint32_t other = random.NextBelow(kIds);
    switch (random.NextBelow(step % 50 == 0 ? 5 : 4)) {
      case 0: {
        const UserRef found = this->Ensure(name(id));
        std::optional<UserRef>& known = ref[root[id]];
        if (known.has_value()) {
          EXPECT_EQ(found, *known);
        }
        known = found;
        break;
      }
      case 1: {
        this->Merge(name(id), name(other));
        const uint32_t from = root[id];
        if (from == root[other]) break;
        if (!ref[root[other]].has_value()) ref[root[other]] = this->RefOf(name(other));
        ref[from] = std::nullopt;
        for (uint32_t& one : root) one = one == from ? root[other] : one;
        break;
      }
      case 2: {
        if (random.NextBelow(3) != 0) break;
        this->Purge(name(id));
        const uint32_t gone = root[id];
        purged += ref[gone].has_value() ? 1 : 0;
        ref[gone] = std::nullopt;
        for (uint32_t i = 0; i < kIds; ++i) root[i] = root[i] == gone ? i : root[i];
        break;
      }
      case 3:
        break;
      default:
        this->Reopen();
    }
    for (uint32_t i = 0; i < kIds; ++i) ASSERT_EQ(this->RefOf(name(i)), ref[root[i]]) << name(i);
    ASSERT_EQ(this->Purged().size(), purged);
  }
  EXPECT_GT(purged, 5u);
}

REGISTER_TYPED_TEST_SUITE_P(UserDataSuite, AReferenceStaysAndIsOnesOwn,
                            AMergeGivesTheReferenceOfTheOther, ThoseMergedBeforeComeAlong,
                            StrangersCanBeMerged, APurgeLeavesNothingButTheReferenceToTell,
                            APurgeErasesAllWhoWereMerged, NobodyHasNoName, AgreesWithAModel);

}  // namespace fulcrum::testing
