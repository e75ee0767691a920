#include "training/training_csv.h"

#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace fulcrum::training {
namespace {

using ::testing::HasSubstr;

class TrainingCsv : public ::testing::Test {
 protected:
  std::string Write(const std::string& name, const std::string& text) {
    const std::string path = directory_.path() + "/" + name;
    FULCRUM_EXPECT_OK(base::WriteFileAtomically(base::PosixFileSystem(), path, text));
    return path;
  }

  absl::StatusOr<std::vector<TrainingRow>> Read(const std::vector<std::string>& logs,
                                                const std::string& items = "") {
    return ReadTrainingCsv(base::PosixFileSystem(), logs, items, "city");
  }

  testing::TemporaryDirectory directory_;
};

constexpr char kLog[] =
    "event_time,action_id,reward,propensity,user.city,user.age,context.hour,candidate.affinity\n"
    "2019-11-24T00:00:01.5Z,a,1,0.25,north,31,13,2\n"
    "1574553602000000,b,0,0.75,,,14,\n";

TEST_F(TrainingCsv, ReadsLogsAndItems) {
  const auto rows =
      Read({Write("log.csv", kLog)}, Write("items.csv", "id,price,kind\na,9.5,hat\n"));
  FULCRUM_ASSERT_OK(rows);
  ASSERT_EQ(rows->size(), 2);
  const TrainingRow& first = (*rows)[0];
  EXPECT_EQ(first.event_time_us, 1574553601500000);
  EXPECT_EQ((*rows)[1].event_time_us, 1574553602000000);
  EXPECT_EQ(first.action_id, "a");
  EXPECT_EQ(first.reward, 1);
  EXPECT_EQ(first.propensity, 0.25);
  EXPECT_EQ(first.segment, "north");
  EXPECT_EQ(std::get<std::string>(first.user.at("city")), "north");
  EXPECT_EQ(std::get<double>(first.user.at("age")), 31);
  EXPECT_EQ(std::get<double>(first.context.at("hour")), 13);
  EXPECT_EQ(std::get<double>(first.candidate.at("affinity")), 2);
  EXPECT_EQ(std::get<double>(first.item.at("price")), 9.5);
  EXPECT_EQ(std::get<std::string>(first.item.at("kind")), "hat");
  EXPECT_TRUE((*rows)[1].item.empty());
  EXPECT_TRUE((*rows)[1].user.empty());
  EXPECT_EQ((*rows)[1].segment, "");
}

TEST_F(TrainingCsv, AFeatureThatIsATextInOneFileIsATextInAll) {
  const std::string header = "event_time,action_id,reward,propensity,user.code\n";
  const auto rows =
      Read({Write("one.csv", header + "1,a,0,1,7\n"), Write("two.csv", header + "2,a,1,1,7b\n")});
  FULCRUM_ASSERT_OK(rows);
  EXPECT_EQ(std::get<std::string>((*rows)[0].user.at("code")), "7");
  EXPECT_EQ(std::get<std::string>((*rows)[1].user.at("code")), "7b");
}

TEST_F(TrainingCsv, TheHeaderMayStateTheKind) {
  const std::string header = "event_time,action_id,reward,propensity,user.code:text,item_id\n";
  const auto rows =
      Read({Write("log.csv", header + "1,a,0,1,7,hat\n")}, Write("items.csv", "id,x\nhat,5\n"));
  FULCRUM_ASSERT_OK(rows);
  EXPECT_EQ(std::get<std::string>((*rows)[0].user.at("code")), "7");
  EXPECT_EQ(std::get<double>((*rows)[0].item.at("x")), 5);
  EXPECT_THAT(Read({Write("log.csv",
                          "event_time,action_id,reward,propensity,user.code:number\n"
                          "1,a,0,1,x\n")}),
              testing::StatusIs(absl::StatusCode::kInvalidArgument,
                                HasSubstr("log.csv:2: user.code is not a number")));
}

TEST_F(TrainingCsv, ErrorsNameFileAndLine) {
  const std::string header = "event_time,action_id,reward,propensity\n";
  const std::pair<std::string, std::string> cases[] = {
      {"event_time,action_id,reward\n", "no column propensity"},
      {"event_time,action_id,reward,propensity,age\n1,a,0,1,3\n", "\"age\" is none of"},
      {"event_time,action_id,reward,propensity,item.x\n1,a,0,1,3\n", "\"item.x\" is none of"},
      {header + "1,a,0,1\nyesterday,a,0,1\n", "log.csv:3: event_time"},
      {header + "1,,0,1\n", "log.csv:2: action_id"},
      {header + "1,a,1.5,1\n", "log.csv:2: reward"},
      {header + "1,a,x,1\n", "log.csv:2: reward"},
      {header + "1,a,0,0\n", "log.csv:2: propensity"},
      {header + "1,a,0,nan\n", "log.csv:2: propensity"},
  };
  for (const auto& [text, message] : cases) {
    EXPECT_THAT(Read({Write("log.csv", text)}),
                testing::StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(message)))
        << text;
  }
  EXPECT_THAT(Read({Write("log.csv", kLog)}, Write("items.csv", "id,x\na,1\na,2\n")),
              testing::StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("items.csv:3")));
  EXPECT_THAT(Read({directory_.path() + "/none.csv"}),
              testing::StatusIs(absl::StatusCode::kNotFound, HasSubstr("none.csv")));
}

}  // namespace
}  // namespace fulcrum::training
