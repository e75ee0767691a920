#include "tests/architecture/habits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/architecture/made_up_tree.h"
#include "tests/architecture/source_tree.h"

namespace fulcrum::architecture {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(Habits, TheTreeKeepsThem) {
  for (const std::string& finding : CheckHabits(SourceRoot())) ADD_FAILURE() << finding;
}

TEST(HabitsChecker, CommentsMayNameWhatCodeMayNotCall) {
  const MadeUpTree tree({{"src/policy/x.cc", "// not std::exp( and not absl::Now(\n"},
                         {"src/training/x.cc", "double y = std::log(2);\n"},
                         {"src/base/clock.cc", "return absl::Now();\n"}});
  EXPECT_THAT(CheckHabits(tree.root()), IsEmpty());
}

TEST(HabitsChecker, FindsLeftoverMarks) {
  const std::string mark = std::string("FIX") + "ME";
  const MadeUpTree tree({});
  tree.Write("docs/a.md", "text\nand " + mark + " more\n");
  EXPECT_THAT(CheckHabits(tree.root()),
              ElementsAre("docs/a.md:2: leftover mark: finish it, or open an issue."));
}

TEST(HabitsChecker, FindsCallsWithABetterReplacement) {
  const MadeUpTree tree({{"src/edge/a.cc", "absl::Mutex mutex;\n"},
                         {"src/edge/b.cc", "auto t = absl::Now();\n"},
                         {"src/edge/c.cc", "std::mt19937 random;\n"},
                         {"src/scoring/d.cc", "double y = std::exp(x);\n"}});
  EXPECT_THAT(
      CheckHabits(tree.root()),
      ElementsAre("src/edge/a.cc:1: use base/mutex.h: ThreadSanitizer cannot see into the packaged "
                  "absl::Mutex.",
                  "src/edge/b.cc:1: wall time is an argument or a base::Clock.",
                  "src/edge/c.cc:1: randomness comes from base/random.h.",
                  "src/scoring/d.cc:1: on the decision path transcendentals come from "
                  "base/math.h."));
}

}  // namespace
}  // namespace fulcrum::architecture
