// Writes the decision log: the live implementation of domain::DecisionSink.
//
//   Append() -> queue -> writer thread: encode all that is queued, write the features stream, write
//   the decisions stream, tell the observers, call back.
//
// With durability `power`, a second thread syncs what was written before it tells and calls back,
// and the writer thread encodes the next batch meanwhile; one sync covers all that was written.
//
// Life: Open (repairs a torn tail), AddObserver, Recover, Start, Append ..., Stop. Append, Flush
// and the accessors are thread-safe; the rest is called by one thread.
//
// That thread also syncs once per `sync_interval`, so that a process that only waits for write(2)
// loses at most that much with the power, and so that the log can prove what had been durable. It
// is a thread of its own because a sync may take milliseconds and no acknowledgement should wait
// for one that it does not need.
//
// A full disk: the ballast is given up, what was being written is written but not acknowledged, the
// log is closed in order, and then it has failed as after any other error.
//
// Errors: after a failed write or sync nothing is acknowledged any more, what waits gets the error,
// and no sync is ever tried again (the system may have dropped the pages): stop the process and let
// recovery read what is really there.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/functional/function_ref.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mutex.h"
#include "decision_log/ballast.h"
#include "decision_log/detail.h"
#include "decision_log/record_codec.h"
#include "decision_log/repair.h"
#include "decision_log/stream_writer.h"
#include "domain/seams.h"

namespace fulcrum::decision_log {

// When an event counts as logged.
enum class Durability : uint8_t {
  kNone,     // it is encoded; lost with the process
  kProcess,  // write(2) returned; lost with the power
  kPower     // fdatasync returned; the feature snapshot is only written
};

struct LogOptions {
  std::string directory;
  std::unique_ptr<base::FileLock> lock;  // of `directory`/LOCK, if the caller has it already
  base::FileSystem* files = base::PosixFileSystem();
  const base::Clock* clock = nullptr;  // stamps records
  Durability durability = Durability::kProcess;
  uint64_t segment_bytes = uint64_t{64} << 20;  // reserved at once; a batch may pass it
  bool compress = true;                         // payloads, on the writer's thread
  size_t queue_max = size_t{1} << 16;           // events waiting
  uint64_t ballast_bytes = 0;                   // of a file to give up when the disk is full
  absl::Duration sync_interval = absl::Seconds(1);
  DetailFilter* detail = nullptr;  // outlives the writer; null: records are kept as they come
  // Called once, from one of the log's threads, when the log has failed.
  absl::AnyInvocable<void(const absl::Status&)> on_error;
};

struct RecoveryReport {
  StreamTail decisions;
  StreamTail features;
  absl::Status ballast;  // why there is none; the log works without
};

// Counters since Open. `*_us_max` is the largest one.
struct LogStats {
  uint64_t records = 0;    // events written
  uint64_t snapshots = 0;  // feature snapshots written
  uint64_t bytes = 0;      // of both streams
  uint64_t batches = 0;    // records / batches = mean size of a group commit
  uint64_t batch_max = 0;
  uint64_t refused = 0;  // Append calls that found no room
  uint64_t syncs = 0;
  uint64_t sync_us = 0;  // sum
  uint64_t sync_us_max = 0;
  Lsn last_lsn = 0;     // written
  Lsn durable_lsn = 0;  // synced
  size_t queue_depth = 0;
  bool ballast = false;  // it is in its place
};

class LogWriter final : public domain::DecisionSink {
 public:
  // Takes the directory for this process and repairs what a crash left. FAILED_PRECONDITION if
  // another writer has it, DATA_LOSS if durable records are damaged.
  static absl::StatusOr<std::unique_ptr<LogWriter>> Open(LogOptions options,
                                                         RecoveryReport* report);
  ~LogWriter() override;  // Stop()

  void AddObserver(domain::LogObserver* observer);  // before Start; outlives the writer

  // Asked before Recover() goes on behind LSNs, `from` to `gap.known`, that it should tell and that
  // are quarantined: OK, or the error that ends it.
  using PassGap = absl::FunctionRef<absl::Status(const Quarantine& gap, Lsn from)>;

  // Tells `observer` every event with an LSN above `after`, in order. Before Start. DATA_LOSS if a
  // record cannot be read or is no longer there, OUT_OF_RANGE if the log ends before `after`.
  absl::Status Recover(Lsn after, domain::LogObserver* observer, PassGap pass_gap = RefuseGap);
  // DATA_LOSS, with what is gone and the remedy.
  static absl::Status RefuseGap(const Quarantine& gap, Lsn from);

  void Start();

  absl::Status Append(LogEvent event, std::optional<FeatureSnapshot> snapshot,
                      domain::Logged done) override;

  double Fill() const override;
  void WaitForRoom(base::SteadyTime until) override;

  // Returns once all that was appended before is written and synced, whatever the durability.
  absl::Status Flush();

  // Writes what is queued, syncs, marks the log as closed in order. Idempotent. The first error.
  absl::Status Stop();

  bool healthy() const { return healthy_.load(std::memory_order_acquire); }
  LogStats Stats() const;

 private:
  struct Pending {
    LogEvent event;
    std::optional<FeatureSnapshot> snapshot;
    domain::Logged done;
    bool flush = false;    // no event: sync, then call
    bool settled = false;  // `done` was called
    Lsn lsn = 0;           // 0: not encoded
  };

  explicit LogWriter(LogOptions options);

  absl::Status OpenStreams(RecoveryReport* report);
  absl::Status MarkUnclean(const RecoveryReport& report);
  absl::Status TellLostEnds(const RecoveryReport& report);

  absl::Status Enqueue(Pending pending, bool bounded);
  void Run();
  bool TakeQueue(std::deque<Pending>* queue, bool* mark_due);
  void ProcessInBatches(std::deque<Pending>* queue);
  void Process(std::vector<Pending>* batch);
  absl::Status Prepare();
  void Encode(std::vector<Pending>* batch);
  absl::Status WriteBatch();
  void HandToSync(std::vector<Pending>* batch);
  void WaitForSync();
  void Acknowledge(std::vector<Pending>* batch);
  void Refuse(std::vector<Pending>* batch, const absl::Status& status);
  void Settle(Pending* pending, absl::StatusOr<Lsn> result);
  absl::Status WriteMarks(uint8_t flags);
  absl::Status ProveDurable();
  absl::Status CloseIfFull();
  void Close();

  void RunSync();
  void SyncWaiting(std::vector<Pending>* waiting);
  void SyncInBackground();
  absl::Status Sync(StreamWriter* stream);
  void Fail(const absl::Status& status);
  absl::Status failure() const;
  int64_t NowMicros() const { return absl::ToUnixMicros(options_.clock->Now()); }

  LogOptions options_;
  std::unique_ptr<base::FileLock> lock_;
  Ballast ballast_;
  HighWaterMark high_water_;
  std::unique_ptr<StreamWriter> decisions_;
  std::unique_ptr<StreamWriter> features_;
  RecordEncoder encoder_;
  std::vector<domain::LogObserver*> observers_;

  std::atomic<bool> healthy_{true};
  std::atomic<size_t> queued_{0};  // waiting or being written
  std::atomic<uint32_t> room_waiters_{0};
  std::atomic<uint64_t> records_{0};
  std::atomic<uint64_t> snapshots_{0};
  std::atomic<uint64_t> batches_{0};
  std::atomic<uint64_t> batch_max_{0};
  std::atomic<uint64_t> refused_{0};
  std::atomic<uint64_t> syncs_{0};
  std::atomic<uint64_t> sync_us_{0};
  std::atomic<uint64_t> sync_us_max_{0};

  mutable base::Mutex mutex_;
  base::CondVar work_;       // for the writer thread
  base::CondVar sync_work_;  // for the sync thread
  base::CondVar synced_;     // for the writer thread: nothing waits for a sync
  base::CondVar room_;       // for those in WaitForRoom
  std::deque<Pending> queue_ ABSL_GUARDED_BY(mutex_);
  std::vector<Pending> unsynced_ ABSL_GUARDED_BY(mutex_);  // written, in order
  bool syncing_ ABSL_GUARDED_BY(mutex_) = false;           // and so are those of the sync thread
  bool writer_waits_ ABSL_GUARDED_BY(mutex_) = false;
  bool mark_due_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool sync_stopping_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);

  std::thread writer_thread_;
  std::thread sync_thread_;
};

}  // namespace fulcrum::decision_log
