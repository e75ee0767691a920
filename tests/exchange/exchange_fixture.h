// Logs and files for the tests of this folder.
#pragma once

#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "decision_log/log_writer.h"
#include "decision_log/stream_reader.h"
#include "exchange/json_lines.h"
#include "tests/support/simulated_clock.h"
#include "tests/support/status_matchers.h"

namespace fulcrum::exchange {

inline std::string ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void WriteFile(const std::string& path, std::string_view text) {
  std::ofstream(path, std::ios::binary) << text;
}

// A new log of `events` in `directory`, closed in order.
inline void MakeLog(const std::string& directory, const std::vector<LogEvent>& events,
                    const std::vector<FeatureSnapshot>& snapshots = {}) {
  testing::SimulatedClock clock;
  decision_log::LogOptions options;
  options.directory = directory;
  options.clock = &clock;
  options.segment_bytes = uint64_t{64} << 10;
  decision_log::RecoveryReport report;
  auto writer = decision_log::LogWriter::Open(std::move(options), &report);
  ASSERT_THAT(writer, testing::IsOk());
  (*writer)->Start();
  for (size_t i = 0; i < std::max(events.size(), snapshots.size()); ++i) {
    std::optional<FeatureSnapshot> snapshot;
    if (i < snapshots.size()) snapshot = snapshots[i];
    ASSERT_THAT((*writer)->Append(events.at(i), std::move(snapshot), nullptr), testing::IsOk());
  }
  ASSERT_THAT((*writer)->Stop(), testing::IsOk());
}

// All records of both streams, which must be whole.
inline std::vector<LogRecord> RecordsOfLog(base::FileSystem* files, const std::string& log) {
  std::vector<LogRecord> records;
  for (const auto stream : {decision_log::Stream::kDecisions, decision_log::Stream::kFeatures}) {
    const auto reader = decision_log::StreamReader::Open(files, log, stream, 0);
    EXPECT_THAT(reader, testing::IsOk());
    if (!reader.ok()) return records;
    for (;;) {
      decision_log::RecordView record;
      const auto found = (*reader)->Next(&record);
      EXPECT_THAT(found, testing::IsOk());
      if (!found.ok() || *found != decision_log::Found::kRecord) {
        EXPECT_EQ(found.value_or(decision_log::Found::kDamaged), decision_log::Found::kEnd)
            << ToString((*reader)->damage());
        break;
      }
      records.push_back({stream, record.header.type, record.header.lsn, record.header.time_us,
                         std::string(record.payload)});
    }
  }
  return records;
}

}  // namespace fulcrum::exchange
