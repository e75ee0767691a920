// Small logs for the tests of this folder.
#pragma once

#include <atomic>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/random.h"
#include "decision_log/log_writer.h"
#include "tests/support/simulated_clock.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace fulcrum::decision_log {

inline DecisionId MakeId(uint64_t number) {
  return DecisionId::FromTimeAndRandom(absl::FromUnixMillis(1574553600000 + number), number,
                                       number * 0x9e3779b97f4a7c15ULL);
}

// The index that `seed` draws: the plain sum, as the record's reader would do it by hand.
inline size_t DrawByHand(const std::vector<Ticks>& ticks, const DecisionId& id, uint64_t seed) {
  const uint64_t uniform = base::DrawUniform(id, seed);
  uint64_t sum = 0;
  size_t index = 0;
  while ((sum += ticks[index]) <= uniform) ++index;
  return index;
}

// A decision with `arms` candidates, one of them drawn by its seed; `number` makes it unlike
// others.
inline DecisionRecord MakeDecision(uint64_t number, size_t arms = 3) {
  DecisionRecord record;
  record.id = MakeId(number);
  record.request_id = absl::StrCat("request-", number);
  record.principal = "tester";
  record.surface = "home";
  record.user_ref = {1, 2, 3, static_cast<uint8_t>(number)};
  record.occurred_us = 1574553600000000 + static_cast<int64_t>(number);
  record.segment = "new";
  record.versions = {.bundle = 7, .model = 8, .schema = 1, .posterior_lsn = 0, .price_version = 0};
  record.neutral_known = true;
  record.times = {.edge_us = 10, .features_us = 20, .scoring_us = 30, .orchestration_us = 5};
  record.latency_budget_us = 10000;
  record.replayable = Replayable::kFull;
  PositionRecord position;
  for (size_t i = 0; i < arms; ++i) {
    CandidateRecord candidate;
    candidate.action_id = absl::StrCat("action-", i);
    candidate.campaign_id = "spring";
    candidate.score = 0.01 * static_cast<double>(i + 1);
    candidate.alpha = 2;
    candidate.beta = 50;
    record.candidates.push_back(candidate);
    position.ticks.push_back(kTicksTotal / (arms + 1));
  }
  position.ticks.push_back(kTicksTotal - arms * (kTicksTotal / (arms + 1)));
  position.seed = number * 77;
  const size_t drawn = DrawByHand(position.ticks, record.id, position.seed);
  position.action_id = drawn < arms ? record.candidates[drawn].action_id : kNeutralActionId;
  record.positions.push_back(position);
  return record;
}

inline FeatureSnapshot MakeSnapshot(const DecisionRecord& decision, uint32_t columns = 2) {
  FeatureSnapshot snapshot;
  snapshot.decision_id = decision.id;
  snapshot.model = decision.versions.model;
  snapshot.columns = columns;
  for (size_t i = 0; i < decision.candidates.size() * columns; ++i) {
    snapshot.values.push_back(static_cast<double>(i) / 3);
  }
  return snapshot;
}

// Collects what it is told; by itself, what a start has to say of a lost end.
class Recorder final : public domain::LogObserver {
 public:
  void OnLogged(Lsn lsn, const LogEvent& event) override {
    const auto* const audit = std::get_if<AuditRecord>(&event);
    const bool lost = audit != nullptr && audit->action == "log.tail_lost";
    (lost ? tails_lost : events).emplace_back(lsn, event);
  }
  std::vector<std::pair<Lsn, LogEvent>> events;
  std::vector<std::pair<Lsn, LogEvent>> tails_lost;
};

// Writes logs in a temporary directory. Background syncs are off unless asked for.
class LogFixture : public ::testing::Test {
 protected:
  LogOptions Options() const {
    LogOptions options;
    options.directory = log();
    options.clock = &clock_;
    options.segment_bytes = uint64_t{64} << 10;
    options.sync_interval = absl::Hours(1);
    return options;
  }

  absl::StatusOr<std::unique_ptr<LogWriter>> TryOpen(LogOptions options) {
    return LogWriter::Open(std::move(options), &report_);
  }

  std::unique_ptr<LogWriter> Open(LogOptions options) {
    auto writer = TryOpen(std::move(options));
    EXPECT_THAT(writer, testing::IsOk());
    return writer.ok() ? std::move(*writer) : nullptr;
  }

  // Appends `count` decisions with snapshots, numbered from `first`, waits until all are answered,
  // and returns how many were acknowledged.
  static size_t AppendAndWait(LogWriter* writer, uint64_t first, uint64_t count) {
    std::atomic<size_t> acknowledged{0};
    for (uint64_t number = first; number < first + count; ++number) {
      const DecisionRecord decision = MakeDecision(number);
      const absl::Status status =
          writer->Append(decision, MakeSnapshot(decision), [&](const absl::StatusOr<Lsn>& lsn) {
            if (lsn.ok()) ++acknowledged;
          });
      if (!status.ok()) break;
    }
    writer->Flush().IgnoreError();  // runs behind all of them
    while (writer->Stats().queue_depth != 0) std::this_thread::yield();
    return acknowledged;
  }

  // A closed log of `count` decisions.
  void WriteLog(uint64_t count, LogOptions options) {
    const std::unique_ptr<LogWriter> writer = Open(std::move(options));
    ASSERT_NE(writer, nullptr);
    writer->Start();
    for (uint64_t number = 1; number <= count; ++number) {
      ASSERT_EQ(AppendAndWait(writer.get(), number, 1), 1u);
    }
    FULCRUM_ASSERT_OK(writer->Stop());
  }

  // What a new writer recovers after `after`.
  std::vector<std::pair<Lsn, LogEvent>> Recovered(Lsn after = 0) {
    Recorder recorder;
    const std::unique_ptr<LogWriter> writer = Open(Options());
    if (writer != nullptr) {
      EXPECT_THAT(writer->Recover(after, &recorder), testing::IsOk());
    }
    return recorder.events;
  }

  static std::string ReadFile(const std::string& path) {
    return base::ReadWholeFile(base::PosixFileSystem(), path, uint64_t{1} << 30).value();
  }
  static void WriteFile(const std::string& path, std::string_view bytes) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  }

  // As after a crash: the mark of the orderly end, the stream's last record, is not there.
  void CutOffMark(Stream stream) {
    const std::string path =
        Segment(stream, ListSegments(base::PosixFileSystem(), log(), stream)->back());
    const std::string bytes = ReadFile(path);
    WriteFile(path, bytes.substr(0, bytes.size() - RecordBytes(kMarkPayloadBytes)));
  }

  // For a log that the test shortens by hand: no crash leaves a mark that is ahead of it.
  void ForgetHighWater() const { std::filesystem::remove(log() + "/" + kHighWaterName); }

  std::string log() const { return directory_.path() + "/log"; }
  std::string Segment(Stream stream, Lsn first) const {
    return absl::StrCat(log(), "/", StreamName(stream), "/", SegmentName(first));
  }

  testing::TemporaryDirectory directory_;
  testing::SimulatedClock clock_;
  RecoveryReport report_;
};

}  // namespace fulcrum::decision_log
