#include "exchange/checkpoint.h"

#include <limits>

#include "tests/support/memory_file_system.h"
#include "tests/support/status_matchers.h"

namespace fulcrum::exchange {
namespace {

using ::testing::HasSubstr;
using testing::StatusIs;

TEST(Checkpoint, ComesBackAsItWas) {
  testing::MemoryFileSystem files;
  EXPECT_EQ(*LoadCheckpoint(&files, "d/note"), std::nullopt);
  Checkpoint checkpoint{.what = "import \"of\"\n",
                        .taken = std::numeric_limits<uint64_t>::max(),
                        .sum = 0xffffffff,
                        .bytes = 7,
                        .decisions = {8, std::numeric_limits<int64_t>::min()},
                        .features = {9, std::numeric_limits<int64_t>::max()},
                        .whole = true};
  checkpoint.report = {.events = 1, .snapshots = 2, .rows = 3};
  for (uint64_t line = 1; line <= 30; ++line) checkpoint.report.TellBad(line, "no UTF-8: \xff");
  ASSERT_THAT(SaveCheckpoint(&files, "d/note", checkpoint), testing::IsOk());
  const auto back = LoadCheckpoint(&files, "d/note");
  ASSERT_THAT(back, testing::IsOk());
  EXPECT_EQ(*back, checkpoint);
  EXPECT_EQ((*back)->report.bad_count, 30U);
  EXPECT_EQ((*back)->report.bad_lines.size(), kBadLinesMax);
}

TEST(Checkpoint, WhatCannotBeUnderstoodIsRefusedWithTheRemedy) {
  testing::MemoryFileSystem files;
  ASSERT_THAT(SaveCheckpoint(&files, "note", Checkpoint()), testing::IsOk());
  const std::string good = files.Content("note");
  for (const std::string& text : {std::string(), std::string("[]"), good.substr(0, 40),
                                  "{\"what\":1" + good.substr(good.find(','))}) {
    files.SetContent("note", text);
    EXPECT_THAT(LoadCheckpoint(&files, "note"),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr("without --resume")))
        << text;
  }
}

TEST(TransferReport, AReasonIsShortHoweverLongWhatItQuotes) {
  TransferReport report;
  report.TellBad(1, std::string(1 << 20, 'x'));
  EXPECT_EQ(report.bad_lines[0].reason.size(), kReasonBytesMax);
}

}  // namespace
}  // namespace fulcrum::exchange
