// Reads a decision log: the events of its decisions stream and the snapshots of its features
// stream, in order, at flat memory. May run beside the process that writes the log.
//
//   auto reader = DecisionLogReader::Open("data/log");
//   LogEntry entry;
//   while (*(*reader)->Next(&entry)) Use(entry);
//   if ((*reader)->end() != LogEnd::kClean) Warn((*reader)->damage());
//
// In parallel: one reader per log segment of ListLogSegments(), each in a thread of its own. A part
// of it: SeekLogTime() gives the LSN to begin after. One decision: ReadDecision(). Live: at
// LogEnd::kClean, Resume() looks for what has been appended since.
//
// Readers are not thread-safe; any number may read one log. A log comes from outside: nothing in it
// makes a reader stop the process. Statuses are for what cannot be read at all (no such directory,
// a disk error, another format version); damage is an end with a place, after which Resume() goes
// on.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "fulcrum/decision_record.h"

namespace fulcrum {

struct LogEntry {
  Lsn lsn = 0;
  int64_t time_us = 0;  // when it was appended, microseconds since 1970 UTC
  LogEvent event;
};

struct FeatureEntry {
  Lsn lsn = 0;  // of the features stream
  int64_t time_us = 0;
  FeatureSnapshot snapshot;
};

// Why Next() had no more.
enum class LogEnd : uint8_t {
  kNone,      // it had
  kClean,     // the last record is whole
  kTornTail,  // what follows had never been synced: a crash, or a write that is still going on
  kCorrupt,   // what follows was durable once
  // What follows was damaged and has been taken out by `fulcrum log quarantine`: a known gap.
  kQuarantined
};

struct LogDamage {
  std::string segment;  // file, relative to the log's directory
  uint64_t offset = 0;  // of the damage in that file
  Lsn lsn = 0;          // of the record that should be there
  std::string what;
  Lsn quarantined_lsn = 0;  // if quarantined: the last LSN that is, `lsn` being the first; else 0
};

// "log segment decisions/...fulcrumlog, offset 64, LSN 7: the record's checksum is wrong", or
// "LSN 7 to 90 are quarantined since ...".
std::string ToString(const LogDamage& damage);

// LSNs above `after`, up to and including `last`.
struct LsnRange {
  Lsn after = 0;
  Lsn last = ~Lsn{0};
};

// One file of the decisions stream.
struct LogSegment {
  std::string file;    // relative to the log's directory
  uint64_t bytes = 0;  // of the file
  LsnRange lsns;       // of a segment that is still being written, `last` is open
};

class DecisionLogReader {
 public:
  // Reads events with an LSN above `after`. NOT_FOUND if there is no log in `directory`.
  static absl::StatusOr<std::unique_ptr<DecisionLogReader>> Open(const std::string& directory,
                                                                 Lsn after = 0);
  // Reads events of `range` only; after the last of them the end is kClean.
  static absl::StatusOr<std::unique_ptr<DecisionLogReader>> Open(const std::string& directory,
                                                                 LsnRange range);
  ~DecisionLogReader();

  // True and an entry, or false and end().
  absl::StatusOr<bool> Next(LogEntry* entry);
  LogEnd end() const;
  const LogDamage& damage() const;  // if end() is kTornTail, kCorrupt or kQuarantined
  // After kCorrupt or kQuarantined: lets Next() go on with the next record that can be read. After
  // kClean: with what has been appended since. After kTornTail: with what has been written there
  // since, or behind it.
  void Resume();

 private:
  struct State;
  explicit DecisionLogReader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

class FeatureSnapshotReader {
 public:
  static absl::StatusOr<std::unique_ptr<FeatureSnapshotReader>> Open(const std::string& directory,
                                                                     Lsn after = 0);
  ~FeatureSnapshotReader();

  absl::StatusOr<bool> Next(FeatureEntry* entry);
  LogEnd end() const;
  const LogDamage& damage() const;
  void Resume();

 private:
  struct State;
  explicit FeatureSnapshotReader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// The decisions stream's segments in order; together their ranges are the whole stream. NOT_FOUND
// if there is no log in `directory`; errors are those of reading.
absl::StatusOr<std::vector<LogSegment>> ListLogSegments(const std::string& directory);

// The LSN after which to read for all that was appended at `time_us` (microseconds since 1970 UTC)
// or later: what comes before it was appended earlier. Does not read the whole log.
absl::StatusOr<Lsn> SeekLogTime(const std::string& directory, int64_t time_us);

// The decision `id` and all that the log says of it, in LSN order; empty if it says nothing. Does
// not read the whole log. DATA_LOSS if a place that may tell of it cannot be read.
absl::StatusOr<std::vector<LogEntry>> ReadDecision(const std::string& directory,
                                                   const DecisionId& id);

}  // namespace fulcrum
