#include "decision_log/log_tail.h"

#include "decision_log/stream_reader.h"
#include "tests/decision_log/log_fixture.h"

namespace fulcrum::decision_log {
namespace {

class LogTail : public LogFixture {
 protected:
  // One decision a second, in segments of 64 KB.
  void WriteSeconds(uint64_t count) {
    LogOptions options = Options();
    options.compress = false;
    const std::unique_ptr<LogWriter> writer = Open(std::move(options));
    ASSERT_NE(writer, nullptr);
    writer->Start();
    for (uint64_t number = 1; number <= count; ++number) {
      DecisionRecord decision = MakeDecision(number, 20);
      decision.occurred_us = 1'000'000 * static_cast<int64_t>(number);
      FULCRUM_ASSERT_OK(writer->Append(decision, std::nullopt, {}));
      if (number % 20 != 0) continue;
      FULCRUM_ASSERT_OK(writer->Flush());  // a batch may pass a segment
    }
    FULCRUM_ASSERT_OK(writer->Stop());
  }
  absl::StatusOr<Lsn> Start(absl::Duration span) {
    return StartOfTail(base::PosixFileSystem(), log(), span);
  }
};

TEST_F(LogTail, SkipsSegmentsThatAreTooOldAndNothingElse) {
  constexpr uint64_t kDecisions = 600;
  WriteSeconds(kDecisions);
  const auto segments = ListSegments(base::PosixFileSystem(), log(), Stream::kDecisions);
  FULCRUM_ASSERT_OK(segments);
  ASSERT_GE(segments->size(), 4u);
  const Lsn last_segment = segments->back();
  bool skipped = false;
  for (const uint64_t span : {1, 50, 100, 200, 400, 599}) {
    const auto start = Start(absl::Seconds(span));
    FULCRUM_ASSERT_OK(start);
    skipped = skipped || *start > 0;
    // Decision n occurred at second n and has LSN n.
    EXPECT_LE(*start, kDecisions - span);
    const bool too_much = *start + 1 + span + 200 < last_segment;  // a segment holds fewer
    EXPECT_FALSE(too_much) << "span " << span << " begins after " << *start;
  }
  EXPECT_TRUE(skipped);
  EXPECT_THAT(Start(absl::Seconds(100'000)).value(), 0u);
}

TEST_F(LogTail, AnEmptyLogIsReadFromItsStart) {
  EXPECT_THAT(Start(absl::Seconds(1)).value(), 0u);
  WriteSeconds(1);
  EXPECT_THAT(Start(absl::Seconds(1)).value(), 0u);
}

}  // namespace
}  // namespace fulcrum::decision_log
