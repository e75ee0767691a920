#include "evaluation/open_bandit_rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace fulcrum::evaluation {
namespace {

using ::testing::HasSubstr;

class OpenBanditRows : public ::testing::Test {
 protected:
  absl::StatusOr<RowSet> Read(const std::string& text) {
    const std::string path = directory_.path() + "/log.csv";
    FULCRUM_EXPECT_OK(base::WriteFileAtomically(base::PosixFileSystem(), path, text));
    return ReadOpenBanditRows(base::PosixFileSystem(), path);
  }
  testing::TemporaryDirectory directory_;
};

constexpr char kHeader[] = ",timestamp,item_id,position,click,propensity_score,user_feature_0\n";

TEST_F(OpenBanditRows, ReadsThemByTime) {
  const auto rows = Read(absl::StrCat(kHeader,
                                      "0,2019-11-24 00:03:36.7+00:00,10,3,0,0.25,x\n"
                                      "1,2019-11-24 00:03:13.442536+00:00,14,1,1,0.5,y\n"
                                      "2,2019-11-24T00:03:36.7Z,14,2,0,1,y\n"));
  FULCRUM_ASSERT_OK(rows);
  ASSERT_EQ(rows->rows.size(), 3u);
  EXPECT_EQ(rows->positions, 3u);
  const Row& first = rows->rows[0];
  EXPECT_EQ(rows->actions.Name(first.action), "14");
  EXPECT_EQ(first.position, 1u);
  EXPECT_EQ(first.reward, 1);
  EXPECT_EQ(first.propensity, 0.5);
  EXPECT_EQ(first.logged, kNoDistribution);
  EXPECT_EQ(rows->actions.Name(rows->rows[1].action), "10");  // equal times keep their order
  EXPECT_EQ(rows->rows[1].position, 3u);
  EXPECT_EQ(rows->rows[2].position, 2u);
}

TEST_F(OpenBanditRows, ErrorsNameFileAndLine) {
  const auto line = [](const char* fields) {
    return absl::StrCat(kHeader, "0,2019-11-24 00:00:00+00:00,1,1,0,0.5,x\n", fields, "\n");
  };
  const std::pair<std::string, const char*> cases[] = {
      {"timestamp,item_id,position,click\n", "log.csv:1: there is no column propensity_score"},
      {line("1,yesterday,1,1,0,0.5,x"), "log.csv:3: timestamp \"yesterday\" is no time such as"},
      {line("1,2019-11-24 00:00:00+00:00,,1,0,0.5,x"), "log.csv:3: item_id \"\" is no item"},
      {line("1,2019-11-24 00:00:00+00:00,1,0,0,0.5,x"), "log.csv:3: position \"0\" is no whole"},
      {line("1,2019-11-24 00:00:00+00:00,1,1001,0,0.5,x"), "log.csv:3: position \"1001\""},
      {line("1,2019-11-24 00:00:00+00:00,1,1,2,0.5,x"), "log.csv:3: click \"2\" is no 0 or 1"},
      {line("1,2019-11-24 00:00:00+00:00,1,1,0,0,x"), "log.csv:3: propensity_score \"0\""},
      {line("1,2019-11-24 00:00:00+00:00,1,1,0,1.1,x"), "log.csv:3: propensity_score \"1.1\""},
      {line("1,2019-11-24 00:00:00+00:00,1,1,0,nan,x"), "log.csv:3: propensity_score \"nan\""},
      {line("1,2"), "log.csv:3"},
  };
  for (const auto& [text, error] : cases) {
    EXPECT_THAT(Read(text), testing::StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(error)))
        << text;
  }
}

}  // namespace
}  // namespace fulcrum::evaluation
