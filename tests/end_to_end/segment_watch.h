// Watches what retention does to one stream of a log while the service lives and dies.
#pragma once

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "base/file.h"
#include "decision_log/stream_reader.h"
#include "tests/support/status_matchers.h"

namespace fulcrum::testing {

// Told of every record, it knows whether a segment that has gone was allowed to go. Not
// thread-safe.
class SegmentWatch {
 public:
  SegmentWatch(std::string log_directory, decision_log::Stream stream, absl::Duration retention)
      : log_directory_(std::move(log_directory)), stream_(stream), retention_(retention) {}

  // Records in their order, of which none may be missing.
  void Saw(Lsn lsn, int64_t time_us) {
    EXPECT_EQ(lsn, times_us_.size() + 1) << StreamName(stream_) << ": a hole";
    times_us_.push_back(time_us);
  }
  Lsn last_lsn() const { return times_us_.size(); }

  // Segments that went since the last look were the oldest, and old enough by `now`; records from
  // `needed_from` on are there.
  void Look(absl::Time now, Lsn needed_from) {
    const auto listed =
        decision_log::ListSegments(base::PosixFileSystem(), log_directory_, stream_);
    ASSERT_THAT(listed, IsOk());
    if (listed->empty()) {  // no life got as far as making one
      EXPECT_TRUE(held_.empty());
      return;
    }
    const Lsn first = listed->front();
    EXPECT_LE(first, needed_from) << StreamName(stream_) << ": a start may need what was removed";
    EXPECT_LE(first, last_lsn() + 1) << StreamName(stream_) << ": removed before it was read";
    const std::set<Lsn> now_held(listed->begin(), listed->end());
    for (const Lsn segment : held_) {
      if (now_held.count(segment) != 0 || segment > last_lsn()) continue;  // or it had no record
      ++removed_;
      EXPECT_LT(segment, first) << StreamName(stream_) << ": removed from the middle";
    }
    if (first > 1 && first <= last_lsn() + 1) {
      EXPECT_LE(absl::FromUnixMicros(times_us_[first - 2]) + retention_, now)
          << StreamName(stream_) << ": removed too early";
    }
    seen_.insert(now_held.begin(), now_held.end());
    held_ = now_held;
  }

  size_t seen() const { return seen_.size(); }
  size_t removed() const { return removed_; }
  size_t held() const { return held_.size(); }

 private:
  const std::string log_directory_;
  const decision_log::Stream stream_;
  const absl::Duration retention_;
  std::vector<int64_t> times_us_;  // of LSN 1 on
  std::set<Lsn> seen_;
  std::set<Lsn> held_;  // at the last look
  size_t removed_ = 0;
};

// LSNs of the posteriors' checkpoints in `data_directory`, oldest first.
inline std::vector<Lsn> Checkpoints(const std::string& data_directory) {
  std::vector<Lsn> lsns;
  const std::string folder = data_directory + "/snapshots";
  if (!std::filesystem::exists(folder)) return lsns;
  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    Lsn lsn = 0;
    const std::string name = file.path().filename();
    if (name.rfind("posterior-", 0) == 0 && absl::SimpleAtoi(name.substr(10), &lsn)) {
      lsns.push_back(lsn);
    }
  }
  std::sort(lsns.begin(), lsns.end());
  return lsns;
}

// What a start needs of the log if it finds the newest checkpoint of the posteriors damaged.
inline Lsn NeededFrom(const std::vector<Lsn>& checkpoints) {
  return checkpoints.size() < 2 ? 1 : checkpoints[checkpoints.size() - 2] + 1;
}

inline void DamageCheckpoint(const std::string& data_directory, Lsn lsn) {
  const std::string path =
      absl::StrCat(data_directory, "/snapshots/posterior-", absl::StrFormat("%020d", lsn));
  std::filesystem::resize_file(path, std::filesystem::file_size(path) / 2);
}

}  // namespace fulcrum::testing
