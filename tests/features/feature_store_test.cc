#include "features/feature_store.h"

#include "tests/features/feature_store_fixture.h"
#include "tests/support/status_matchers.h"

namespace fulcrum::features {
namespace {

using domain::RowState;
using domain::Wait;
using ::fulcrum::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class FeatureStoreTest : public FeatureStoreFixture {};

TEST_F(FeatureStoreTest, ReadsWhatWasWritten) {
  auto store = OpenOrDie();
  WriteUser(store.get(), "u1", kNow, {{"age", 41.0}, {"city", "Bern"}});
  auto user = store->ReadUser("u1", kNow, Wait::kMayWait);
  FULCRUM_ASSERT_OK(user);
  ASSERT_EQ(user->row.state, RowState::kFresh);
  EXPECT_EQ(std::get<double>(user->row.row->values.find("age")->second), 41.0);
  EXPECT_EQ(std::get<std::string>(user->row.row->values.find("city")->second), "Bern");
  EXPECT_EQ(user->row.row->event_time_us, absl::ToUnixMicros(kNow));
  EXPECT_TRUE(user->user_ref.has_value()) << "the salt is born with the first row";
}

TEST_F(FeatureStoreTest, AnUnknownUserIsMissingAndHasNoReference) {
  auto store = OpenOrDie();
  for (const char* id : {"nobody", ""}) {
    auto user = store->ReadUser(id, kNow, Wait::kNoWait);
    FULCRUM_ASSERT_OK(user);
    EXPECT_EQ(user->row.state, RowState::kMissing);
    EXPECT_EQ(user->row.row, nullptr);
    EXPECT_FALSE(user->user_ref.has_value());
  }
}

TEST_F(FeatureStoreTest, ARowIsFreshUpToItsBoundAndStaleBeyond) {
  auto store = OpenOrDie();
  WriteUser(store.get(), "u1", kNow, {{"age", 41.0}});
  const auto state = [&](absl::Time now) {
    return store->ReadUser("u1", now, Wait::kMayWait)->row.state;
  };
  EXPECT_EQ(state(kNow + kUserMaxAge), RowState::kFresh);
  EXPECT_EQ(state(kNow - absl::Hours(1)), RowState::kFresh) << "event times may run ahead";
  auto stale = store->ReadUser("u1", kNow + kUserMaxAge + absl::Microseconds(1), Wait::kMayWait);
  FULCRUM_ASSERT_OK(stale);
  EXPECT_EQ(stale->row.state, RowState::kStale);
  EXPECT_EQ(stale->row.row, nullptr);
  EXPECT_TRUE(stale->user_ref.has_value()) << "a stale row is still a stored one";
}

TEST_F(FeatureStoreTest, AViewWithoutABoundNeverGoesStale) {
  auto store = OpenOrDie();
  WriteItem(store.get(), "i1", absl::FromUnixSeconds(0), {{"price", 9.5}});
  auto rows = store->ReadItems({"i1"}, kNow + absl::Hours(24 * 365 * 50), Wait::kMayWait);
  FULCRUM_ASSERT_OK(rows);
  EXPECT_EQ(rows->at(0).state, RowState::kFresh);
}

TEST_F(FeatureStoreTest, ItemsComeInTheOrderAsked) {
  auto store = OpenOrDie();
  WriteItem(store.get(), "i1", kNow, {{"price", 1.0}});
  WriteItem(store.get(), "i2", kNow, {{"price", 2.0}});
  auto rows = store->ReadItems({"i2", "none", "i1", "i2"}, kNow, Wait::kMayWait);
  FULCRUM_ASSERT_OK(rows);
  ASSERT_EQ(rows->size(), 4u);
  const auto price = [&](size_t i) {
    return std::get<double>(rows->at(i).row->values.find("price")->second);
  };
  EXPECT_EQ(price(0), 2.0);
  EXPECT_EQ(rows->at(1).state, RowState::kMissing);
  EXPECT_EQ(price(2), 1.0);
  EXPECT_EQ(price(3), 2.0);
}

TEST_F(FeatureStoreTest, UsersAndItemsOfTheSameIdAreApart) {
  auto store = OpenOrDie();
  WriteItem(store.get(), "x", kNow, {{"price", 1.0}});
  auto user = store->ReadUser("x", kNow, Wait::kMayWait);
  FULCRUM_ASSERT_OK(user);
  EXPECT_EQ(user->row.state, RowState::kMissing);
  EXPECT_FALSE(user->user_ref.has_value()) << "items have no salt";
}

TEST_F(FeatureStoreTest, NoWaitOnAColdStoreIsUnavailableAndChangesNothing) {
  {
    auto store = OpenOrDie();
    WriteUser(store.get(), "u1", kNow, {{"age", 41.0}});
    WriteItem(store.get(), "i1", kNow, {{"price", 1.0}});
    FULCRUM_ASSERT_OK(store->FinishWriting());
  }
  auto store = OpenOrDie();  // opened anew: no block is in memory
  for (int i = 0; i < 3; ++i) {
    EXPECT_THAT(store->ReadUser("u1", kNow, Wait::kNoWait),
                StatusIs(absl::StatusCode::kUnavailable, HasSubstr("not in memory")));
    EXPECT_THAT(store->ReadItems({"i1"}, kNow, Wait::kNoWait),
                StatusIs(absl::StatusCode::kUnavailable, HasSubstr("not in memory")));
  }
  FULCRUM_ASSERT_OK(store->ReadItems({"i1"}, kNow, Wait::kMayWait));
  auto user = store->ReadUser("u1", kNow, Wait::kMayWait);
  FULCRUM_ASSERT_OK(user);
  EXPECT_EQ(user->row.state, RowState::kFresh);
  // Now it is warm.
  FULCRUM_EXPECT_OK(store->ReadItems({"i1"}, kNow, Wait::kNoWait));
  auto warm = store->ReadUser("u1", kNow, Wait::kNoWait);
  FULCRUM_ASSERT_OK(warm);
  EXPECT_EQ(warm->user_ref, user->user_ref);
}

TEST_F(FeatureStoreTest, ReferencesAreStableAcrossReopeningAndDifferBetweenUsers) {
  auto store = OpenOrDie();
  auto first = store->EnsureUserRef("u1", kNow);
  auto second = store->EnsureUserRef("u2", kNow);
  FULCRUM_ASSERT_OK(first);
  FULCRUM_ASSERT_OK(second);
  EXPECT_NE(*first, *second);
  EXPECT_EQ(*store->EnsureUserRef("u1", kNow), *first);
  WriteUser(store.get(), "u1", kNow, {{"age", 41.0}});
  store.reset();
  store = OpenOrDie();
  EXPECT_EQ(*store->EnsureUserRef("u1", kNow + absl::Hours(1)), *first);
  auto user = store->ReadUser("u2", kNow, Wait::kMayWait);
  FULCRUM_ASSERT_OK(user);
  EXPECT_EQ(user->user_ref, *second);
  EXPECT_EQ(user->row.state, RowState::kMissing) << "a salt alone is no row of features";
}

// The reference must not be computable from the id: another salt gives another one.
TEST_F(FeatureStoreTest, ReferencesDependOnTheSalt) {
  auto first = OpenOrDie()->EnsureUserRef("u1", kNow);
  seed_ = 2;
  path_ += "-other";
  auto second = OpenOrDie()->EnsureUserRef("u1", kNow);
  FULCRUM_ASSERT_OK(first);
  FULCRUM_ASSERT_OK(second);
  EXPECT_NE(*first, *second);
}

TEST_F(FeatureStoreTest, WithoutRandomnessThereIsNoReference) {
  FeatureStoreOptions options = Options();
  bool broken = true;
  options.random = [&](absl::Span<uint8_t> bytes) {
    return broken ? absl::UnavailableError("no entropy") : SystemRandomBytes(bytes);
  };
  auto store = FeatureStore::Open(options);
  FULCRUM_ASSERT_OK(store);
  EXPECT_THAT((*store)->EnsureUserRef("u1", kNow),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("entropy")));
  EXPECT_FALSE((*store)->ReadUser("u1", kNow, Wait::kMayWait)->user_ref.has_value());
  broken = false;
  FULCRUM_EXPECT_OK((*store)->EnsureUserRef("u1", kNow));
}

TEST_F(FeatureStoreTest, BadIdsAreRefused) {
  auto store = OpenOrDie();
  for (const std::string& id : {std::string(), std::string(kEntityIdBytesMax + 1, 'x')}) {
    EXPECT_THAT(store->EnsureUserRef(id, kNow),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("1 to 256 bytes")));
    EntityRow row;
    row.entity_id = id;
    EXPECT_THAT(store->Write(user_view(), {row}, kNow).status(),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("1 to 256 bytes")));
  }
}

TEST_F(FeatureStoreTest, ALaterEventTimeIsNeverReplacedByAnEarlierOne) {
  auto store = OpenOrDie();
  const std::vector<EntityRow> rows = {UserRow("u1", kNow, {{"age", 3.0}}),
                                       UserRow("u1", kNow - absl::Hours(1), {{"age", 2.0}}),
                                       UserRow("u1", kNow, {{"age", 4.0}})};
  auto counts = store->Write(user_view(), rows, kNow);
  FULCRUM_ASSERT_OK(counts);
  EXPECT_EQ(counts->stored, 2u);
  EXPECT_EQ(counts->older, 1u);
  EXPECT_EQ(Age(store.get(), "u1"), 4.0) << "of equal times the last one stays";
  counts = store->Write(user_view(), {rows[1]}, kNow);
  FULCRUM_ASSERT_OK(counts);
  EXPECT_EQ(counts->stored, 0u);
  EXPECT_EQ(counts->older, 1u);
  EXPECT_EQ(Age(store.get(), "u1"), 4.0);
}

TEST_F(FeatureStoreTest, OneBadRowStoresNoneOfTheCall) {
  auto store = OpenOrDie();
  const std::vector<EntityRow> rows = {UserRow("u1", kNow, {{"age", 3.0}}),
                                       UserRow("u2", kNow, {{"", 2.0}})};
  EXPECT_THAT(store->Write(user_view(), rows, kNow).status(),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("name")));
  EXPECT_EQ(store->ReadUser("u1", kNow, Wait::kMayWait)->row.state, RowState::kMissing);
}

TEST_F(FeatureStoreTest, ARowThatCannotBeDecodedIsAnErrorWithoutTheId) {
  {
    auto store = OpenOrDie();
    WriteUser(store.get(), "secret-id", kNow, {{"age", 3.0}});
  }
  OverwriteRow(RowKey(domain::EntityKind::kUser, "secret-id", "profile"), "\x7f from the future");
  auto store = OpenOrDie();
  EXPECT_THAT(store->ReadUser("secret-id", kNow, Wait::kMayWait),
              StatusIs(absl::StatusCode::kDataLoss,
                       AllOf(HasSubstr(path_), HasSubstr("'profile'"), HasSubstr("newer version"),
                             Not(HasSubstr("secret-id")))));
  EXPECT_THAT(store->Write(user_view(), {UserRow("secret-id", kNow, {})}, kNow).status(),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("newer version")));
}

}  // namespace
}  // namespace fulcrum::features
