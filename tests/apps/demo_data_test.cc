#include "apps/demo_data.h"

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace fulcrum::apps {
namespace {

using ::fulcrum::testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kLogHeader[] =
    ",timestamp,item_id,position,click,propensity_score,user_feature_0,user_feature_1,"
    "user_feature_2,user_feature_3,user-item_affinity_0,user-item_affinity_1\n";
constexpr char kItemHeader[] =
    ",item_id,item_feature_0,item_feature_1,item_feature_2,item_feature_3\n";
constexpr char kItems[] = "0,0,-0.5,aa,bb,cc\n1,1,1.25,dd,ee,ff\n";

std::string LogRow(const std::string& time, const std::string& item, const std::string& position,
                   const std::string& click, const std::string& propensity) {
  return absl::StrCat("0,", time, ",", item, ",", position, ",", click, ",", propensity,
                      ",u0,u1,u2,u3,0.0,2.0\n");
}

// The data set with the campaign `men` alone: two items, two rows under each policy.
class DemoDataTest : public ::testing::Test {
 protected:
  DemoDataTest() {
    WriteItems(kItems);
    WriteLog("random", Good() + LogRow("2019-11-24 00:00:05+00:00", "0", "3", "0", "0.5"));
    WriteLog("bts", Good());
  }
  static std::string Good() {
    return LogRow("2019-11-24 03:00:17.004101+00:00", "1", "1", "1", "0.25");
  }
  std::string Directory(const std::string& policy) const {
    return absl::StrCat(directory_.path(), "/", policy, "/men");
  }
  void WriteLog(const std::string& policy, const std::string& rows) {
    std::filesystem::create_directories(Directory(policy));
    std::ofstream(Directory(policy) + "/men.csv") << kLogHeader << rows;
  }
  void WriteItems(const std::string& rows) {
    std::filesystem::create_directories(Directory("random"));
    std::ofstream(Directory("random") + "/item_context.csv") << kItemHeader << rows;
  }
  absl::StatusOr<DemoData> Read() {
    return ReadDemoData(base::PosixFileSystem(), directory_.path());
  }
  // The second line of `file` is wrong in a way that is told as `what`.
  void ExpectRefused(const std::string& file, const std::string& what) {
    EXPECT_THAT(Read(), StatusIs(absl::StatusCode::kInvalidArgument,
                                 AllOf(HasSubstr(absl::StrCat(directory_.path(), "/", file, ":2")),
                                       HasSubstr(what))));
  }

  testing::TemporaryDirectory directory_;
};

TEST_F(DemoDataTest, IsReadByTime) {
  const auto data = Read();
  FULCRUM_ASSERT_OK(data);
  EXPECT_THAT(data->absent, ElementsAre("all", "women"));
  ASSERT_EQ(data->campaigns.size(), 1u);
  const DemoCampaign& men = data->campaigns[0];
  EXPECT_EQ(men.name, "men");
  ASSERT_EQ(men.items.size(), 2u);
  EXPECT_EQ(men.items[1].number, 1.25);
  EXPECT_THAT(men.items[1].categories, ElementsAre("dd", "ee", "ff"));
  ASSERT_EQ(men.random.size(), 2u);
  EXPECT_EQ(men.random[0].position, 3) << "rows are sorted by time";
  const LoggedRow& row = men.random[1];
  EXPECT_EQ(row.time, absl::FromUnixMicros(1574564417004101));
  EXPECT_EQ(row.item, 1);
  EXPECT_TRUE(row.clicked);
  EXPECT_EQ(row.propensity, 0.25);
  EXPECT_THAT(row.user_features, ElementsAre("u0", "u1", "u2", "u3"));
  EXPECT_THAT(row.affinities, ElementsAre(0, 2));
  EXPECT_EQ(men.bts.size(), 1u);
}

TEST_F(DemoDataTest, AnEmptyDirectorySaysWhereItLooked) {
  const testing::TemporaryDirectory empty;
  EXPECT_THAT(ReadDemoData(base::PosixFileSystem(), empty.path()),
              StatusIs(absl::StatusCode::kNotFound,
                       AllOf(HasSubstr(empty.path()), HasSubstr("random/{all,men,women}"))));
}

TEST_F(DemoDataTest, ACampaignWithoutItsOtherHalfIsAnError) {
  std::filesystem::remove(Directory("bts") + "/men.csv");
  EXPECT_THAT(Read(), StatusIs(absl::StatusCode::kNotFound, HasSubstr("bts/men/men.csv")));
}

TEST_F(DemoDataTest, ErrorsNameFileAndLine) {
  const std::string time = "2019-11-24 03:00:17+00:00";
  const std::pair<std::string, const char*> kRows[] = {
      {LogRow("yesterday", "1", "1", "1", "0.25"), "'yesterday' is not a time"},
      {LogRow(time, "2", "1", "1", "0.25"), "0..1 (column 'item_id')"},
      {LogRow(time, "0.5", "1", "1", "0.25"), "0..1 (column 'item_id')"},
      {LogRow(time, "1", "4", "1", "0.25"), "1..3 (column 'position')"},
      {LogRow(time, "1", "1", "2", "0.25"), "0..1 (column 'click')"},
      {LogRow(time, "1", "1", "1", "often"), "'often' is not a number"},
      {LogRow(time, "1", "1", "1", "0"), "not a probability"},
      {LogRow(time, "1", "1", "1", "1.5"), "not a probability"}};
  for (const auto& [row, what] : kRows) {
    WriteLog("bts", row);
    ExpectRefused("bts/men/men.csv", what);
  }
}

TEST_F(DemoDataTest, ItemsMustBeNumberedInOrder) {
  WriteItems("0,1,-0.5,aa,bb,cc\n");
  ExpectRefused("random/men/item_context.csv", "item 1 where 0 was expected");
}

TEST_F(DemoDataTest, AMissingColumnIsNamed) {
  std::ofstream(Directory("bts") + "/men.csv") << "timestamp,item_id\n";
  EXPECT_THAT(Read(),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("bts/men/men.csv"), HasSubstr("no column 'position'"))));
}

TEST_F(DemoDataTest, NamesFollowTheBundleOfTheDemo) {
  EXPECT_EQ(ActionIdOf("men", 7), "men-07");
  const auto data = Read();
  FULCRUM_ASSERT_OK(data);
  LoggedRow row = data->campaigns[0].random[1];
  EXPECT_EQ(HourOf(row), 3);
  const std::string user = UserIdOf("men", row);
  EXPECT_THAT(user, ::testing::MatchesRegex("user-[0-9a-f]+"));
  row.time += absl::Minutes(30);
  row.item = 0;
  EXPECT_EQ(UserIdOf("men", row), user) << "the same hour, the same features";
  EXPECT_NE(UserIdOf("women", row), user);
  row.user_features = {"u0", "u1u2", "", "u3"};
  EXPECT_NE(UserIdOf("men", row), user);
  row = data->campaigns[0].random[1];
  row.time += absl::Hours(1);
  EXPECT_NE(UserIdOf("men", row), user);
}

}  // namespace
}  // namespace fulcrum::apps
