// Logs for damage_fault_test, and what is in them as the test finds it by itself: it walks the
// bytes by docs/decision_log_format.md and shares no reader with the code under test.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/decision_log/log_fixture.h"
#include "tests/support/memory_file_system.h"

namespace fulcrum::decision_log {

inline constexpr char kDamageLog[] = "/log";

struct WholeRecord {
  RecordHeader header;
  uint64_t offset = 0;
  uint64_t bytes = 0;
};

struct WholeSegment {
  std::string path;
  Lsn first_lsn = 0;
  std::string bytes;
  std::vector<WholeRecord> records;
  uint64_t end = 0;  // of the last record; behind it is reserved room
};

struct WholeStream {
  Stream stream = Stream::kDecisions;
  std::vector<WholeSegment> segments;
  Lsn last_lsn = 0;
};

struct DamageLog {
  std::string name;
  bool closed = false;        // the writer stopped in order
  bool goes_together = true;  // the streams end at the same decision
  std::unique_ptr<testing::MemoryFileSystem> files;
  WholeStream streams[2];  // decisions, features
};

// Text that does not compress.
inline std::string Noise(uint64_t number, size_t digits) {
  std::string text;
  std::mt19937_64 random(number);
  while (text.size() < digits) text += static_cast<char>('!' + random() % 90);
  return text;
}

// Event `number` of a log, always the same. Its size is that of a real one, after compression too.
inline LogEvent DamageEvent(uint64_t number) {
  if (number % 7 == 0) {
    return ExposureRecord{.decision_id = MakeId(number - 1), .principal = Noise(number, 40)};
  }
  if (number % 7 == 3) {
    OutcomeRecord outcome;
    outcome.decision_id = MakeId(number - 1);
    outcome.outcome_id = Noise(number, 60);
    outcome.kind = "click";
    return outcome;
  }
  DecisionRecord decision = MakeDecision(number, 1 + number % 4);
  decision.request_id = Noise(number, 100 + number * 7 % 900);
  return decision;
}

inline std::optional<FeatureSnapshot> DamageSnapshot(const LogEvent& event) {
  const auto* const decision = std::get_if<DecisionRecord>(&event);
  if (decision == nullptr) return std::nullopt;
  FeatureSnapshot snapshot = MakeSnapshot(*decision, 24);
  std::mt19937_64 random(decision->positions[0].seed);
  for (double& value : snapshot.values) {
    if (random() % 3 != 0) value = static_cast<double>(random()) / 7;
  }
  return snapshot;
}

inline WholeSegment WalkSegment(const testing::MemoryFileSystem& files, const std::string& path,
                                Lsn first_lsn) {
  WholeSegment segment;
  segment.path = path;
  segment.first_lsn = first_lsn;
  segment.bytes = files.Content(path);
  segment.end = kSegmentHeaderBytes;
  const std::string_view bytes = segment.bytes;
  while (segment.end + kRecordHeaderBytes <= bytes.size()) {
    const RecordHeader header = DecodeRecordHeader(bytes.substr(segment.end));
    if (header.crc == 0 && header.payload_bytes == 0) break;
    const uint64_t whole = RecordBytes(header.payload_bytes);
    EXPECT_TRUE(CheckRecord(bytes.substr(segment.end, whole)).ok()) << path << " " << segment.end;
    segment.records.push_back({header, segment.end, whole});
    segment.end += whole;
  }
  return segment;
}

inline void WalkLog(DamageLog* log) {
  for (const Stream stream : {Stream::kDecisions, Stream::kFeatures}) {
    WholeStream& whole = log->streams[stream == Stream::kDecisions ? 0 : 1];
    whole = WholeStream{.stream = stream, .segments = {}, .last_lsn = 0};
    const std::string folder = absl::StrCat(kDamageLog, "/", StreamName(stream), "/");
    for (const std::string& path : log->files->Paths()) {
      if (!path.starts_with(folder)) continue;
      const Lsn first = FirstLsnOfName(path.substr(folder.size())).value();
      whole.segments.push_back(WalkSegment(*log->files, path, first));
      whole.last_lsn = first - 1;
      for (const WholeRecord& record : whole.segments.back().records) {
        whole.last_lsn = std::max(whole.last_lsn, record.header.lsn);
      }
    }
  }
}

inline LogOptions DamageOptions(base::FileSystem* files, const base::Clock* clock) {
  LogOptions options;
  options.directory = kDamageLog;
  options.files = files;
  options.clock = clock;
  options.segment_bytes = uint64_t{144} << 10;  // two blocks and a dictionary
  options.sync_interval = absl::Hours(1);
  return options;
}

// Events 1 to `events`, one by one, synced every 40th time; the last ones are not. `finish` says
// whether the writer stops in order.
inline DamageLog MakeDamageLog(std::string name, Durability durability, uint64_t events,
                               bool finish) {
  const testing::SimulatedClock clock;
  testing::MemoryFileSystem files;
  DamageLog log;
  log.name = std::move(name);
  log.closed = finish;
  RecoveryReport report;
  LogOptions options = DamageOptions(&files, &clock);
  options.durability = durability;
  auto writer = LogWriter::Open(std::move(options), &report);
  EXPECT_THAT(writer, testing::IsOk());
  (*writer)->Start();
  for (uint64_t number = 1; number <= events; ++number) {
    const LogEvent event = DamageEvent(number);
    EXPECT_THAT((*writer)->Append(event, DamageSnapshot(event), nullptr), testing::IsOk());
    while ((*writer)->Stats().queue_depth != 0) std::this_thread::yield();
    if (number % 40 == 0) {
      EXPECT_THAT((*writer)->Flush(), testing::IsOk());
    }
  }
  if (finish) {
    EXPECT_THAT((*writer)->Stop(), testing::IsOk());
  }
  log.files = files.Clone();
  WalkLog(&log);
  return log;
}

// As a crash between two segments leaves a log: its last segments have a footer.
inline DamageLog WithoutLastSegments(const DamageLog& log, std::string name) {
  DamageLog shorter;
  shorter.name = std::move(name);
  shorter.goes_together = false;
  shorter.files = log.files->Clone();
  for (const WholeStream& stream : log.streams) {
    EXPECT_THAT(shorter.files->Remove(stream.segments.back().path), testing::IsOk());
  }
  WalkLog(&shorter);
  const auto end = [&](const WholeStream& stream) {
    return StreamEnd{stream.segments.back().first_lsn, stream.segments.back().end, stream.last_lsn};
  };
  shorter.files->SetContent(absl::StrCat(kDamageLog, "/", kHighWaterName),
                            EncodeHighWater({end(shorter.streams[0]), end(shorter.streams[1])}));
  return shorter;
}

}  // namespace fulcrum::decision_log
