#include "telemetry/diagnostics.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <functional>
#include <regex>
#include <thread>

namespace fulcrum::telemetry {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

std::string Captured(const std::function<void()>& write) {
  ::testing::internal::CaptureStderr();
  write();
  return ::testing::internal::GetCapturedStderr();
}

// What is written of one value, quotes included.
std::string Written(const std::string& value) {
  const std::string line = Captured([&] { Info("event", {{"key", value}}); });
  EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1) << line;
  const size_t start = line.find("key=") + 4;
  return line.substr(start, line.size() - start - 1);
}

TEST(Diagnostics, AreOneLineWithTimeLevelEventAndFields) {
  const std::string line = Captured([] { Warn("disk_slow", {{"ms", "17"}, {"path", "data"}}); });
  const std::regex form(
      R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z warning disk_slow ms=17 path=data\n)");
  EXPECT_TRUE(std::regex_match(line, form)) << line;
}

TEST(Diagnostics, LevelsAreNamed) {
  EXPECT_THAT(Captured([] { Info("started"); }), EndsWith(" info started\n"));
  EXPECT_THAT(Captured([] { Error("failed"); }), EndsWith(" error failed\n"));
}

TEST(Diagnostics, ValuesThatCouldBeTakenForTwoAreQuoted) {
  EXPECT_EQ(Written("plain-1.5/x"), "plain-1.5/x");
  EXPECT_EQ(Written(""), "\"\"");
  EXPECT_EQ(Written("two words"), "\"two words\"");
  EXPECT_EQ(Written("a=b"), "\"a=b\"");
  EXPECT_EQ(Written("say \"hi\""), R"("say \"hi\"")");
  EXPECT_EQ(Written("back\\slash"), R"("back\\slash")");
}

TEST(Diagnostics, NoValueCanForgeALine) {
  EXPECT_EQ(Written("x\n2026-01-01T00:00:00.000000Z error disk_failed"),
            "\"x?2026-01-01T00:00:00.000000Z error disk_failed\"");
  EXPECT_EQ(Written("a\rb\tc\x1b[31m\x7f"), "a?b?c?[31m?");
  EXPECT_EQ(Written(std::string("a\0b", 3)), "a?b");
  EXPECT_EQ(Written("{} {0} %v"), "\"{} {0} %v\"") << "values are no format strings";
}

TEST(Diagnostics, EventsThatRequestsCauseAreLimited) {
  const std::string burst = Captured([] {
    for (int i = 0; i < 1000; ++i) WarnLimited("refused", {{"why", "full"}});
  });
  const auto lines = std::count(burst.begin(), burst.end(), '\n');
  EXPECT_GE(lines, 10);
  EXPECT_LT(lines, 1000);
  EXPECT_THAT(burst, Not(HasSubstr("suppressed=0")));
  // Once the limit lets lines through again, the first tells what was lost.
  std::string next;
  while (next.empty()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    next = Captured([] { WarnLimited("refused"); });
  }
  EXPECT_THAT(next, HasSubstr(" suppressed="));
}

}  // namespace
}  // namespace fulcrum::telemetry
