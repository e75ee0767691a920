#include "features/csv_loader.h"

#include <fstream>

#include "tests/features/feature_store_fixture.h"

namespace fulcrum::features {
namespace {

using ::fulcrum::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;

class CsvLoaderTest : public FeatureStoreFixture {
 protected:
  CsvLoadReport Load(FeatureStore* store, const std::string& text,
                     const CsvLoadOptions& given = {}) const {
    CsvLoadOptions options = given;
    options.path = directory_.path() + "/rows.csv";
    options.now = kNow;
    std::ofstream(options.path, std::ios::binary) << text;
    return LoadCsv(base::PosixFileSystem(), user_view(), options, store);
  }
};

TEST_F(CsvLoaderTest, StoresRowsWithTypesAndMissingValues) {
  auto store = OpenOrDie();
  const CsvLoadReport report = Load(store.get(),
                                    "age,id,city,event_time\n"
                                    "41,u1,\"Bern, CH\",2019-11-24T00:00:00Z\n"
                                    ",u2,,2019-11-24T00:00:00.5+01:00\n");
  FULCRUM_ASSERT_OK(report.status);
  EXPECT_EQ(report.stored, 2u);
  EXPECT_EQ(report.older, 0u);
  EXPECT_TRUE(report.has_event_time);
  auto first = store->ReadUser("u1", kNow, domain::Wait::kMayWait);
  FULCRUM_ASSERT_OK(first);
  ASSERT_EQ(first->row.state, domain::RowState::kFresh);
  EXPECT_EQ(std::get<double>(first->row.row->values.find("age")->second), 41);
  EXPECT_EQ(std::get<std::string>(first->row.row->values.find("city")->second), "Bern, CH");
  EXPECT_EQ(first->row.row->event_time_us, 1574553600000000);
  auto second = store->ReadUser("u2", kNow, domain::Wait::kMayWait);
  FULCRUM_ASSERT_OK(second);
  ASSERT_EQ(second->row.state, domain::RowState::kFresh);
  EXPECT_TRUE(second->row.row->values.empty());
  EXPECT_EQ(second->row.row->event_time_us, 1574550000500000);
  EXPECT_TRUE(second->user_ref.has_value());
}

TEST_F(CsvLoaderTest, TheSameFileAgainChangesNothing) {
  const std::string text =
      "id,age,event_time\nu1,1,2019-11-24T00:00:00Z\n"
      "u2,2,2019-11-24T00:00:00Z\nu1,3,2019-11-24T00:00:00Z\n";
  auto store = OpenOrDie();
  EXPECT_EQ(Load(store.get(), text).stored, 3u);
  const auto ref = store->ReadUser("u1", kNow, domain::Wait::kMayWait)->user_ref;
  EXPECT_EQ(Age(store.get(), "u1"), 3);
  EXPECT_EQ(Load(store.get(), text).stored, 3u);
  EXPECT_EQ(Age(store.get(), "u1"), 3);
  EXPECT_EQ(Age(store.get(), "u2"), 2);
  EXPECT_EQ(store->ReadUser("u1", kNow, domain::Wait::kMayWait)->user_ref, ref);
}

TEST_F(CsvLoaderTest, OlderRowsAreLeftOutAndCounted) {
  auto store = OpenOrDie();
  WriteUser(store.get(), "u1", kNow, {{"age", 50.0}});
  const CsvLoadReport report = Load(store.get(), "id,age,event_time\nu1,1,2019-11-23T00:00:00Z\n");
  FULCRUM_ASSERT_OK(report.status);
  EXPECT_EQ(report.stored, 0u);
  EXPECT_EQ(report.older, 1u);
  EXPECT_EQ(Age(store.get(), "u1"), 50);
}

TEST_F(CsvLoaderTest, ColumnsMayHaveOtherNames) {
  auto store = OpenOrDie();
  CsvLoadOptions options;
  options.id_column = "user";
  options.event_time_column = "at";
  const CsvLoadReport report =
      Load(store.get(), "user,at,age\nu1,2019-11-24T00:00:00Z,7\n", options);
  FULCRUM_ASSERT_OK(report.status);
  EXPECT_EQ(Age(store.get(), "u1"), 7);
}

TEST_F(CsvLoaderTest, WithoutATimeTheRowsHoldAsOfNow) {
  auto store = OpenOrDie();
  const CsvLoadReport report = Load(store.get(), "id,age\nu1,7\n");
  FULCRUM_ASSERT_OK(report.status);
  EXPECT_FALSE(report.has_event_time);
  auto user = store->ReadUser("u1", kNow, domain::Wait::kMayWait);
  EXPECT_EQ(user->row.row->event_time_us, absl::ToUnixMicros(kNow));
}

// Rows lie in tables after a load, and durably: opened anew, nothing is in memory.
TEST_F(CsvLoaderTest, LoadedRowsAreInTables) {
  FULCRUM_ASSERT_OK(Load(OpenOrDie().get(), "id,age\nu1,7\n").status);
  auto store = OpenOrDie();
  EXPECT_THAT(store->ReadUser("u1", kNow, domain::Wait::kNoWait).status(),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("")));
  EXPECT_EQ(Age(store.get(), "u1"), 7);
}

TEST_F(CsvLoaderTest, ProgressRunsToTheEnd) {
  std::string text = "id,age\n";
  for (int i = 0; i < 2500; ++i) text += "u" + std::to_string(i) + ",1\n";
  std::vector<uint64_t> steps;
  CsvLoadOptions options;
  options.progress = [&](uint64_t done, uint64_t total) {
    EXPECT_EQ(total, text.size());
    steps.push_back(done);
  };
  auto store = OpenOrDie();
  EXPECT_EQ(Load(store.get(), text, options).stored, 2500u);
  ASSERT_EQ(steps.size(), 3u);
  EXPECT_TRUE(std::is_sorted(steps.begin(), steps.end()));
  EXPECT_EQ(steps.back(), text.size());
}

struct BadFile {
  const char* what;
  const char* text;
  const char* where;
  const char* message;
  uint64_t stored;
};

TEST_F(CsvLoaderTest, ABadRecordEndsTheLoadAndKeepsWhatCameBefore) {
  const std::vector<BadFile> cases = {
      {"no id column", "user,age\nu1,1\n", "rows.csv:1: ", "no column 'id'", 0},
      {"unknown column", "id,agee\nu1,1\n",
       "rows.csv:1: ", "'agee' is not a feature of view 'profile'", 0},
      {"nearest name", "id,cty\nu1,1\n", "rows.csv:1: ", "'city'", 0},
      {"wrong type", "id,age\nu1,1\nu2,old\n", "rows.csv:3: ", "'age' has 'old'", 1},
      {"infinite", "id,age\nu1,inf\n", "rows.csv:2: ", "a finite number", 0},
      {"no id", "id,age\nu1,1\n,2\n", "rows.csv:3: ", "1 to 256 bytes", 1},
      {"bad time", "id,event_time\nu1,2019-11-24T00:00:00Z\nu2,yesterday\n",
       "rows.csv:3: ", "RFC 3339", 1},
      {"no time", "id,event_time\nu1,\n", "rows.csv:2: ", "RFC 3339", 0},
      {"endless time", "id,event_time\nu1,infinite-future\n", "rows.csv:2: ", "RFC 3339", 0},
      {"a time without a zone", "id,event_time\nu1,2019-11-24T00:00:00\n",
       "rows.csv:2: ", "RFC 3339", 0},
      {"broken CSV", "id,age\nu1,1\nu2,\"2\n", "rows.csv:4:1: ", "quoted field", 1},
      {"a field too many", "id,age\nu1,1\nu2,2,3\n", "rows.csv:3: ", "3 fields", 1},
  };
  for (const BadFile& test : cases) {
    path_ += "x";  // a store of its own
    auto store = OpenOrDie();
    const CsvLoadReport report = Load(store.get(), test.text);
    EXPECT_THAT(report.status, StatusIs(absl::StatusCode::kInvalidArgument,
                                        AllOf(HasSubstr(test.where), HasSubstr(test.message))))
        << test.what;
    EXPECT_EQ(report.stored, test.stored) << test.what;
    const auto first = store->ReadUser("u1", kNow, domain::Wait::kMayWait);
    FULCRUM_ASSERT_OK(first);
    EXPECT_EQ(first->row.state,
              test.stored == 0 ? domain::RowState::kMissing : domain::RowState::kFresh)
        << test.what;
  }
}

TEST_F(CsvLoaderTest, ANamedTimeColumnMustBeThere) {
  CsvLoadOptions options;
  options.event_time_column = "at";
  auto store = OpenOrDie();
  EXPECT_THAT(Load(store.get(), "id,age,att\nu1,1,1\n", options).status,
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("no column 'at'"), HasSubstr("'att'"))));
}

}  // namespace
}  // namespace fulcrum::features
