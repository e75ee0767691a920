// One log per format version that must stay readable. The newest one is also what today's writer
// makes, byte for byte, and is made by this test itself: FULCRUM_WRITE_GOLDEN=1
// build/release/bin/decision_log_unit_tests --gtest_filter=GoldenLog.Todays*
// Those of older versions can't be made again.
#include <cstdlib>
#include <filesystem>

#include "decision_log/verify.h"
#include "fulcrum/decision_log_reader.h"
#include "tests/decision_log/log_fixture.h"

namespace fulcrum::decision_log {
namespace {

constexpr char kVersion1[] = FULCRUM_SOURCE_DIR "/tests/golden/decision_log/v1";
constexpr char kVersion2[] = FULCRUM_SOURCE_DIR "/tests/golden/decision_log/v2";

class GoldenLog : public LogFixture {
 protected:
  static std::vector<LogEvent> Events() {
    DecisionRecord spending = MakeDecision(2, 2);
    spending.positions[0].debits = {{"budget-spring", INT64_MIN, 250000, 1000000, false},
                                    {"cap-user", 1574553600000000, 1, 3, true}};
    DecisionRecord fallback = MakeDecision(3);
    fallback.answer = Answer::kEditorial;
    fallback.degradation = Degradation::kDeadline;
    fallback.replayable = Replayable::kNone;
    fallback.replayable_reason = "not drawn";
    fallback.positions[0].ticks.clear();
    return {MakeDecision(1),
            spending,
            fallback,
            ExposureRecord{MakeId(1), 1, 1574553601000000, "tester"},
            OutcomeRecord{MakeId(1), 1, "o-1", "click", 1.5, "EUR", 1574553602000000, "tester"},
            SupersededRecord{MakeId(2), 2, "none", spending.positions[0].debits, spending.user_ref,
                             1574553603000000}};
  }

  void Write(const std::string& directory) {
    LogOptions options = Options();
    options.directory = directory;
    options.segment_bytes = 1200;
    const std::unique_ptr<LogWriter> writer = Open(std::move(options));
    writer->Start();
    for (const LogEvent& event : Events()) {
      const auto* const decision = std::get_if<DecisionRecord>(&event);
      std::optional<FeatureSnapshot> snapshot;
      if (decision != nullptr && decision->replayable == Replayable::kFull) {
        snapshot = MakeSnapshot(*decision);
      }
      FULCRUM_ASSERT_OK(writer->Append(event, snapshot, nullptr));
      FULCRUM_ASSERT_OK(writer->Flush());
      clock_.Advance(absl::Milliseconds(5));
    }
    FULCRUM_ASSERT_OK(writer->Stop());
    std::filesystem::remove(directory + "/LOCK");
  }

  static void ExpectReadable(const std::string& directory) {
    auto reader = DecisionLogReader::Open(directory);
    FULCRUM_ASSERT_OK(reader);
    LogEntry entry;
    Lsn lsn = 0;
    for (const LogEvent& event : Events()) {
      ASSERT_TRUE((*reader)->Next(&entry).value());
      EXPECT_EQ(entry.lsn, ++lsn);
      EXPECT_TRUE(entry.event == event);
    }
    EXPECT_FALSE((*reader)->Next(&entry).value());
    EXPECT_EQ((*reader)->end(), LogEnd::kClean);
    const auto report = VerifyLog(base::PosixFileSystem(), directory);
    FULCRUM_ASSERT_OK(report);
    EXPECT_TRUE(report->clean());
  }
};

TEST_F(GoldenLog, TodaysWriterMakesTheSameBytes) {
  Write(log());
  if (std::getenv("FULCRUM_WRITE_GOLDEN") != nullptr) {
    std::filesystem::remove_all(kVersion2);
    std::filesystem::create_directories(kVersion2);
    std::filesystem::copy(log(), kVersion2, std::filesystem::copy_options::recursive);
    GTEST_SKIP() << "golden log written";
  }
  size_t files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(kVersion2)) {
    if (!entry.is_regular_file()) continue;
    ++files;
    const std::string name = std::filesystem::relative(entry.path(), kVersion2).string();
    ASSERT_TRUE(std::filesystem::exists(log() + "/" + name)) << name;
    EXPECT_EQ(ReadFile(entry.path().string()), ReadFile(log() + "/" + name)) << name;
  }
  EXPECT_EQ(files, 3u);
}

TEST_F(GoldenLog, TodaysReaderReadsVersion1) {
  ExpectReadable(kVersion1);
}

TEST_F(GoldenLog, TodaysReaderReadsVersion2) {
  ExpectReadable(kVersion2);
}

}  // namespace
}  // namespace fulcrum::decision_log
