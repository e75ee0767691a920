// Regret studies, written and read again, and several as one.
#include "apps/regret_study.h"

#include "base/file.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace fulcrum::apps {
namespace {

using ::fulcrum::testing::StatusIs;
using ::testing::HasSubstr;

simulation::RegretStudy Study(const std::string& policy, double mean) {
  return {"slates", 100, 2, {{policy, mean, 1.5, mean - 1, mean + 1, {mean / 2, mean}}}};
}

class RegretStudyTest : public ::testing::Test {
 protected:
  absl::StatusOr<simulation::RegretStudy> Read(const std::string& text) {
    const std::string path = temporary_.path() + "/study.json";
    FULCRUM_EXPECT_OK(base::WriteFileAtomically(base::PosixFileSystem(), path, text));
    return ReadRegretStudy(path);
  }

 private:
  testing::TemporaryDirectory temporary_;
};

TEST_F(RegretStudyTest, IsReadAsItWasWritten) {
  const std::string text = simulation::RegretJson(Study("softmax:0.02@0", 8));
  const auto study = Read(text);
  FULCRUM_ASSERT_OK(study);
  EXPECT_EQ(simulation::RegretJson(*study), text);
}

TEST_F(RegretStudyTest, WhatIsNoneIsRefused) {
  for (const char* text :
       {"", "[]", "{}", R"({"world": "slates", "decisions": 100, "seeds": 2, "policies": []})",
        R"({"world": "slates", "decisions": -1, "seeds": 2, "policies": {}})",
        R"({"world": "slates", "decisions": 1, "seeds": 2, "policies": {"a": {"mean": 1}}})",
        R"({"world": "slates", "decisions": 1, "seeds": 2, "policies":
            {"a": {"mean": 1, "se": 1, "low": 1, "high": 1, "curve": []}}})"}) {
    EXPECT_THAT(Read(text).status(),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("not a regret study")))
        << text;
  }
  EXPECT_FALSE(ReadRegretStudy("/nowhere/study.json").ok());
}

TEST_F(RegretStudyTest, SeveralAreOneIfTheyAreOfTheSameRuns) {
  const auto merged = MergeStudies({Study("thompson", 8), Study("greedy", 9)});
  FULCRUM_ASSERT_OK(merged);
  ASSERT_EQ(merged->policies.size(), 2u);
  EXPECT_EQ(merged->policies[1].policy, "greedy");
  simulation::RegretStudy other = Study("greedy", 9);
  other.seeds = 3;
  EXPECT_THAT(MergeStudies({Study("thompson", 8), other}).status(),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("cannot be compared")));
  EXPECT_FALSE(MergeStudies({}).ok());
}

}  // namespace
}  // namespace fulcrum::apps
