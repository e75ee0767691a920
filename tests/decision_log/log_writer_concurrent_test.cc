#include "fulcrum/decision_log_reader.h"
#include "tests/decision_log/log_fixture.h"

namespace fulcrum::decision_log {
namespace {

class LogWriterConcurrentTest : public LogFixture {};

// Many threads append while the log syncs in the background and is asked for its figures: every
// event is acknowledged once, LSNs have no gap, and each thread's events keep their order.
TEST_F(LogWriterConcurrentTest, EveryAppendIsLoggedOnceAndInOrder) {
  constexpr uint64_t kThreads = 6;
  constexpr uint64_t kEach = 400;
  LogOptions options = Options();
  options.sync_interval = absl::Milliseconds(1);
  std::atomic<uint64_t> acknowledged{0};
  {
    const std::unique_ptr<LogWriter> writer = Open(std::move(options));
    Recorder recorder;
    writer->AddObserver(&recorder);
    writer->Start();
    std::vector<std::thread> threads;
    for (uint64_t thread = 0; thread < kThreads; ++thread) {
      threads.emplace_back([&, thread] {
        for (uint64_t i = 0; i < kEach; ++i) {
          ExposureRecord exposure;
          exposure.decision_id = DecisionId(thread, i);
          EXPECT_THAT(writer->Append(exposure, std::nullopt,
                                     [&](const absl::StatusOr<Lsn>& lsn) {
                                       EXPECT_THAT(lsn, testing::IsOk());
                                       ++acknowledged;
                                     }),
                      testing::IsOk());
          if (i % 100 == 0) {
            EXPECT_THAT(writer->Flush(), testing::IsOk());
          }
          EXPECT_LE(writer->Stats().durable_lsn, kThreads * kEach);
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    FULCRUM_ASSERT_OK(writer->Stop());
    EXPECT_EQ(recorder.events.size(), kThreads * kEach);
  }
  EXPECT_EQ(acknowledged, kThreads * kEach);
  const auto events = Recovered();
  ASSERT_EQ(events.size(), kThreads * kEach);
  std::vector<uint64_t> next(kThreads, 0);
  for (size_t i = 0; i < events.size(); ++i) {
    EXPECT_EQ(events[i].first, i + 1);
    const DecisionId id = std::get<ExposureRecord>(events[i].second).decision_id;
    EXPECT_EQ(id.low(), next[id.high()]++);
  }
}

// A reader that follows the log beside its writer, over many segments, sees every record once and
// in order, never damage, and each of them although nobody tells it.
TEST_F(LogWriterConcurrentTest, AReaderFollowsTheRunningWriter) {
  constexpr uint64_t kRecords = 3000;
  LogOptions options = Options();
  options.segment_bytes = 16 << 10;
  options.sync_interval = absl::Milliseconds(1);
  const std::unique_ptr<LogWriter> writer = Open(std::move(options));
  writer->Start();
  std::thread appends([&] {
    for (uint64_t i = 1; i <= kRecords; ++i) {
      const DecisionRecord decision = MakeDecision(i);
      EXPECT_THAT(writer->Append(decision, MakeSnapshot(decision), nullptr), testing::IsOk());
      if (i % 50 == 0) {
        EXPECT_THAT(writer->Flush(), testing::IsOk());
      }
    }
  });
  const auto reader = DecisionLogReader::Open(log());
  FULCRUM_EXPECT_OK(reader);
  Lsn seen = 0;
  uint64_t looks = 0;
  LogEntry entry;
  while (reader.ok() && seen < kRecords) {
    const auto found = (*reader)->Next(&entry);
    if (!found.ok()) break;
    if (*found) {
      if (entry.lsn != ++seen) break;
      continue;
    }
    // A record that is only half written looks like a torn tail; it is read again.
    if ((*reader)->end() == LogEnd::kCorrupt) break;
    ++looks;
    (*reader)->Resume();
    std::this_thread::yield();
  }
  appends.join();
  EXPECT_EQ(seen, kRecords) << ToString((*reader)->damage());
  EXPECT_GT(looks, 0U);
  FULCRUM_ASSERT_OK(writer->Stop());
  EXPECT_GT(ListLogSegments(log())->size(), 10U);
}

// Appends race with Stop: each is either acknowledged and in the log, or refused.
TEST_F(LogWriterConcurrentTest, StopLosesNothingThatWasTaken) {
  std::atomic<uint64_t> acknowledged{0};
  std::atomic<uint64_t> taken{0};
  {
    const std::unique_ptr<LogWriter> writer = Open(Options());
    writer->Start();
    std::vector<std::thread> threads;
    for (uint64_t thread = 0; thread < 4; ++thread) {
      threads.emplace_back([&, thread] {
        for (uint64_t i = 0;; ++i) {
          ExposureRecord exposure;
          exposure.decision_id = DecisionId(thread, i);
          const absl::Status status =
              writer->Append(exposure, std::nullopt,
                             [&](const absl::StatusOr<Lsn>& lsn) { acknowledged += lsn.ok(); });
          if (!status.ok()) return;
          ++taken;
        }
      });
    }
    while (taken < 500) std::this_thread::yield();
    FULCRUM_EXPECT_OK(writer->Stop());
    for (std::thread& thread : threads) thread.join();
  }
  EXPECT_EQ(acknowledged, taken);
  EXPECT_EQ(Recovered().size(), taken);
}

}  // namespace
}  // namespace fulcrum::decision_log
