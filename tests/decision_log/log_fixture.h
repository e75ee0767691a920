// Small logs for the tests of this folder.
#pragma once

#include <map>
#include <random>
#include <string>
#include <vector>

#include "decision_log/log_writer.h"
#include "tests/support/simulated_clock.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace fulcrum::decision_log {

// A decision with `candidates` arms, one of them drawn by its seed; `number` makes it unlike others.
DecisionRecord MakeDecision(uint64_t number, size_t candidates = 3);
FeatureSnapshot MakeSnapshot(const DecisionRecord& decision, uint32_t columns = 2);
// Any legal event, with every field in use.
LogEvent RandomEvent(std::mt19937_64* random);

// Collects what it is told.
class Recorder final : public domain::LogObserver {
 public:
  void OnLogged(Lsn lsn, const LogEvent& event) override { events.emplace_back(lsn, event); }
  std::vector<std::pair<Lsn, LogEvent>> events;
};

// Writes logs in a temporary directory. Background syncs are off unless asked for.
class LogFixture : public ::testing::Test {
 protected:
  LogOptions Options() const;
  // Opens, fails the test on error.
  std::unique_ptr<LogWriter> Open(LogOptions options);
  // Appends `count` decisions with snapshots, numbered from `first`, and waits until all are logged.
  // Returns the number of acknowledgements.
  size_t AppendAndWait(LogWriter* writer, uint64_t first, uint64_t count);
  // A closed log of `count` decisions.
  void WriteLog(uint64_t count, LogOptions options);
  std::vector<LogEvent> ReadAll(const std::string& directory) const;
  // The log's segment files, relative, ascending.
  std::vector<std::string> SegmentFiles() const;
  std::string Path(const std::string& relative) const { return log() + "/" + relative; }
  std::string log() const { return directory_.path() + "/log"; }

  testing::TemporaryDirectory directory_;
  testing::SimulatedClock clock_;
  RecoveryReport report_;
};

}  // namespace fulcrum::decision_log
