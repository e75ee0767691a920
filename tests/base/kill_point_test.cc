#include "base/kill_point.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>

namespace fulcrum::base {
namespace {

// Each statement runs in a child, so that the setting is read there for the first time.
void PassOften(const char* setting, int times) {
  setenv("FULCRUM_KILL_POINT", setting, 1);
  for (int i = 0; i < times; ++i) {
    KillPoint("test.one");
    KillPoint("test.two");
  }
  _exit(0);
}

class KillPointDeathTest : public ::testing::Test {
 protected:
  void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

TEST_F(KillPointDeathTest, FiresAtTheCountAndNotBefore) {
  EXPECT_EXIT(PassOften("test.two:3", 3), ::testing::KilledBySignal(SIGKILL),
              "kill point test.two");
  EXPECT_EXIT(PassOften("test.two:3", 2), ::testing::ExitedWithCode(0), "");
}

TEST_F(KillPointDeathTest, AStarMeansEveryPoint) {
  EXPECT_EXIT(PassOften("*:4", 2), ::testing::KilledBySignal(SIGKILL), "kill point test.two");
}

TEST_F(KillPointDeathTest, FiresWithAProbability) {
  EXPECT_EXIT(PassOften("test.one:0.01:7", 5000), ::testing::KilledBySignal(SIGKILL),
              "kill point test.one");
}

TEST_F(KillPointDeathTest, IsInertOtherwise) {
  EXPECT_EXIT(PassOften("", 1000), ::testing::ExitedWithCode(0), "");
  EXPECT_EXIT(PassOften("test.three:1", 1000), ::testing::ExitedWithCode(0), "");
}

TEST_F(KillPointDeathTest, RefusesWhatItCannotRead) {
  for (const char* setting : {"test.one", "test.one:0", ":1", "test.one:2.0:1", "test.one:x"}) {
    EXPECT_EXIT(PassOften(setting, 1), ::testing::KilledBySignal(SIGABRT), "neither") << setting;
  }
}

}  // namespace
}  // namespace fulcrum::base
