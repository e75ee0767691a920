#include "decision_log/retention.h"

#include <filesystem>

#include "decision_log/stream_reader.h"
#include "decision_log/verify.h"
#include "tests/decision_log/log_fixture.h"
#include "tests/support/faulty_file_system.h"

namespace fulcrum::decision_log {
namespace {

using ::fulcrum::testing::StatusIs;
using ::testing::HasSubstr;

constexpr Lsn kAll = ~Lsn{0};

class RetentionTest : public LogFixture {
 protected:
  // One batch a second, of `count` decisions each numbered as its LSN.
  void WriteSeconds(uint64_t seconds) {
    LogOptions options = Options();
    options.compress = false;
    const std::unique_ptr<LogWriter> writer = Open(std::move(options));
    ASSERT_NE(writer, nullptr);
    writer->Start();
    for (uint64_t second = 0; second < seconds; ++second) {
      clock_.Advance(absl::Seconds(1));
      ASSERT_EQ(AppendAndWait(writer.get(), second * kBatch + 1, kBatch), kBatch);
    }
    FULCRUM_ASSERT_OK(writer->Stop());
  }
  std::vector<Lsn> Segments(Stream stream) const {
    return ListSegments(base::PosixFileSystem(), log(), stream).value();
  }
  absl::StatusOr<Retired> Retire(Stream stream, absl::Duration age, Lsn keep_from) {
    return RetireSegments(base::PosixFileSystem(), log(), stream, clock_.Now() - age, keep_from);
  }
  void ExpectClean() {
    const auto report = VerifyLog(base::PosixFileSystem(), log());
    FULCRUM_ASSERT_OK(report);
    EXPECT_EQ(report->corrupt_count, 0u)
        << (report->corrupt.empty() ? "" : ToString(report->corrupt.front().damage));
    for (const Invariant& one : report->invariants) {
      EXPECT_EQ(one.violated, 0u) << one.name << ": " << one.first_violation;
    }
  }

  static constexpr uint64_t kBatch = 40;
};

TEST_F(RetentionTest, RemovesWholeSegmentsByAgeAndNeverOneThatIsNeededOrTheLast) {
  WriteSeconds(60);
  const std::vector<Lsn> before = Segments(Stream::kDecisions);
  ASSERT_GE(before.size(), 8u);

  // Nothing is old enough.
  auto retired = Retire(Stream::kDecisions, absl::Hours(1), kAll);
  FULCRUM_ASSERT_OK(retired);
  EXPECT_EQ(retired->segments, 0u);
  EXPECT_EQ(Segments(Stream::kDecisions), before);

  // Old enough, but a fold needs LSN before[3] + 1: its segment and all behind it stay.
  retired = Retire(Stream::kDecisions, absl::ZeroDuration(), before[3] + 1);
  FULCRUM_ASSERT_OK(retired);
  EXPECT_EQ(retired->segments, 3u);
  EXPECT_EQ(retired->last_lsn, before[3] - 1);
  EXPECT_EQ(Segments(Stream::kDecisions), std::vector<Lsn>(before.begin() + 3, before.end()));
  ExpectClean();

  // By age: a record that is younger keeps its whole segment. LSN n was appended in second
  // (n - 1) / kBatch + 1 of 60.
  const absl::Duration age = absl::Seconds(20);
  retired = Retire(Stream::kDecisions, age, kAll);
  FULCRUM_ASSERT_OK(retired);
  EXPECT_GT(retired->segments, 0u);
  EXPECT_LT((retired->last_lsn - 1) / kBatch + 1, 40u);
  const std::vector<Lsn> left = Segments(Stream::kDecisions);
  // The next one could not have gone: its end is younger, or is the second that it was cut in.
  EXPECT_GE((left[1] - 1) / kBatch + 1, 40u);
  ExpectClean();

  retired = Retire(Stream::kDecisions, -absl::Hours(1), kAll);
  FULCRUM_ASSERT_OK(retired);
  EXPECT_EQ(Segments(Stream::kDecisions), std::vector<Lsn>{before.back()});
  ExpectClean();
}

TEST_F(RetentionTest, EachStreamMayBeTheShorterOne) {
  for (const Stream stream : {Stream::kFeatures, Stream::kDecisions}) {
    std::filesystem::remove_all(log());
    WriteSeconds(60);
    ASSERT_GE(Segments(stream).size(), 4u);
    FULCRUM_ASSERT_OK(Retire(stream, absl::Seconds(25), kAll));
    EXPECT_GT(Segments(stream).front(), 1u);
    ExpectClean();
    const auto report = VerifyLog(base::PosixFileSystem(), log());
    EXPECT_GT(report->snapshots_lost, 0u) << StreamName(stream);
    // What is missing within the rest is still found.
    const std::vector<Lsn> rest = Segments(Stream::kFeatures);
    ASSERT_GE(rest.size(), 3u);
    std::filesystem::remove(Segment(Stream::kFeatures, rest[rest.size() - 2]));
    EXPECT_FALSE(VerifyLog(base::PosixFileSystem(), log())->clean());
  }
}

// A log without its beginning holds refunds of decisions that it no longer holds.
TEST_F(RetentionTest, ARefundOfADeletedDecisionIsNotMoreThanWasTaken) {
  const auto refund = [](Lsn of) {
    UnshownRecord unshown;
    unshown.decision_id = MakeId(of);
    unshown.decision_lsn = of;
    unshown.positions = {1};
    unshown.refunds = {{"cap", 100, 10, 1000, false}};
    return unshown;
  };
  WriteSeconds(60);
  FULCRUM_ASSERT_OK(Retire(Stream::kDecisions, absl::Seconds(30), kAll));
  const Lsn first = Segments(Stream::kDecisions).front();
  ASSERT_GT(first, 1u);
  const auto append = [&](const LogEvent& event) {
    const std::unique_ptr<LogWriter> writer = Open(Options());
    ASSERT_NE(writer, nullptr);
    writer->Start();
    FULCRUM_ASSERT_OK(writer->Append(event, std::nullopt, nullptr));
    FULCRUM_ASSERT_OK(writer->Stop());
  };
  append(refund(first - 1));
  ExpectClean();
  append(refund(first));  // this one is there, and has taken nothing
  EXPECT_FALSE(VerifyLog(base::PosixFileSystem(), log())->clean());
}

TEST_F(RetentionTest, TheWriterGoesOnAndARecoverySaysWhatIsGone) {
  WriteSeconds(60);
  FULCRUM_ASSERT_OK(Retire(Stream::kDecisions, absl::Seconds(30), kAll));
  const Lsn first = Segments(Stream::kDecisions).front();
  ASSERT_GT(first, 1u);
  Recorder recorder;
  {
    const std::unique_ptr<LogWriter> writer = Open(Options());
    ASSERT_NE(writer, nullptr);
    EXPECT_THAT(writer->Recover(0, &recorder),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr("LSN 1 to")));
    const std::string message(writer->Recover(first - 2, &recorder).message());
    EXPECT_THAT(message, HasSubstr(absl::StrCat("LSN ", first - 1, " to ", first - 1)));
    EXPECT_THAT(message, HasSubstr("retention"));
    EXPECT_TRUE(recorder.events.empty());
    FULCRUM_EXPECT_OK(writer->Recover(first - 1, &recorder));
    EXPECT_EQ(recorder.events.size(), 60 * kBatch - first + 1);
    writer->Start();
    EXPECT_EQ(AppendAndWait(writer.get(), 60 * kBatch + 1, kBatch), kBatch);
    FULCRUM_ASSERT_OK(writer->Stop());
  }
  ExpectClean();
}

// Whatever power loss comes at whatever operation, what is left is the end of the stream.
TEST_F(RetentionTest, APowerLossLeavesNoHole) {
  WriteSeconds(60);
  const std::vector<Lsn> before = Segments(Stream::kDecisions);
  testing::FaultyFileSystem files;
  files.Record(true);
  FULCRUM_ASSERT_OK(RetireSegments(&files, log(), Stream::kDecisions, clock_.Now(), before[6]));
  const size_t operations = files.operations();
  ASSERT_GE(operations, 12u);
  // Each removal is followed by a sync of the directory before the next one.
  for (size_t i = 0; i < operations; ++i) {
    EXPECT_EQ(files.Describe(i).first, i % 2 == 0 ? testing::FileOperation::kRemove
                                                  : testing::FileOperation::kSyncDirectory);
    if (i % 2 == 0) {
      EXPECT_THAT(files.Describe(i).second, HasSubstr(SegmentName(before[i / 2])));
    }
  }
}

TEST_F(RetentionTest, AnErrorOfTheDiskLeavesAPrefixRemoved) {
  WriteSeconds(60);
  const std::vector<Lsn> before = Segments(Stream::kDecisions);
  testing::FaultyFileSystem files;
  testing::FaultRule rule;
  rule.operation = testing::FileOperation::kRemove;
  rule.nth = 3;
  rule.fault = testing::FileFault::kIoError;
  files.AddFault(rule);
  EXPECT_THAT(RetireSegments(&files, log(), Stream::kDecisions, clock_.Now(), before[6]).status(),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("injected")));
  EXPECT_EQ(Segments(Stream::kDecisions), std::vector<Lsn>(before.begin() + 2, before.end()));
  ExpectClean();
}

}  // namespace
}  // namespace fulcrum::decision_log
