#include "apps/log_command.h"

#include <filesystem>
#include <fstream>

#include "apps/command_line.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace fulcrum::apps {
namespace {

using ::testing::HasSubstr;

constexpr char kGolden[] = FULCRUM_SOURCE_DIR "/tests/golden/decision_log/v1";

struct Ran {
  int exit_code = -1;
  std::string out;
};

Ran RunCommand(std::vector<std::string> arguments) {
  CLI::App app("fulcrum");
  Ran ran;
  AddLogCommand(app, &ran.exit_code);
  std::reverse(arguments.begin(), arguments.end());
  ::testing::internal::CaptureStdout();
  app.parse(arguments);
  ran.out = ::testing::internal::GetCapturedStdout();
  return ran;
}

TEST(LogCommand, VerifyAnswersWithOneJsonObject) {
  const Ran ran = RunCommand({"log", "verify", kGolden, "--json"});
  EXPECT_EQ(ran.exit_code, kExitOk);
  EXPECT_THAT(ran.out, HasSubstr("\"records\":6"));
  EXPECT_THAT(ran.out, HasSubstr("\"corrupt\":[]"));
  EXPECT_THAT(ran.out, HasSubstr("{\"name\":\"ticks_sum\",\"checked\":2,\"violated\":0"));
}

TEST(LogCommand, VerifyNamesAFlippedByte) {
  const testing::TemporaryDirectory directory;
  const std::string log = directory.path() + "/log";
  std::filesystem::copy(kGolden, log, std::filesystem::copy_options::recursive);
  std::fstream file(log + "/features/00000000000000000001.fulcrumlog",
                    std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(120);
  file.put('!');
  file.close();
  const Ran ran = RunCommand({"log", "verify", log, "--json"});
  EXPECT_EQ(ran.exit_code, kExitFinding);
  EXPECT_THAT(ran.out, HasSubstr("\"stream\":\"features\",\"segment\":\"features/"
                                 "00000000000000000001.fulcrumlog\",\"offset\":64,\"lsn\":1"));
  EXPECT_THAT(RunCommand({"log", "verify", log}).out, HasSubstr("NOT CLEAN"));
}

TEST(LogCommand, CatPrintsEventsAndFilters) {
  const Ran all = RunCommand({"log", "cat", kGolden});
  EXPECT_EQ(all.exit_code, kExitOk);
  EXPECT_EQ(std::count(all.out.begin(), all.out.end(), '\n'), 6);
  EXPECT_THAT(all.out, HasSubstr("2019-11-24T00:00:00+00:00  decision"));
  EXPECT_THAT(all.out, HasSubstr("budget-spring -250000"));
  const std::string id = all.out.substr(all.out.find("016e9"), 36);
  const Ran one = RunCommand({"log", "cat", kGolden, "--decision", id, "--json"});
  EXPECT_EQ(std::count(one.out.begin(), one.out.end(), '\n'), 3);  // decision, exposure, outcome
  EXPECT_THAT(one.out, HasSubstr("\"type\":\"outcome\""));
  const Ran limited = RunCommand({"log", "cat", kGolden, "--limit", "2"});
  EXPECT_EQ(std::count(limited.out.begin(), limited.out.end(), '\n'), 2);
}

TEST(LogCommand, WhatIsNoLogIsAFailure) {
  EXPECT_EQ(RunCommand({"log", "verify", "no-such-folder"}).exit_code, kExitFailure);
  EXPECT_EQ(RunCommand({"log", "cat", kGolden, "--decision", "x"}).exit_code, kExitFailure);
}

}  // namespace
}  // namespace fulcrum::apps
