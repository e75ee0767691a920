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

size_t Lines(const std::string& text) {
  return static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
}

TEST(LogCommand, FiltersTogetherPartTheLog) {
  const size_t all = Lines(RunCommand({"log", "cat", kGolden}).out);
  const auto lines = [](std::vector<std::string> filter) {
    filter.insert(filter.begin(), {"log", "cat", kGolden});
    return Lines(RunCommand(filter).out);
  };
  const size_t decisions = lines({"--type", "decision"});
  EXPECT_EQ(decisions, 3U);
  size_t by_type = 0;
  for (const char* type : {"decision", "exposure", "outcome", "superseded", "unshown"}) {
    by_type += lines({"--type", type});
  }
  EXPECT_EQ(by_type, all);
  size_t by_degradation = 0;
  for (const char* degradation : {"none", "deadline", "feature_error", "feature_stale",
                                  "no_candidate", "ledger_unavailable", "disk", "shed"}) {
    by_degradation += lines({"--degradation", degradation});
  }
  EXPECT_EQ(by_degradation, decisions);
  EXPECT_EQ(lines({"--surface", "no-such"}), 0U);
  EXPECT_EQ(lines({"--campaign", "no-such"}), 0U);
  // What was appended before a time and from it on is all.
  const size_t before = lines({"--to", "2019-11-24T00:00:00.000001Z"});
  EXPECT_GT(before, 0U);
  EXPECT_EQ(before + lines({"--from", "2019-11-24T00:00:00.000001Z"}), all);
  EXPECT_EQ(lines({"--from", "2019-11-24"}), all);
  EXPECT_EQ(lines({"--to", "2019-11-24"}), 0U);
}

TEST(LogCommand, TailPrintsTheLastEvents) {
  const std::string all = RunCommand({"log", "cat", kGolden}).out;
  EXPECT_EQ(RunCommand({"log", "tail", kGolden}).out, all);
  const std::string two = RunCommand({"log", "tail", kGolden, "-n", "2"}).out;
  EXPECT_EQ(Lines(two), 2U);
  EXPECT_TRUE(all.ends_with(two));
  const std::string decisions = RunCommand({"log", "cat", kGolden, "--type", "decision"}).out;
  const std::string last =
      RunCommand({"log", "tail", kGolden, "-n", "1", "--type", "decision"}).out;
  EXPECT_EQ(Lines(last), 1U);
  EXPECT_TRUE(decisions.ends_with(last));
  EXPECT_EQ(RunCommand({"log", "tail", kGolden, "-n", "0"}).out, "");
}

TEST(LogCommand, StatsCountWhatCatPrints) {
  const Ran ran = RunCommand({"log", "stats", kGolden, "--json"});
  EXPECT_EQ(ran.exit_code, kExitOk);
  EXPECT_THAT(ran.out, HasSubstr("\"records\":6"));
  EXPECT_THAT(ran.out, HasSubstr("\"decision\":3"));
  EXPECT_THAT(ran.out, HasSubstr("\"first_lsn\":1,\"last_lsn\":6"));
  EXPECT_THAT(ran.out, HasSubstr("\"damaged\":0"));
  EXPECT_THAT(RunCommand({"log", "stats", kGolden}).out, HasSubstr("decisions: 6 records in 2"));
}

TEST(LogCommand, AFilterThatIsNoneIsAFailureThatNamesWhatMayBe) {
  for (const char* option : {"--from", "--to", "--degradation", "--type", "--decision"}) {
    EXPECT_EQ(RunCommand({"log", "cat", kGolden, option, "x"}).exit_code, kExitFailure) << option;
  }
  EXPECT_EQ(RunCommand({"log", "stats", "no-such-folder"}).exit_code, kExitFailure);
  EXPECT_EQ(RunCommand({"log", "tail", "no-such-folder"}).exit_code, kExitFailure);
}

TEST(LogCommand, ExportAndImportKeepTheLog) {
  const testing::TemporaryDirectory directory;
  const std::string file = directory.path() + "/log.jsonl";
  const std::string log = directory.path() + "/log";
  const Ran exported = RunCommand({"log", "export", kGolden, file});
  EXPECT_EQ(exported.exit_code, kExitOk);
  EXPECT_EQ(exported.out, "6 events, 2 feature snapshots, 0 left out\n");
  EXPECT_EQ(RunCommand({"log", "import", file, log}).exit_code, kExitOk);
  EXPECT_EQ(RunCommand({"log", "cat", log, "--json"}).out,
            RunCommand({"log", "cat", kGolden, "--json"}).out);
  EXPECT_EQ(RunCommand({"log", "import", file, log}).exit_code, kExitFailure);  // it exists
  std::ofstream(file, std::ios::app) << "no JSON\n";
  EXPECT_EQ(RunCommand({"log", "import", file, log + "2"}).exit_code, kExitFinding);
  EXPECT_EQ(RunCommand({"log", "import", file, log + "3", "--strict"}).exit_code, kExitFailure);
}

TEST(LogCommand, ExportWritesTablesAndTakesUpWhereItWas) {
  const testing::TemporaryDirectory directory;
  const std::string file = directory.path() + "/log.csv";
  const std::string log = directory.path() + "/log";
  const Ran exported = RunCommand({"log", "export", kGolden, file, "--format", "csv"});
  EXPECT_EQ(exported.exit_code, kExitOk);
  EXPECT_EQ(exported.out, "3 rows, 0 left out\n");
  // Nothing was interrupted: then these begin.
  EXPECT_EQ(RunCommand({"log", "export", kGolden, file, "--resume", "--progress"}).exit_code,
            kExitOk);
  EXPECT_EQ(RunCommand({"log", "import", file, log, "--resume", "--progress"}).exit_code, kExitOk);
  EXPECT_EQ(RunCommand({"log", "import", file, log, "--resume"}).exit_code, kExitFailure);
  EXPECT_EQ(
      RunCommand({"log", "export", kGolden, file, "--format", "parquet", "--resume"}).exit_code,
      kExitFailure);
}

TEST(LogCommand, WhatIsNoLogIsAFailure) {
  EXPECT_EQ(RunCommand({"log", "verify", "no-such-folder"}).exit_code, kExitFailure);
  EXPECT_EQ(RunCommand({"log", "cat", kGolden, "--decision", "x"}).exit_code, kExitFailure);
}

}  // namespace
}  // namespace fulcrum::apps
