// Appends the records of one stream: encodes them into one buffer, writes that at once, starts a
// new log segment when one is full, and knows what has been synced.
//
// One thread writes. Another may call SyncWritten() and the accessors beside it.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "base/file.h"
#include "base/mutex.h"
#include "decision_log/log_format.h"
#include "decision_log/repair.h"

namespace fulcrum::decision_log {

class StreamWriter {
 public:
  // Goes on where `tail` ends: cuts off what is torn, makes everything before durable, and begins a
  // segment if there is none.
  static absl::StatusOr<std::unique_ptr<StreamWriter>> Open(base::FileSystem* files,
                                                            const std::string& directory,
                                                            Stream stream, const StreamTail& tail,
                                                            uint64_t segment_bytes, int64_t now_us);

  // Adds to the buffer and returns the record's LSN. The payload is at most kPayloadBytesMax.
  Lsn Add(RecordType type, std::string_view payload, int64_t time_us);
  void AddMark(uint8_t flags, Lsn decisions_lsn, int64_t time_us);

  // Writes the buffer, in a new segment if it does not fit in this one. After an error the stream's
  // end is unknown: write no more.
  absl::Status Write(int64_t now_us);

  // Syncs what Write() has returned for. After an error never call it again.
  absl::Status SyncWritten();

  // Gives back the room that was reserved and not used.
  absl::Status TrimReserved();

  Lsn added_lsn() const { return added_lsn_; }  // writing thread only
  Lsn written_lsn() const { return written_lsn_.load(std::memory_order_acquire); }
  Lsn durable_lsn() const { return durable_lsn_.load(std::memory_order_acquire); }
  // The highest durable LSN that the file itself can prove.
  Lsn proven_lsn() const { return proven_lsn_.load(std::memory_order_acquire); }
  uint64_t unsynced_bytes() const { return unsynced_bytes_.load(std::memory_order_relaxed); }
  uint64_t written_bytes() const { return written_bytes_.load(std::memory_order_relaxed); }

 private:
  StreamWriter(base::FileSystem* files, std::string directory, Stream stream,
               uint64_t segment_bytes, const StreamTail& tail);

  absl::Status Reopen(const StreamTail& tail);
  absl::Status BeginSegment(int64_t now_us);
  absl::Status Rotate(int64_t now_us);
  void AddRecord(RecordType type, uint8_t flags, std::string_view payload, Lsn lsn,
                 int64_t time_us);
  std::string folder() const;

  base::FileSystem* const files_;
  const std::string directory_;
  const Stream stream_;
  const uint64_t segment_bytes_;

  // The writing thread's.
  std::string buffer_;
  Lsn added_lsn_;
  uint32_t added_crc_;
  uint32_t written_crc_;
  Lsn segment_first_lsn_ = 0;

  base::Mutex file_mutex_;  // guards the pointer: rotation replaces it while another thread syncs
  std::shared_ptr<base::AppendFile> file_ ABSL_GUARDED_BY(file_mutex_);

  std::atomic<Lsn> written_lsn_;
  std::atomic<Lsn> durable_lsn_{0};
  std::atomic<Lsn> proven_lsn_{0};
  std::atomic<uint64_t> unsynced_bytes_{0};
  std::atomic<uint64_t> written_bytes_{0};
};

}  // namespace fulcrum::decision_log
