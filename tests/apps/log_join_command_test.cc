#include "apps/log_join_command.h"

#include <string>
#include <vector>

#include "apps/command_line.h"
#include "decision_log/log_writer.h"
#include "tests/decision_log/reward_join_fixture.h"
#include "tests/support/simulated_clock.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace fulcrum::apps {
namespace {

using decision_log::JoinDecision;
using decision_log::JoinOutcome;
using ::testing::HasSubstr;

class LogJoinCommand : public ::testing::Test {
 protected:
  LogJoinCommand() {
    testing::SimulatedClock clock;
    decision_log::LogOptions options;
    options.directory = log_;
    options.clock = &clock;
    decision_log::RecoveryReport report;
    auto writer = decision_log::LogWriter::Open(std::move(options), &report);
    EXPECT_THAT(writer, testing::IsOk());
    (*writer)->Start();
    DecisionRecord drawn = JoinDecision(0, 0);
    drawn.surface = "a, \"b\"";
    drawn.candidates.push_back({.action_id = "arm-0"});
    drawn.positions[0].ticks = {kTicksTotal / 4, kTicksTotal - kTicksTotal / 4};
    for (const LogEvent& event :
         std::vector<LogEvent>{drawn, JoinOutcome(0, "x", 0.1, 5), JoinDecision(2, 100, 2)}) {
      EXPECT_THAT((*writer)->Append(event, std::nullopt, nullptr), testing::IsOk());
    }
    EXPECT_THAT((*writer)->Stop(), testing::IsOk());
  }

  std::string Run(std::vector<std::string> arguments, int expected = kExitOk) {
    CLI::App app("log");
    int exit_code = -1;
    AddLogJoinCommand(app, &exit_code);
    arguments.insert(arguments.begin(), {"join", log_});
    std::reverse(arguments.begin(), arguments.end());
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    app.parse(arguments);
    told_ = ::testing::internal::GetCapturedStderr();
    EXPECT_EQ(exit_code, expected) << told_;
    return ::testing::internal::GetCapturedStdout();
  }

  const testing::TemporaryDirectory directory_;
  std::string log_ = directory_.path() + "/log";
  std::string told_;
};

TEST_F(LogJoinCommand, PrintsATableThatCsvReadersRead) {
  EXPECT_EQ(Run({}),
            "lsn,decision_id,time,surface,segment,position,action_id,propensity,exposure,state,"
            "reward_kind,reward\n"
            "1," +
                decision_log::JoinId(0).ToString() +
                ",2019-11-24T00:00:00+00:00,\"a, \"\"b\"\"\",new,1,arm-0,0.25,assumed,final,click,"
                "0.1\n"
                "3," +
                decision_log::JoinId(2).ToString() +
                ",2019-11-24T00:01:40+00:00,page,new,1,arm-0,,assumed,interim,click,0\n"
                "3," +
                decision_log::JoinId(2).ToString() +
                ",2019-11-24T00:01:40+00:00,page,new,2,arm-1,,assumed,interim,click,0\n");
  EXPECT_THAT(told_, HasSubstr("2 decisions to learn from, 0 logged again"));
  EXPECT_THAT(told_, HasSubstr("1 credited"));
}

TEST_F(LogJoinCommand, FiltersByViewAndSurface) {
  const std::string settled = Run({"--json", "--view", "final"});
  EXPECT_THAT(settled,
              HasSubstr("\"propensity\":0.25,\"exposure\":\"assumed\",\"state\":\"final\""));
  EXPECT_EQ(std::count(settled.begin(), settled.end(), '\n'), 1);
  const std::string open = Run({"--json", "--view", "interim"});
  EXPECT_THAT(open, HasSubstr("\"propensity\":null"));
  EXPECT_EQ(std::count(open.begin(), open.end(), '\n'), 2);
  EXPECT_EQ(Run({"--json", "--surface", "page"}), open);
}

TEST_F(LogJoinCommand, NoLogIsAFailureThatNamesIt) {
  log_ = directory_.path() + "/nothing";
  Run({}, kExitFailure);
  EXPECT_THAT(told_, HasSubstr("nothing"));
}

}  // namespace
}  // namespace fulcrum::apps
