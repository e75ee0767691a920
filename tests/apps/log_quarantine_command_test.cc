#include "apps/log_quarantine_command.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "apps/command_line.h"
#include "apps/log_command.h"
#include "decision_log/stream_reader.h"
#include "tests/apps/command_run.h"
#include "tests/decision_log/log_fixture.h"

namespace fulcrum::apps {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class LogQuarantineCommandTest : public decision_log::LogFixture {
 protected:
  // A log with damage in its second segment of decisions.
  void SetUp() override {
    decision_log::LogOptions options = Options();
    options.segment_bytes = uint64_t{32} << 10;
    WriteLog(600, std::move(options));
    const auto segments = decision_log::ListSegments(base::PosixFileSystem(), log(),
                                                     decision_log::Stream::kDecisions);
    ASSERT_THAT(segments, testing::IsOk());
    ASSERT_GE(segments->size(), 3u);
    first_ = (*segments)[1];
    last_ = (*segments)[2] - 1;
    const std::string path = Segment(decision_log::Stream::kDecisions, first_);
    std::string bytes = ReadFile(path);
    bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
    WriteFile(path, bytes);
  }
  static testing::CommandRun Run(const std::vector<std::string>& arguments) {
    return testing::RunCommand(AddLogCommand, "log", arguments);
  }
  std::string Gap() const {
    return absl::StrCat("decisions: LSN ", first_, " to ", last_, " are quarantined since ");
  }
  static size_t Lines(const std::string& text) {
    return static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
  }

  Lsn first_ = 0;
  Lsn last_ = 0;
};

TEST_F(LogQuarantineCommandTest, SaysWhatItWouldDoAndChangesNothing) {
  for (int i = 0; i < 2; ++i) {
    const testing::CommandRun run = Run({"quarantine", log()});
    EXPECT_EQ(run.exit_code, kExitFinding);
    EXPECT_THAT(
        run.out,
        AllOf(HasSubstr("would be moved to quarantine/ by --apply"),
              HasSubstr("decisions/" + decision_log::SegmentName(first_)),
              HasSubstr("checksum is wrong"), HasSubstr(absl::StrCat("LSN ", first_, " to ")),
              HasSubstr(absl::StrCat("readable: ", first_, "-")), HasSubstr("lost: ")));
  }
  EXPECT_EQ(Run({"verify", log()}).exit_code, kExitFinding);
}

TEST_F(LogQuarantineCommandTest, AfterwardsEveryReaderGoesOverTheGapAndTellsIt) {
  const testing::CommandRun applied = Run({"quarantine", log(), "--apply", "--actor", "ann"});
  EXPECT_EQ(applied.exit_code, kExitOk) << applied.err;
  EXPECT_THAT(applied.out, HasSubstr("moved to quarantine/"));
  const testing::CommandRun again = Run({"quarantine", log()});
  EXPECT_EQ(again.exit_code, kExitOk);
  EXPECT_THAT(again.out, AllOf(HasSubstr(Gap()), HasSubstr("nothing to do")));

  const testing::CommandRun verify = Run({"verify", log()});
  EXPECT_EQ(verify.exit_code, kExitFinding);
  EXPECT_THAT(verify.out, AllOf(HasSubstr("missing: " + Gap()), HasSubstr("NOT CLEAN"),
                                Not(HasSubstr("corrupt:"))));
  EXPECT_THAT(Run({"verify", log(), "--json"}).out,
              AllOf(HasSubstr("\"corrupt_count\":0"),
                    HasSubstr(absl::StrCat("\"first_lsn\":", first_, ",\"last_lsn\":", last_)),
                    HasSubstr("\"actor\":\"ann\"")));
  const size_t kept = 600 - (last_ - first_ + 1) + 1;  // and the audit record
  const testing::CommandRun cat = Run({"cat", log()});
  EXPECT_EQ(cat.exit_code, kExitFinding);
  EXPECT_EQ(Lines(cat.out), kept);
  EXPECT_THAT(cat.err, HasSubstr(Gap()));
  const testing::CommandRun audits = Run({"cat", log(), "--type", "audit", "--json"});
  EXPECT_EQ(Lines(audits.out), 1u);
  EXPECT_THAT(audits.out, AllOf(HasSubstr("log.quarantine"), HasSubstr("ann")));
  EXPECT_THAT(Run({"stats", log()}).out, AllOf(HasSubstr(Gap()), HasSubstr("damaged places: 0")));
  const testing::CommandRun exported = Run({"export", log(), directory_.path() + "/out.jsonl"});
  EXPECT_EQ(exported.exit_code, kExitFinding);
  EXPECT_THAT(exported.err, HasSubstr(Gap()));
}

TEST_F(LogQuarantineCommandTest, WhatIsQuarantinedIsReadOnBothSidesOfTheDamage) {
  ASSERT_EQ(Run({"quarantine", log(), "--apply"}).exit_code, kExitOk);
  const std::string apart = log() + "/quarantine";
  const testing::CommandRun cat = Run({"cat", apart});
  EXPECT_EQ(cat.exit_code, kExitFinding) << "there is damage";
  EXPECT_EQ(Lines(cat.out), last_ - first_);  // all but one
  EXPECT_THAT(cat.out,
              AllOf(HasSubstr(absl::StrCat(first_, " ")), HasSubstr(absl::StrCat(last_, " "))));
  const testing::CommandRun exported = Run({"export", apart, directory_.path() + "/out.jsonl"});
  EXPECT_THAT(exported.out, HasSubstr(absl::StrCat(last_ - first_, " events")));
}

TEST_F(LogQuarantineCommandTest, ALogThatIsBeingWrittenIsRefused) {
  const auto lock = base::PosixFileSystem()->Lock(log() + "/LOCK");
  ASSERT_THAT(lock, testing::IsOk());
  EXPECT_EQ(Run({"quarantine", log()}).exit_code, kExitFinding);  // looking is allowed
  const testing::CommandRun refused = Run({"quarantine", log(), "--apply"});
  EXPECT_EQ(refused.exit_code, kExitFailure);
  EXPECT_THAT(refused.err, HasSubstr("LOCK"));
}

}  // namespace
}  // namespace fulcrum::apps
