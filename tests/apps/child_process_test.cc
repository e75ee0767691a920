#include "apps/child_process.h"

#include <signal.h>

#include "base/file.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace fulcrum::apps {
namespace {

using ::fulcrum::testing::StatusIs;
using ::testing::HasSubstr;

constexpr absl::Duration kLong = absl::Seconds(60);

absl::StatusOr<ChildProcess> Shell(const std::string& script, const std::string& log = "",
                                   const std::vector<std::string>& environment = {}) {
  return ChildProcess::Start({"/bin/sh", "-c", script}, log, environment);
}

TEST(ChildProcess, TellsTheExitCode) {
  auto child = Shell("exit 7");
  FULCRUM_ASSERT_OK(child);
  EXPECT_EQ(*child->Wait(kLong), 7);
  EXPECT_TRUE(child->Ended());
  EXPECT_EQ(child->exit_code(), 7);
  EXPECT_EQ(*child->Wait(kLong), 7) << "asking again is fine";
}

TEST(ChildProcess, TellsTheSignal) {
  auto child = Shell("exec sleep 600");
  FULCRUM_ASSERT_OK(child);
  EXPECT_THAT(child->Wait(absl::Milliseconds(1)),
              StatusIs(absl::StatusCode::kDeadlineExceeded, HasSubstr("in time")));
  EXPECT_FALSE(child->Ended());
  child->Signal(SIGKILL);
  EXPECT_EQ(*child->Wait(kLong), 128 + SIGKILL);
}

TEST(ChildProcess, WritesToItsLogAndSeesItsEnvironment) {
  const testing::TemporaryDirectory directory;
  const std::string log = directory.path() + "/log.txt";
  for (const char* word : {"one", "two"}) {
    auto child = Shell("echo $WORD; echo err >&2", log, {std::string("WORD=") + word});
    FULCRUM_ASSERT_OK(child);
    EXPECT_EQ(*child->Wait(kLong), 0);
  }
  EXPECT_EQ(*base::ReadWholeFile(base::PosixFileSystem(), log, 1000), "one\nerr\ntwo\nerr\n");
}

TEST(ChildProcess, DiesWithItsObject) {
  pid_t pid = 0;
  {
    auto child = Shell("exec sleep 600");
    FULCRUM_ASSERT_OK(child);
    ChildProcess moved = *std::move(child);
    pid = moved.pid();
    EXPECT_EQ(kill(pid, 0), 0);
  }
  EXPECT_NE(kill(pid, 0), 0);
}

TEST(ChildProcess, AProgramThatIsNotThereIsNamed) {
  EXPECT_THAT(ChildProcess::Start({"/no/such/program"}, ""),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("/no/such/program")));
}

}  // namespace
}  // namespace fulcrum::apps
