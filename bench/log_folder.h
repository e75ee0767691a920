// A decision log in a folder of its own beside the build, so that it is on the disk that is
// measured and not in a temporary file system, and decisions to put into it. For one thread.
#pragma once

#include <time.h>

#include <atomic>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/clock.h"
#include "bench/log_data.h"
#include "decision_log/log_writer.h"

namespace fulcrum::bench {

// Microseconds of processor time: of the calling thread or of the whole process.
inline double CpuMicros(clockid_t clock) {
  timespec now;
  FULCRUM_CHECK(clock_gettime(clock, &now) == 0);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) * 1e-3;
}

// Removed with this.
class BenchFolder {
 public:
  BenchFolder() { FULCRUM_CHECK(mkdtemp(path_.data()) != nullptr); }
  ~BenchFolder() { std::filesystem::remove_all(path_); }
  BenchFolder(const BenchFolder&) = delete;
  BenchFolder& operator=(const BenchFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_ = (std::filesystem::current_path() / "fulcrum-bench-XXXXXX").string();
};

struct RunningLog {
  explicit RunningLog(decision_log::LogOptions options) {
    options.clock = &clock;
    decision_log::RecoveryReport report;
    auto opened = decision_log::LogWriter::Open(std::move(options), &report);
    FULCRUM_CHECK(opened.ok());
    writer = *std::move(opened);
    writer->Start();
  }

  // Appends all, with at most `outstanding_max` waiting, and returns once all are acknowledged.
  void Append(std::vector<LoggedDecision> decisions, size_t outstanding_max) {
    std::atomic<size_t> acknowledged{0};
    const auto wait_for = [&acknowledged](size_t count) {
      for (size_t seen = acknowledged; seen < count; seen = acknowledged) acknowledged.wait(seen);
    };
    size_t appended = 0;
    for (LoggedDecision& one : decisions) {
      if (appended >= outstanding_max) wait_for(appended - outstanding_max + outstanding_max / 4);
      const absl::Status status = writer->Append(std::move(one.record), std::move(one.snapshot),
                                                 [&](const absl::StatusOr<Lsn>& lsn) {
                                                   FULCRUM_CHECK(lsn.ok());
                                                   ++acknowledged;
                                                   acknowledged.notify_one();
                                                 });
      FULCRUM_CHECK(status.ok());
      ++appended;
    }
    wait_for(appended);
  }

  const base::SystemClock clock;
  std::unique_ptr<decision_log::LogWriter> writer;
};

inline std::vector<LoggedDecision> MakeDecisions(LogData* data, size_t count) {
  std::vector<LoggedDecision> decisions;
  decisions.reserve(count);
  for (size_t i = 0; i < count; ++i) decisions.push_back(data->Next());
  return decisions;
}

}  // namespace fulcrum::bench
