// Appends the records of one stream: encodes them into one buffer, writes that at once, finishes a
// log segment that is full and begins the next one, and knows what has been synced.
//
// One thread writes. Another may call SyncWritten() and the accessors beside it.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "base/file.h"
#include "base/mutex.h"
#include "decision_log/ballast.h"
#include "decision_log/compression.h"
#include "decision_log/high_water.h"
#include "decision_log/log_format.h"
#include "decision_log/repair.h"
#include "decision_log/segment_book.h"

namespace fulcrum::decision_log {

struct StreamOptions {
  uint64_t segment_bytes = uint64_t{64} << 20;  // reserved at once; a batch may pass it
  bool compress = true;
  Ballast* ballast = nullptr;           // given up when the disk is full
  HighWaterMark* high_water = nullptr;  // told how far the stream goes when it is synced
  bool raise_when_synced = false;       // only then; else also when events are written
};

class StreamWriter {
 public:
  // Goes on where `tail` ends: cuts off what is torn, makes everything before durable, and begins a
  // segment if there is none that can be gone on in. `book` is FindTail()'s.
  static absl::StatusOr<std::unique_ptr<StreamWriter>> Open(
      base::FileSystem* files, const std::string& directory, Stream stream, const StreamTail& tail,
      std::unique_ptr<SegmentBook> book, const StreamOptions& options, int64_t now_us);

  // Before the records of a batch are added: finishes the segment if it is full and begins another.
  // After an error the stream's end is unknown, as after one of Write().
  absl::Status Prepare(int64_t now_us);

  // Adds to the buffer and returns the record's LSN. The payload is at most kPayloadBytesMax.
  Lsn Add(RecordType type, std::string_view payload, int64_t time_us);
  void AddMark(uint8_t flags, Lsn decisions_lsn, int64_t time_us);
  // Before the last records of a segment or of an orderly end: no segment has one dictionary only.
  void AddLastDictionary(int64_t time_us);

  // Writes the buffer. After an error the stream's end is unknown: write no more.
  absl::Status Write();

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
  Lsn segment_first_lsn() const { return segment_first_lsn_.load(std::memory_order_acquire); }

 private:
  StreamWriter(base::FileSystem* files, std::string directory, Stream stream,
               const StreamOptions& options, const StreamTail& tail);

  absl::Status GoOn(const StreamTail& tail, std::unique_ptr<SegmentBook> book, int64_t now_us);
  absl::Status CutOff(const StreamTail& tail, std::shared_ptr<base::AppendFile>* file);
  absl::Status BeginSegment(int64_t now_us);
  absl::Status TryBeginSegment(int64_t now_us, uint64_t reserve);
  absl::Status FinishSegment(int64_t now_us);
  bool IsFull();
  void AddRecord(RecordType type, uint8_t flags, std::string_view payload, Lsn lsn,
                 int64_t time_us);
  void AddAboutLog(RecordType type, std::string_view payload, int64_t time_us);
  void AddDictionaryIfDue(int64_t time_us);
  void CollectSample(std::string_view payload);
  size_t DictionaryBytes() const;
  StreamEnd NoteWritten();
  absl::Status Raise(const StreamEnd& end);
  std::string folder() const;
  std::shared_ptr<base::AppendFile> file();

  base::FileSystem* const files_;
  const std::string directory_;
  const Stream stream_;
  const StreamOptions options_;

  // The writing thread's.
  std::string buffer_;
  Lsn added_lsn_;
  uint32_t added_crc_;
  base::Sha256Digest chain_{};  // where the segment before ended
  std::unique_ptr<SegmentBook> book_;
  uint64_t last_batch_bytes_ = 0;
  PayloadCompressor compressor_;
  std::string samples_;  // the next segment's dictionary

  base::Mutex file_mutex_;  // guards the pointer: rotation replaces it while another thread syncs
  std::shared_ptr<base::AppendFile> file_ ABSL_GUARDED_BY(file_mutex_);
  StreamEnd written_ ABSL_GUARDED_BY(file_mutex_);  // where Write() has returned

  std::atomic<Lsn> segment_first_lsn_{0};
  std::atomic<Lsn> written_lsn_;
  std::atomic<Lsn> durable_lsn_{0};
  std::atomic<Lsn> proven_lsn_{0};
  std::atomic<uint64_t> unsynced_bytes_{0};
  std::atomic<uint64_t> written_bytes_{0};
};

}  // namespace fulcrum::decision_log
