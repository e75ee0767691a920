// What other systems logged, as a log. The real samples are not part of the checkout:
// ../shared/data beside it, or their tests are skipped.
#include "exchange/import.h"

#include <array>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "absl/time/time.h"
#include "decision_log/verify.h"
#include "fulcrum/decision_log_reader.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace fulcrum::exchange {
namespace {

using ::testing::HasSubstr;

constexpr char kSamples[] = FULCRUM_SOURCE_DIR "/../shared/data";

class ImportTest : public ::testing::Test {
 protected:
  std::string Write(const std::string& text) {
    std::ofstream(directory_.path() + "/in", std::ios::binary) << text;
    return directory_.path() + "/in";
  }

  // The report; the events go to events_.
  TransferReport Import(const std::string& file, const ImportOptions& options) {
    const auto report = ImportLog(file, log(), options);
    EXPECT_TRUE(report.ok()) << report.status();
    if (!report.ok()) return {};
    EXPECT_TRUE(decision_log::VerifyLog(base::PosixFileSystem(), log())->clean());
    const auto reader = DecisionLogReader::Open(log());
    LogEntry entry;
    while (*(*reader)->Next(&entry)) events_.push_back(entry);
    EXPECT_EQ(report->events, events_.size());
    std::set<DecisionId> ids;
    for (size_t i = 0; i < events_.size() / 2; ++i) {
      EXPECT_TRUE(ids.insert(Decision(i).id).second) << "two decisions have one id";
      EXPECT_EQ(Outcome(i).decision_id, Decision(i).id);
    }
    return *report;
  }

  const DecisionRecord& Decision(size_t i) const {
    return std::get<DecisionRecord>(events_.at(2 * i).event);
  }
  const OutcomeRecord& Outcome(size_t i) const {
    return std::get<OutcomeRecord>(events_.at(2 * i + 1).event);
  }
  double Propensity(size_t i) const {
    return PropensityOf(DrawnTicks(Decision(i), Decision(i).positions.at(0)));
  }
  std::string log() const { return directory_.path() + "/log"; }

  const testing::TemporaryDirectory directory_;
  std::vector<LogEntry> events_;
};

TEST_F(ImportTest, VwTextBecomesDecisionsAndOutcomes) {
  const std::string file = Write("1:0:0.5 | a b\n1:0:0 | a\n1 2:1.5:0.25 3 | a\nno label\n");
  const TransferReport report = Import(file, {.format = ImportFormat::kVwText});
  ASSERT_EQ(report.events, 4U);
  ASSERT_EQ(report.bad_count, 2U);
  EXPECT_EQ(report.bad_lines[0].line, 2U);
  EXPECT_THAT(report.bad_lines[0].reason, HasSubstr("probability"));
  EXPECT_EQ(report.bad_lines[1].line, 4U);
  EXPECT_EQ(Decision(1).positions.at(0).action_id, "2");
  EXPECT_EQ(Propensity(1), 0.25);
  EXPECT_EQ(Outcome(1).value, -1.5);
}

TEST_F(ImportTest, DsjsonKeepsIdTimeAndLabel) {
  const std::string file =
      Write(R"({"_label_cost":-1,"_label_probability":0.75,"_label_Action":2,"_labelIndex":1,)"
            R"("Timestamp":"2019-11-24T00:00:00.5Z","EventId":"e-1","a":[2,1],"p":[0.75,0.25]})"
            "\n"
            R"({"_label_cost":0.5,"_label_probability":0.25,"_labelIndex":0})"
            "\n"
            R"({"_label_cost":0,"_label_probability":1.5,"_label_Action":1})"
            "\n"
            R"({"_label_cost":0,"_label_probability":1,"_label_Action":0})"
            "\n"
            R"({"RewardValue":1,"EventId":"e-1"})"
            "\n{\"_label_cost\":\n");
  const TransferReport report = Import(file, {.format = ImportFormat::kDsjson});
  ASSERT_EQ(report.events, 4U);
  EXPECT_EQ(Decision(0).request_id, "e-1");
  EXPECT_EQ(Decision(0).occurred_us, 1574553600500000);
  EXPECT_EQ(Decision(0).positions.at(0).action_id, "2");
  EXPECT_EQ(Propensity(0), 0.75);
  EXPECT_EQ(Outcome(0).value, 1);
  EXPECT_EQ(Decision(1).positions.at(0).action_id, "1");
  ASSERT_EQ(report.bad_count, 4U);
  const std::array<const char*, 4> reasons = {"probability", "'_label_Action'", "'_label_cost'",
                                              "column"};
  for (size_t i = 0; i < reasons.size(); ++i) {
    EXPECT_EQ(report.bad_lines[i].line, 3 + i);
    EXPECT_THAT(report.bad_lines[i].reason, HasSubstr(reasons[i]));
  }
}

TEST_F(ImportTest, NumbersOfDsjsonAreExactOrRefused) {
  const std::string many_digits = "9" + std::string(400, '0') + "e-400";
  const std::string file =
      Write(R"({"_label_cost":0.30000000000000004,"_label_probability":0.5,"_labelIndex":0})"
            "\n"
            R"({"_label_cost":)" +
            many_digits +
            R"(,"_label_probability":1,"_labelIndex":0})"
            "\n"
            R"({"_label_cost":1e999,"_label_probability":1,"_labelIndex":0})"
            "\n");
  const TransferReport report = Import(file, {.format = ImportFormat::kDsjson});
  ASSERT_EQ(report.events, 2U);
  EXPECT_EQ(Outcome(0).value, -0.30000000000000004);
  EXPECT_EQ(report.bad_count, 2U);
}

TEST_F(ImportTest, ADeepLineOfDsjsonIsRefusedNotFollowed) {
  const std::string file = Write(std::string(1 << 20, '[') + "\n");
  EXPECT_EQ(Import(file, {.format = ImportFormat::kDsjson}).bad_count, 1U);
}

TEST_F(ImportTest, ATableHasColumnsOfItsOwn) {
  const std::string file = Write(
      "what,p,gain,when\n"
      "\"red, big\",0.5,2.5,2019-11-24T00:00:02Z\n"
      "blue,0.25,-1,2019-11-24T00:00:01Z\n"
      "blue,0,1,2019-11-24T00:00:01Z\n"
      "blue,0.5,much,2019-11-24T00:00:01Z\n"
      "blue,0.5,1,yesterday\n");
  ImportOptions options{.format = ImportFormat::kTable};
  options.columns = {.action = "what", .propensity = "p", .reward = "gain", .time = "when"};
  const TransferReport report = Import(file, options);
  ASSERT_EQ(report.events, 4U);
  EXPECT_EQ(Decision(0).positions.at(0).action_id, "red, big");
  EXPECT_EQ(Decision(0).surface, "table");
  EXPECT_EQ(Outcome(0).value, 2.5);
  EXPECT_EQ(Decision(1).occurred_us, 1574553601000000);
  EXPECT_EQ(events_[2].time_us, 1574553602000000) << "a log is in the order of its times";
  ASSERT_EQ(report.bad_count, 3U);
  const std::array<const char*, 3> reasons = {"probability", "reward", "time"};
  for (size_t i = 0; i < reasons.size(); ++i) {
    EXPECT_EQ(report.bad_lines[i].line, 4 + i);
    EXPECT_THAT(report.bad_lines[i].reason, HasSubstr(reasons[i]));
  }
}

TEST_F(ImportTest, AMissingColumnIsNamedAndLeavesNoLog) {
  const std::string file = Write("action,reward\na,1\n");
  const auto report = ImportLog(file, log(), {.format = ImportFormat::kTable});
  EXPECT_THAT(report.status().message(), HasSubstr("no column 'propensity'"));
  EXPECT_FALSE(std::filesystem::exists(log()));
}

TEST_F(ImportTest, TheOpenBanditSampleIsCounted) {
  const std::string file = std::string(kSamples) + "/obd/random/men/men.csv";
  if (!std::filesystem::exists(file)) GTEST_SKIP() << "no " << file;
  const TransferReport report =
      Import(file, {.format = ImportFormat::kTable, .columns = OpenBanditColumns()});
  EXPECT_EQ(report.events, 20000U);
  EXPECT_EQ(report.bad_count, 0U);
  std::map<std::string, int> surfaces;
  for (size_t i = 0; i < 10000; ++i) {
    ++surfaces[Decision(i).surface];
    EXPECT_NEAR(Propensity(i), 1.0 / 34, 1e-9);  // uniform over 34 actions
  }
  EXPECT_EQ(surfaces.size(), 3U);
}

TEST_F(ImportTest, TheVowpalWabbitSampleIsCounted) {
  const std::string file = std::string(kSamples) + "/vw_cb/rcv1_raw_cb_small.vw";
  if (!std::filesystem::exists(file)) GTEST_SKIP() << "no " << file;
  const TransferReport report = Import(file, {.format = ImportFormat::kVwText});
  EXPECT_EQ(report.bad_count, 0U);
  std::map<std::pair<std::string, double>, int> counts;
  for (size_t i = 0; i < report.events / 2; ++i) {
    ++counts[{Decision(i).positions.at(0).action_id, Outcome(i).value}];
    EXPECT_EQ(Propensity(i), 0.5);
  }
  const std::map<std::pair<std::string, double>, int> expected = {
      {{"1", 0}, 280}, {{"1", -1}, 224}, {{"2", 0}, 243}, {{"2", -1}, 253}};
  EXPECT_EQ(counts, expected);
}

}  // namespace
}  // namespace fulcrum::exchange
