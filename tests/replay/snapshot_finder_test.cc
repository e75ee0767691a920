// The features stream beside the decisions: each decision finds its own snapshot or none, whatever
// a crash took from either stream.
#include "replay/snapshot_finder.h"

#include <filesystem>

#include "fulcrum/decision_log_reader.h"
#include "tests/decision_log/log_fixture.h"

namespace fulcrum::replay {
namespace {

using decision_log::MakeDecision;
using decision_log::MakeSnapshot;
using decision_log::Stream;

class SnapshotFinderTest : public decision_log::LogFixture {
 protected:
  // For each decision of the log: whether its own snapshot was found. Another's fails.
  std::vector<bool> FoundPerDecision() {
    std::vector<bool> found;
    auto finder = SnapshotFinder::Open(base::PosixFileSystem(), log());
    auto reader = DecisionLogReader::Open(log());
    EXPECT_THAT(finder, testing::IsOk());
    EXPECT_THAT(reader, testing::IsOk());
    LogEntry entry;
    while (Next(reader->get(), &entry)) {
      const auto& record = std::get<DecisionRecord>(entry.event);
      const auto snapshot = (*finder)->Find(entry.lsn, entry.time_us, record.id);
      EXPECT_THAT(snapshot, testing::IsOk());
      found.push_back(*snapshot != nullptr);
      if (*snapshot == nullptr) continue;
      EXPECT_EQ((*snapshot)->decision_id, record.id);
      EXPECT_EQ((*snapshot)->values, MakeSnapshot(record).values);
    }
    damaged_ = (*finder)->damaged();
    return found;
  }

  // Goes on behind damage.
  static bool Next(DecisionLogReader* reader, LogEntry* entry) {
    for (;;) {
      if (*reader->Next(entry)) return true;
      if (reader->end() == LogEnd::kClean) return false;
      reader->Resume();
    }
  }

  // Cuts the last `records` off the end of the only log segment of `stream`, marks included.
  void CutOff(Stream stream, size_t records) {
    const std::string path = Segment(stream, 1);
    const std::string whole = ReadFile(path);
    std::vector<size_t> starts;
    for (size_t at = decision_log::kSegmentHeaderBytes;
         at + decision_log::kRecordHeaderBytes <= whole.size();) {
      const auto header = decision_log::DecodeRecordHeader(std::string_view(whole).substr(at));
      if (header.payload_bytes == 0) break;
      const bool mark = header.type == decision_log::RecordType::kMark;
      if (mark || decision_log::HasLsn(header.type)) starts.push_back(at);
      at += decision_log::RecordBytes(header.payload_bytes);
    }
    ASSERT_GT(starts.size(), records);
    WriteFile(path, whole.substr(0, starts[starts.size() - records]));
    ForgetHighWater();
  }

  // `count` more decisions by a writer of their own.
  void Append(uint64_t first, uint64_t count) {
    const std::unique_ptr<decision_log::LogWriter> writer = Open(Options());
    ASSERT_NE(writer, nullptr);
    clock_.Advance(absl::Seconds(1));
    writer->Start();
    ASSERT_EQ(AppendAndWait(writer.get(), first, count), count);
    FULCRUM_ASSERT_OK(writer->Stop());
  }

  uint64_t damaged_ = 0;
};

TEST_F(SnapshotFinderTest, EveryDecisionFindsItsOwn) {
  decision_log::LogOptions options = Options();
  options.segment_bytes = 4096;
  WriteLog(600, std::move(options));
  EXPECT_EQ(FoundPerDecision(), std::vector<bool>(600, true));
  EXPECT_EQ(damaged_, 0u);
}

TEST_F(SnapshotFinderTest, ADecisionWithoutOneFindsNone) {
  const std::unique_ptr<decision_log::LogWriter> writer = Open(Options());
  writer->Start();
  std::vector<bool> expected;
  for (uint64_t number = 1; number <= 50; ++number) {
    const DecisionRecord decision = MakeDecision(number);
    std::optional<FeatureSnapshot> snapshot;
    if (number % 3 != 0) snapshot = MakeSnapshot(decision);
    expected.push_back(snapshot.has_value());
    FULCRUM_ASSERT_OK(writer->Append(decision, snapshot, nullptr));
  }
  FULCRUM_ASSERT_OK(writer->Stop());
  EXPECT_EQ(FoundPerDecision(), expected);
}

TEST_F(SnapshotFinderTest, ACrashThatTookSnapshotsTakesNoOthers) {
  WriteLog(10, Options());
  CutOff(Stream::kFeatures, 1 + 4);  // the mark of the orderly end and four snapshots
  CutOff(Stream::kDecisions, 1);
  Append(11, 10);
  std::vector<bool> expected(20, true);
  for (size_t i = 6; i < 10; ++i) expected[i] = false;
  EXPECT_EQ(FoundPerDecision(), expected);
}

// More left over than the window holds: what was appended before the decision is not its own.
TEST_F(SnapshotFinderTest, SnapshotsThatACrashLeftOverAreSkipped) {
  decision_log::LogOptions options = Options();
  options.segment_bytes = 4 << 20;
  WriteLog(600, std::move(options));
  CutOff(Stream::kFeatures, 1);
  CutOff(Stream::kDecisions, 1 + 500);
  Append(1001, 10);
  const std::vector<bool> found = FoundPerDecision();
  ASSERT_EQ(found.size(), 110u);
  for (size_t i = 0; i < found.size(); ++i) EXPECT_TRUE(found[i]) << i;
}

// Damage in the middle of the decisions: there is no mark behind it, only the time of appending.
TEST_F(SnapshotFinderTest, SnapshotsOfDecisionsThatCannotBeReadAreSkipped) {
  decision_log::LogOptions options = Options();
  options.segment_bytes = 4096;
  const std::unique_ptr<decision_log::LogWriter> writer = Open(std::move(options));
  writer->Start();
  for (uint64_t number = 1; number <= 900; ++number) {
    clock_.Advance(absl::Milliseconds(1));
    ASSERT_EQ(AppendAndWait(writer.get(), number, 1), 1u);
  }
  FULCRUM_ASSERT_OK(writer->Stop());
  const auto segments =
      decision_log::ListSegments(base::PosixFileSystem(), log(), Stream::kDecisions);
  FULCRUM_ASSERT_OK(segments);
  uint64_t lost = 0;
  for (size_t i = 1; lost < 400; ++i) {
    ASSERT_LT(i + 2, segments->size());
    std::filesystem::remove(Segment(Stream::kDecisions, (*segments)[i]));
    lost += (*segments)[i + 1] - (*segments)[i];
  }
  EXPECT_EQ(FoundPerDecision(), std::vector<bool>(900 - lost, true));
}

TEST_F(SnapshotFinderTest, ALogWithoutAFeaturesStreamHasNone) {
  WriteLog(3, Options());
  std::filesystem::remove_all(log() + "/features");
  EXPECT_EQ(FoundPerDecision(), std::vector<bool>(3, false));
}

}  // namespace
}  // namespace fulcrum::replay
