// Writes one stream of a log from records that were made elsewhere.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "base/file.h"
#include "decision_log/stream_writer.h"
#include "exchange/checkpoint.h"
#include "exchange/json_lines.h"

namespace fulcrum::exchange {

// Not thread-safe. After an error the stream's end is unknown: write no more.
class StreamImport {
 public:
  // Begins `stream` of `log`, or goes on with it: `from` is where it was known to end. What it has
  // beyond that is not written again, so the records behind `from` must be added as they were.
  // DATA_LOSS if the stream ends before `from`.
  absl::Status Open(base::FileSystem* files, const std::string& log, decision_log::Stream stream,
                    uint64_t segment_bytes, const StreamEnd& from);

  absl::Status Add(const LogRecord& record);

  // Writes and syncs what was added.
  absl::Status Sync();

  // Behind the last record. `decisions_lsn`: the last LSN of the decisions stream, which is synced.
  absl::Status Finish();
  absl::Status Close(Lsn decisions_lsn);

  StreamEnd end() const { return {writer_->added_lsn(), last_us_}; }
  uint64_t records_again() const { return again_; }  // still to be added, and in the log already

 private:
  absl::Status Write();

  std::unique_ptr<decision_log::StreamWriter> writer_;
  uint64_t again_ = 0;
  uint64_t waiting_ = 0;
  size_t bytes_ = 0;
  int64_t last_us_ = 0;
};

}  // namespace fulcrum::exchange
