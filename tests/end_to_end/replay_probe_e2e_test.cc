// A replay in a process whose C library may not use FMA: identical with our own exp on the path,
// and not with the C library's. The second shows that the first could fail.
#include <cstdio>

#include "absl/strings/ascii.h"
#include "base/file.h"
#include "tests/end_to_end/world.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/without_fma.h"

namespace fulcrum {
namespace {

using ::fulcrum::testing::IsOk;
using ::testing::HasSubstr;

class ReplayProbe : public ::testing::Test {
 protected:
  struct Ran {
    int exit_code = -1;
    std::string out;
  };
  enum class Fma { kAsItIs, kWithout };

  Ran Run(const std::string& program, std::vector<std::string> arguments, Fma fma) {
    arguments.insert(arguments.begin(), testing::BinaryPath(program));
    const std::string output = absl::StrCat(directory_.path(), "/out-", ++runs_);
    const std::vector<std::string> environment(fma == Fma::kWithout ? 1 : 0, testing::kWithoutFma);
    auto process = apps::ChildProcess::Start(arguments, output, environment);
    EXPECT_THAT(process, IsOk());
    if (!process.ok()) return {};
    const auto code = process->Wait(absl::Seconds(200));
    EXPECT_THAT(code, IsOk());
    auto text = base::ReadWholeFile(base::PosixFileSystem(), output, 1 << 20);
    return {code.value_or(-1), std::string(absl::StripAsciiWhitespace(text.value_or("")))};
  }

  // Whether the environment variable changes the C library's exp here at all.
  bool LibraryChanges() {
    const Ran with = Run("replay_probe", {"exp"}, Fma::kAsItIs);
    const Ran without = Run("replay_probe", {"exp"}, Fma::kWithout);
    EXPECT_EQ(with.exit_code, 0);
    EXPECT_EQ(without.exit_code, 0);
    EXPECT_EQ(with.out.size(), 16u);
    std::printf("the C library's exp: %s, without FMA %s\n", with.out.c_str(), without.out.c_str());
    return with.out != without.out;
  }

  // What a replay without FMA says of a log recorded with it.
  Ran RecordAndReplay(const std::string& program) {
    const std::string log = directory_.path() + "/" + program;
    EXPECT_EQ(Run(program, {"record", log}, Fma::kAsItIs).exit_code, 0);
    EXPECT_EQ(Run(program, {"replay", log}, Fma::kAsItIs).exit_code, 0) << "here, it is the same";
    Ran ran = Run(program, {"replay", log}, Fma::kWithout);
    std::printf("%s without FMA: %s\n", program.c_str(), ran.out.c_str());
    return ran;
  }

  testing::TemporaryDirectory directory_;
  int runs_ = 0;
};

constexpr char kNoFma[] =
    "the C library's exp has the same bits with and without the variable: this processor has no "
    "FMA, or the library is not glibc 2.36. What is shown here is only that a replay in another "
    "process gives the same bits";

TEST_F(ReplayProbe, OurOwnExpGivesTheSameBitsWithoutFma) {
  const bool changes = LibraryChanges();
  const Ran ran = RecordAndReplay("replay_probe");
  EXPECT_EQ(ran.exit_code, 0) << ran.out;
  EXPECT_THAT(ran.out, HasSubstr("6000 decisions, 0 different"));
  if (!changes) std::printf("%s\n", kNoFma);
}

TEST_F(ReplayProbe, TheLibrarysExpOnThePathIsFoundOut) {
  if (!LibraryChanges()) GTEST_SKIP() << kNoFma;
  const Ran ran = RecordAndReplay("replay_probe_libm");
  EXPECT_EQ(ran.exit_code, 1) << "a replay on another processor did not notice libm's exp";
  EXPECT_THAT(ran.out, HasSubstr("different, first: "));
}

}  // namespace
}  // namespace fulcrum
