// The log's high-water mark: its bytes, and what the writer, `verify` and the next start make of
// it.
#include "decision_log/high_water.h"

#include <filesystem>

#include "decision_log/verify.h"
#include "tests/decision_log/log_fixture.h"
#include "tests/support/faulty_file_system.h"
#include "tests/support/memory_file_system.h"

namespace fulcrum::decision_log {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kLog[] = "/log";
constexpr char kPath[] = "/log/HIGH_WATER";

HighWater At(uint64_t number) {
  return {{1 + number / 10, 128 + 8 * number, number}, {1, 200 + 8 * number, number / 2}};
}

TEST(HighWater, TheFurthestWholeEntryOfEachStreamCounts) {
  HighWater ahead = At(5);
  ahead.features = At(90).features;
  const std::string entries =
      EncodeHighWater(At(40)) + EncodeHighWater(ahead) + EncodeHighWater(At(7));
  EXPECT_EQ(EncodeHighWater(ahead).size(), kHighWaterEntryBytes);
  EXPECT_EQ(DecodeHighWater(entries), (HighWater{At(40).decisions, At(90).features}));
  EXPECT_EQ(DecodeHighWater(entries + "torn"), DecodeHighWater(entries));
  EXPECT_EQ(DecodeHighWater(""), HighWater{});
}

TEST(HighWater, AnyChangedBitTakesItsEntryAndNoOther) {
  const std::string entries = EncodeHighWater(At(40)) + EncodeHighWater(At(41));
  for (size_t bit = 0; bit < 8 * kHighWaterEntryBytes; ++bit) {
    std::string damaged = entries;
    damaged[kHighWaterEntryBytes + bit / 8] ^= static_cast<char>(1 << bit % 8);
    ASSERT_EQ(DecodeHighWater(damaged), At(40)) << bit;
  }
}

TEST(HighWater, GoesUpOnlyAndStaysSmall) {
  testing::MemoryFileSystem files;
  FULCRUM_ASSERT_OK(files.CreateDirectories(kLog));
  files.SetContent(kPath, EncodeHighWater(At(1'000'000)));
  HighWaterMark mark(&files, kLog, nullptr);
  FULCRUM_ASSERT_OK(mark.Raise(Stream::kDecisions, At(3).decisions));
  EXPECT_EQ(*ReadHighWater(&files, kLog), At(1'000'000)) << "only noted";
  FULCRUM_ASSERT_OK(mark.Begin());
  EXPECT_EQ(*ReadHighWater(&files, kLog), (HighWater{At(3).decisions, {}}));
  for (uint64_t number = 4; number < 3000; ++number) {
    FULCRUM_ASSERT_OK(mark.Raise(Stream::kFeatures, At(number).features));
    FULCRUM_ASSERT_OK(mark.Raise(Stream::kDecisions, At(number).decisions));
    FULCRUM_ASSERT_OK(mark.Raise(Stream::kDecisions, At(number - 1).decisions));
    ASSERT_EQ(*ReadHighWater(&files, kLog), At(number));
    ASSERT_LE(files.Content(kPath).size(), kHighWaterFileBytesMax);
  }
}

class HighWaterLogTest : public LogFixture {
 protected:
  static constexpr uint64_t kEvents = 12;

  // As a crash leaves a log, with `last` the last LSN of both streams that is still there: what
  // was behind is zeros.
  void WriteCrashed(Lsn last, Durability durability = Durability::kProcess) {
    std::string bytes[2];
    std::string high_water;
    {
      LogOptions options = Options();
      options.durability = durability;
      const std::unique_ptr<LogWriter> writer = Open(std::move(options));
      ASSERT_NE(writer, nullptr);
      writer->Start();
      for (uint64_t number = 1; number <= kEvents; ++number) {
        ASSERT_EQ(AppendAndWait(writer.get(), number, 1), 1u);
      }
      bytes[0] = ReadFile(Segment(Stream::kDecisions, 1));
      bytes[1] = ReadFile(Segment(Stream::kFeatures, 1));
      high_water = ReadFile(log() + "/HIGH_WATER");
    }
    WriteFile(log() + "/HIGH_WATER", high_water);
    for (const Stream stream : {Stream::kDecisions, Stream::kFeatures}) {
      std::string& content = bytes[stream == Stream::kDecisions ? 0 : 1];
      uint64_t offset = kSegmentHeaderBytes;
      for (;;) {
        const RecordHeader header = DecodeRecordHeader(std::string_view(content).substr(offset));
        if (header.crc == 0 || header.lsn > last) break;
        offset += RecordBytes(header.payload_bytes);
      }
      std::fill(content.begin() + static_cast<std::ptrdiff_t>(offset), content.end(), '\0');
      WriteFile(Segment(stream, 1), content);
    }
  }

  VerifyReport Verified() const {
    auto report = VerifyLog(base::PosixFileSystem(), log());
    EXPECT_THAT(report, testing::IsOk());
    return report.ok() ? *std::move(report) : VerifyReport{};
  }

  // What the log says of lost ends when it has been started; lost_ is what opening it found.
  std::vector<AuditRecord> Audits() {
    std::vector<AuditRecord> audits;
    Recorder recorder;
    std::unique_ptr<LogWriter> writer = Open(Options());
    if (writer == nullptr) return audits;
    lost_ = report_.decisions.lost_end;
    EXPECT_EQ(writer->Stats().last_lsn, report_.decisions.last_lsn) << "no number is given yet";
    writer->Start();
    EXPECT_THAT(writer->Stop(), testing::IsOk());
    writer = Open(Options());
    EXPECT_THAT(writer->Recover(0, &recorder), testing::IsOk());
    for (const auto& [lsn, event] : recorder.tails_lost) {
      audits.push_back(std::get<AuditRecord>(event));
    }
    return audits;
  }

  std::optional<StreamEnd> lost_;
};

TEST_F(HighWaterLogTest, ACrashThatLosesNothingIsNoFinding) {
  ASSERT_NO_FATAL_FAILURE(WriteCrashed(kEvents));
  EXPECT_TRUE(Verified().clean());
  EXPECT_THAT(Audits(), ElementsAre());
  EXPECT_EQ(lost_, std::nullopt);
}

TEST_F(HighWaterLogTest, ALostEndIsFoundAndToldOnceByTheNextStart) {
  for (const Durability durability :
       {Durability::kNone, Durability::kProcess, Durability::kPower}) {
    std::filesystem::remove_all(log());
    ASSERT_NO_FATAL_FAILURE(WriteCrashed(9, durability));
    const VerifyReport found = Verified();
    ASSERT_EQ(found.corrupt.size(), 2u);
    EXPECT_TRUE(found.corrupt[0].lost_tail);
    EXPECT_FALSE(found.corrupt[0].torn_tail);
    EXPECT_EQ(found.corrupt[0].damage.lsn, 10u);
    EXPECT_THAT(ToString(found.corrupt[0].damage), HasSubstr("LSN 12"));
    EXPECT_EQ(found.corrupt[1].stream, Stream::kFeatures);

    // Who only opens the log, or dies before it is told, does not forget it.
    Open(Options());
    const std::vector<AuditRecord> audits = Audits();
    ASSERT_TRUE(lost_.has_value());
    EXPECT_EQ(lost_->lsn, kEvents);
    ASSERT_EQ(audits.size(), 2u);
    EXPECT_EQ(audits[0].action, "log.tail_lost");
    EXPECT_EQ(audits[0].target, "decisions");
    EXPECT_EQ(audits[1].target, "features");
    EXPECT_THAT(audits[0].details,
                ElementsAre(AuditDetail{"first_lsn", "10"}, AuditDetail{"last_lsn", "12"},
                            AuditDetail{"known_by", kKnownByHighWater}));
    EXPECT_EQ(Audits().size(), 2u);
    EXPECT_EQ(lost_, std::nullopt);
    EXPECT_TRUE(Verified().clean());
  }
}

TEST_F(HighWaterLogTest, WithoutItNothingIsProven) {
  ASSERT_NO_FATAL_FAILURE(WriteCrashed(9));
  for (const std::string& bytes : {std::string(), std::string(4000, 'x')}) {
    WriteFile(log() + "/HIGH_WATER", bytes);
    EXPECT_TRUE(Verified().clean());
  }
  std::filesystem::remove(log() + "/HIGH_WATER");
  EXPECT_TRUE(Verified().clean());
  EXPECT_THAT(Audits(), ElementsAre());
}

// An end that was only being written when the sync failed has not been acknowledged.
TEST_F(HighWaterLogTest, WithDurabilityPowerItKnowsOnlyOfWhatWasSynced) {
  testing::FaultyFileSystem files;
  LogOptions options = Options();
  options.files = &files;
  options.durability = Durability::kPower;
  const std::unique_ptr<LogWriter> writer = Open(std::move(options));
  ASSERT_NE(writer, nullptr);
  writer->Start();
  ASSERT_EQ(AppendAndWait(writer.get(), 1, 3), 3u);
  testing::FaultRule rule;
  rule.operation = testing::FileOperation::kSync;
  rule.path_contains = "decisions/";
  rule.fault = testing::FileFault::kIoError;
  files.AddFault(rule);
  EXPECT_EQ(AppendAndWait(writer.get(), 4, 1), 0u);
  const auto mark = ReadHighWater(&files, log());
  FULCRUM_ASSERT_OK(mark);
  EXPECT_EQ(mark->decisions.lsn, 3u);
  EXPECT_EQ(mark->features.lsn, 4u);
}

// Not synced by a start after a crash, nor at an orderly end: what it says may have been only
// written.
TEST_F(HighWaterLogTest, AnIdleMarkOfFeaturesSaysWhatWasWrittenOfDecisions) {
  LogOptions options = Options();
  options.sync_interval = absl::Milliseconds(1);
  const std::unique_ptr<LogWriter> writer = Open(std::move(options));
  ASSERT_NE(writer, nullptr);
  writer->Start();
  ASSERT_EQ(AppendAndWait(writer.get(), 1, 5), 5u);
  StreamTail tail;
  std::unique_ptr<SegmentBook> book;
  while (tail.decisions_written < 5) {
    const auto found = FindTail(base::PosixFileSystem(), log(), Stream::kFeatures, &book);
    FULCRUM_ASSERT_OK(found);
    tail = *found;
  }
  EXPECT_EQ(tail.decisions_written, 5u);
  EXPECT_EQ(tail.decisions_synced, 0u);
}

TEST_F(HighWaterLogTest, AMissingLastSegmentIsFound) {
  LogOptions options = Options();
  options.compress = false;
  WriteLog(400, std::move(options));
  const std::vector<Lsn> segments =
      *ListSegments(base::PosixFileSystem(), log(), Stream::kDecisions);
  ASSERT_GT(segments.size(), 1u);
  std::filesystem::remove(Segment(Stream::kDecisions, segments.back()));
  // And the features stream's word for it.
  std::filesystem::remove_all(log() + "/features");
  const VerifyReport found = Verified();
  const auto lost = std::find_if(found.corrupt.begin(), found.corrupt.end(),
                                 [](const CorruptPlace& place) { return place.lost_tail; });
  ASSERT_NE(lost, found.corrupt.end());
  EXPECT_EQ(lost->stream, Stream::kDecisions);
  EXPECT_EQ(lost->damage.lsn, segments.back());
}

}  // namespace
}  // namespace fulcrum::decision_log
