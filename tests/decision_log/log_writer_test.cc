#include "decision_log/log_writer.h"

#include <filesystem>

#include "base/hash.h"
#include "decision_log/verify.h"
#include "tests/decision_log/log_fixture.h"
#include "tests/support/faulty_file_system.h"

namespace fulcrum::decision_log {
namespace {

using ::testing::HasSubstr;
using testing::StatusIs;

class LogWriterTest : public LogFixture {};

TEST_F(LogWriterTest, WhatIsAppendedIsRecoveredInOrder) {
  WriteLog(20, Options());
  const auto events = Recovered();
  ASSERT_EQ(events.size(), 20u);
  for (uint64_t i = 0; i < 20; ++i) {
    EXPECT_EQ(events[i].first, i + 1);
    EXPECT_TRUE(std::get<DecisionRecord>(events[i].second) == MakeDecision(i + 1));
  }
  EXPECT_TRUE(report_.decisions.closed);
  EXPECT_EQ(report_.features.last_lsn, 20u);
}

TEST_F(LogWriterTest, RecoveryBeginsBehindTheCheckpoint) {
  WriteLog(9, Options());
  EXPECT_EQ(Recovered(9).size(), 0u);
  const auto events = Recovered(6);
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(events[0].first, 7u);
  Recorder recorder;
  EXPECT_THAT(Open(Options())->Recover(10, &recorder),
              StatusIs(absl::StatusCode::kOutOfRange, HasSubstr("ends with LSN 9")));
}

TEST_F(LogWriterTest, ObserversHearOfAnEventBeforeItsCaller) {
  const std::unique_ptr<LogWriter> writer = Open(Options());
  Recorder recorder;
  writer->AddObserver(&recorder);
  writer->Start();
  std::vector<size_t> heard;
  std::vector<Lsn> lsns;
  for (uint64_t i = 1; i <= 5; ++i) {
    FULCRUM_ASSERT_OK(
        writer->Append(MakeDecision(i), std::nullopt, [&](const absl::StatusOr<Lsn>& lsn) {
          lsns.push_back(lsn.value());
          heard.push_back(recorder.events.size());
        }));
  }
  FULCRUM_ASSERT_OK(writer->Flush());
  EXPECT_THAT(lsns, ::testing::ElementsAre(1, 2, 3, 4, 5));
  EXPECT_THAT(heard, ::testing::ElementsAre(1, 2, 3, 4, 5));
  EXPECT_EQ(recorder.events[2].first, 3u);
}

TEST_F(LogWriterTest, AReopenedLogGoesOnWhereItEnded) {
  WriteLog(3, Options());
  {
    const std::unique_ptr<LogWriter> writer = Open(Options());
    writer->Start();
    EXPECT_EQ(AppendAndWait(writer.get(), 4, 2), 2u);
    EXPECT_EQ(writer->Stats().last_lsn, 5u);
    EXPECT_EQ(writer->Stats().durable_lsn, 5u);
  }
  EXPECT_EQ(Recovered().size(), 5u);
}

TEST_F(LogWriterTest, FullSegmentsAreFollowedByNewOnes) {
  LogOptions options = Options();
  options.segment_bytes = 2048;
  WriteLog(30, std::move(options));
  const auto segments = ListSegments(base::PosixFileSystem(), log(), Stream::kDecisions);
  FULCRUM_ASSERT_OK(segments);
  EXPECT_GT(segments->size(), 5u);
  EXPECT_EQ(segments->front(), 1u);
  for (const Lsn first : *segments) {
    EXPECT_LE(std::filesystem::file_size(Segment(Stream::kDecisions, first)), 2048u);
  }
  EXPECT_EQ(Recovered().size(), 30u);
  EXPECT_EQ(Recovered((*segments)[3]).size(), 30 - (*segments)[3]);
}

TEST_F(LogWriterTest, AFullQueueRefusesAndDropsTheCallback) {
  LogOptions options = Options();
  options.queue_max = 2;
  const std::unique_ptr<LogWriter> writer = Open(std::move(options));  // not started: nothing moves
  int called = 0;
  const auto append = [&](uint64_t number) {
    return writer->Append(MakeDecision(number), std::nullopt,
                          [&](const absl::StatusOr<Lsn>&) { ++called; });
  };
  FULCRUM_EXPECT_OK(append(1));
  FULCRUM_EXPECT_OK(append(2));
  EXPECT_THAT(append(3),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("queue is full")));
  EXPECT_EQ(writer->Stats().refused, 1u);
  EXPECT_EQ(writer->Stats().queue_depth, 2u);
  writer->Start();
  FULCRUM_ASSERT_OK(writer->Flush());
  EXPECT_EQ(called, 2);
  FULCRUM_ASSERT_OK(writer->Stop());
  EXPECT_THAT(append(4), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("closed")));
}

TEST_F(LogWriterTest, RefusesAnEventThatCouldNotBeReadAgain) {
  const std::unique_ptr<LogWriter> writer = Open(Options());
  DecisionRecord decision = MakeDecision(1);
  ++decision.positions[0].ticks[0];
  EXPECT_THAT(writer->Append(decision, std::nullopt, [](const absl::StatusOr<Lsn>&) {}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("2^32")));
}

TEST_F(LogWriterTest, AnEventThatIsTooLargeTakesNoLsn) {
  const std::unique_ptr<LogWriter> writer = Open(Options());
  writer->Start();
  OutcomeRecord outcome;
  outcome.kind.assign(kPayloadBytesMax, 'x');
  absl::Status status;
  FULCRUM_ASSERT_OK(writer->Append(outcome, std::nullopt,
                                   [&](const absl::StatusOr<Lsn>& lsn) { status = lsn.status(); }));
  EXPECT_EQ(AppendAndWait(writer.get(), 1, 1), 1u);
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("too large")));
  EXPECT_EQ(writer->Stats().last_lsn, 1u);
}

TEST_F(LogWriterTest, OneWriterPerDirectory) {
  const std::unique_ptr<LogWriter> writer = Open(Options());
  EXPECT_THAT(TryOpen(Options()),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("another process")));
}

TEST_F(LogWriterTest, PowerSyncsDecisionsBeforeItAnswers) {
  testing::FaultyFileSystem files;
  LogOptions options = Options();
  options.files = &files;
  options.durability = Durability::kPower;
  const std::unique_ptr<LogWriter> writer = Open(std::move(options));
  files.Record(true);
  writer->Start();
  size_t at_answer = 0;
  FULCRUM_ASSERT_OK(
      writer->Append(MakeDecision(1), MakeSnapshot(MakeDecision(1)),
                     [&](const absl::StatusOr<Lsn>&) { at_answer = files.operations(); }));
  while (writer->Stats().queue_depth != 0) std::this_thread::yield();
  FULCRUM_ASSERT_OK(writer->Stop());
  ASSERT_EQ(at_answer, 5u);
  using testing::FileOperation;
  const std::pair<FileOperation, const char*> expected[] = {
      {FileOperation::kAppend, "/features/"},
      {FileOperation::kAppend, kHighWaterName},
      {FileOperation::kAppend, "/decisions/"},
      {FileOperation::kSync, "/decisions/"},
      {FileOperation::kAppend, kHighWaterName}};
  for (size_t i = 0; i < at_answer; ++i) {
    EXPECT_THAT(files.Describe(i),
                ::testing::Pair(expected[i].first, HasSubstr(expected[i].second)));
  }
}

TEST_F(LogWriterTest, TheBackgroundSyncIsProvenByTheFile) {
  LogOptions options = Options();
  options.sync_interval = absl::Milliseconds(1);
  const std::unique_ptr<LogWriter> writer = Open(std::move(options));
  writer->Start();
  FULCRUM_ASSERT_OK(
      writer->Append(MakeDecision(1), std::nullopt, [](const absl::StatusOr<Lsn>&) {}));
  // Nobody flushes: the sync thread must do it, and a mark must say so in the file.
  Lsn proven = 0;
  while (proven < 1) {
    auto reader = StreamReader::Open(base::PosixFileSystem(), log(), Stream::kDecisions, 0);
    RecordView record;
    while (*(*reader)->Next(&record, true) == Found::kRecord) proven = record.header.durable_lsn;
  }
  EXPECT_EQ(writer->Stats().durable_lsn, 1u);
}

TEST_F(LogWriterTest, ALogThatWasNotClosedIsMarkedSo) {
  WriteLog(2, Options());
  CutOffMark(Stream::kDecisions);
  Open(Options()).reset();
  EXPECT_FALSE(report_.decisions.closed);
  EXPECT_FALSE(report_.decisions.torn);
  auto reader = StreamReader::Open(base::PosixFileSystem(), log(), Stream::kFeatures, 0);
  RecordView record;
  std::vector<uint8_t> flags;
  while (*(*reader)->Next(&record, true) == Found::kRecord) {
    if (record.header.type == RecordType::kMark) flags.push_back(record.header.flags);
  }
  EXPECT_THAT(flags, ::testing::ElementsAre(kFlagClosed, kFlagUnclean, kFlagClosed));
}

// Each stream's mark of an orderly end tells what the other must have.
TEST_F(LogWriterTest, AStreamThatLostItsEndIsRefusedByTheOther) {
  const auto reopened = [&] { return TryOpen(Options()).status(); };
  WriteLog(3, Options());
  CutOffMark(Stream::kFeatures);
  EXPECT_EQ(reopened().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(reopened().message()), HasSubstr("lacks the mark of an orderly end"));
  EXPECT_FALSE(VerifyLog(base::PosixFileSystem(), log())->clean());

  std::filesystem::remove_all(log());
  WriteLog(3, Options());
  const std::string path = Segment(Stream::kDecisions, 1);
  const std::string whole = ReadFile(path);
  size_t third = kSegmentHeaderBytes;
  for (int record = 0; record < 2; ++record) {
    third += RecordBytes(DecodeRecordHeader(std::string_view(whole).substr(third)).payload_bytes);
  }
  WriteFile(path, whole.substr(0, third));
  EXPECT_EQ(reopened().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(reopened().message()), HasSubstr("that of features says that LSN 3"));
  EXPECT_FALSE(VerifyLog(base::PosixFileSystem(), log())->clean());
  EXPECT_EQ(ReadFile(path), whole.substr(0, third)) << "nothing was changed";
}

// A writer that dies in its first batch after an orderly end may have come to features only.
TEST_F(LogWriterTest, WhatFeaturesHasBehindAnOrderlyEndIsNoViolation) {
  WriteLog(3, Options());
  const std::string decisions = ReadFile(Segment(Stream::kDecisions, 1));
  WriteLog(1, Options());
  CutOffMark(Stream::kFeatures);
  WriteFile(Segment(Stream::kDecisions, 1), decisions);
  ForgetHighWater();
  const auto before = VerifyLog(base::PosixFileSystem(), log());
  FULCRUM_ASSERT_OK(before);
  EXPECT_TRUE(before->clean());
  EXPECT_EQ(before->snapshots_lost, 1u);
  {
    const std::unique_ptr<LogWriter> writer = Open(Options());
    ASSERT_NE(writer, nullptr);
    writer->Start();
    EXPECT_EQ(AppendAndWait(writer.get(), 10, 1), 1u);
  }
  const auto after = VerifyLog(base::PosixFileSystem(), log());
  FULCRUM_ASSERT_OK(after);
  EXPECT_TRUE(after->clean());
  EXPECT_EQ(after->snapshots_lost, 1u);
}

// The tail of a segment is cut at every byte: what is left of the last record goes, no other does.
TEST_F(LogWriterTest, ATornTailOfAnyLengthIsCutOff) {
  WriteLog(3, Options());
  const std::string path = Segment(Stream::kDecisions, 1);
  const std::string whole = ReadFile(path);
  std::vector<size_t> ends;  // of the header and of each record, marks included
  for (size_t at = kSegmentHeaderBytes; at < whole.size();) {
    ends.push_back(at);
    at += RecordBytes(DecodeRecordHeader(std::string_view(whole).substr(at)).payload_bytes);
  }
  // Only bytes behind what a later record proves to have been synced can be torn. The records are
  // one batch each under `process`, so nothing before the closing mark proves anything.
  for (size_t cut = kSegmentHeaderBytes; cut < whole.size(); ++cut) {
    for (const bool zeros : {false, true}) {
      std::string bytes = whole.substr(0, cut);
      if (zeros) bytes.resize(whole.size() + 64, '\0');
      WriteFile(path, bytes);
      const size_t left =
          static_cast<size_t>(std::upper_bound(ends.begin(), ends.end(), cut) - ends.begin() - 1);
      // A record that lacks nothing but zeros is whole again in zeroed room.
      const size_t next = left + 1 < ends.size() ? ends[left + 1] : whole.size();
      if (zeros && bytes.substr(0, next) == whole.substr(0, next)) continue;
      std::unique_ptr<SegmentBook> book;
      const auto tail = FindTail(base::PosixFileSystem(), log(), Stream::kDecisions, &book);
      FULCRUM_ASSERT_OK(tail);
      ASSERT_EQ(tail->last_lsn, std::min<size_t>(left, 3)) << cut;
      ASSERT_EQ(tail->end_offset, ends[left]) << cut;
      ASSERT_EQ(tail->torn, whole.substr(ends[left], cut - ends[left]).find_first_not_of('\0') !=
                                std::string::npos)
          << cut;
    }
  }
}

TEST_F(LogWriterTest, ATornTailIsReplacedByWhatIsAppendedNext) {
  WriteLog(3, Options());
  const std::string path = Segment(Stream::kDecisions, 1);
  const std::string whole = ReadFile(path);
  WriteFile(path, whole.substr(0, whole.size() - RecordBytes(kMarkPayloadBytes) - 9));
  CutOffMark(Stream::kFeatures);
  {
    const std::unique_ptr<LogWriter> writer = Open(Options());
    EXPECT_TRUE(report_.decisions.torn);
    EXPECT_EQ(report_.decisions.last_lsn, 2u);
    EXPECT_THAT(report_.decisions.what, HasSubstr("LSN 3: the record is cut short"));
    writer->Start();
    EXPECT_EQ(AppendAndWait(writer.get(), 10, 1), 1u);
  }
  const auto events = Recovered();
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(events[2].first, 4u) << "LSN 3 tells that one is lost";
  EXPECT_EQ(std::get<DecisionRecord>(events[2].second).id, MakeId(10));
}

TEST_F(LogWriterTest, ASegmentThatWasOnlyJustBegunIsBegunAgain) {
  WriteLog(3, Options());
  WriteFile(Segment(Stream::kDecisions, 4), std::string(1000, '\0'));
  {
    const std::unique_ptr<LogWriter> writer = Open(Options());
    EXPECT_TRUE(report_.decisions.torn);
    EXPECT_FALSE(std::filesystem::exists(Segment(Stream::kDecisions, 4)));
    writer->Start();
    EXPECT_EQ(AppendAndWait(writer.get(), 4, 1), 1u);
  }
  EXPECT_EQ(Recovered().size(), 4u);
}

TEST_F(LogWriterTest, DamageToDurableRecordsIsRefusedByName) {
  WriteLog(5, Options());
  const std::string path = Segment(Stream::kDecisions, 1);
  std::string bytes = ReadFile(path);
  const size_t second =
      kSegmentHeaderBytes +
      RecordBytes(
          DecodeRecordHeader(std::string_view(bytes).substr(kSegmentHeaderBytes)).payload_bytes);
  bytes[second + 60] ^= 1;
  WriteFile(path, bytes);
  EXPECT_THAT(TryOpen(Options()),
              StatusIs(absl::StatusCode::kDataLoss,
                       ::testing::AllOf(HasSubstr("decisions/00000000000000000001.fulcrumlog"),
                                        HasSubstr(absl::StrCat("offset ", second)),
                                        HasSubstr("LSN 2"), HasSubstr("Restore the log segment"))));
  EXPECT_EQ(ReadFile(path), bytes) << "nothing may be changed";
}

TEST_F(LogWriterTest, AMissingSegmentIsRefusedByRecovery) {
  LogOptions options = Options();
  options.segment_bytes = 2048;
  WriteLog(20, std::move(options));
  const auto segments = ListSegments(base::PosixFileSystem(), log(), Stream::kDecisions);
  std::filesystem::remove(Segment(Stream::kDecisions, (*segments)[1]));
  const std::unique_ptr<LogWriter> writer = Open(Options());
  Recorder recorder;
  EXPECT_THAT(writer->Recover(0, &recorder),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("are missing")));
  FULCRUM_EXPECT_OK(writer->Recover((*segments)[2], &recorder));
}

TEST_F(LogWriterTest, AnotherFormatVersionIsRefused) {
  WriteLog(1, Options());
  const std::string path = Segment(Stream::kDecisions, 1);
  std::string bytes = ReadFile(path);
  bytes[8] = kFormatVersion + 1;
  const size_t at_crc = kSegmentHeaderBytes - 4;
  const uint32_t crc = MaskCrc(base::Crc32c(bytes.substr(0, at_crc)));
  bytes.replace(at_crc, 4, reinterpret_cast<const char*>(&crc), 4);
  WriteFile(path, bytes);
  EXPECT_THAT(TryOpen(Options()),
              StatusIs(absl::StatusCode::kUnimplemented, HasSubstr("format version 3")));
}

}  // namespace
}  // namespace fulcrum::decision_log
