// Learning while serving: the log's records, folded in their order, become posteriors that requests
// read; reports enter the log here; and positions that nobody reported as shown in time are told
// to it.
//
//   log's writer thread --OnLogged--> queue --updating thread--> fold --> published snapshot
//   edge --Report--> log                '--UnshownRecord, SettlementRecord--> log
//
// Life: Open (loads the newest checkpoint), OnLogged for all that the log holds after lsn(), Start,
// ..., then first the log stops, then Stop. The learner outlives the log's threads.
//
// Exactly once: what is published and what is checkpointed is always the fold of a whole prefix of
// the log, and a checkpoint carries the number of its last record, so a restart goes on with the
// next one.
//
// What decisions took under terms and is not due any more (decision_log/charges.h) is told to the
// log as `settlement` records: the ledger folds those.
//
// Exposure against `unshown`: a position is told to be unshown only if no exposure of it stands
// before that in the log. Exposures are appended, and unshown positions told, under one mutex that
// also guards the set of exposures that are appended and not yet folded; positions in that set
// wait. In the same way outcomes against `settlement`: no record says that what was reported before
// it was not.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mutex.h"
#include "domain/seams.h"
#include "learning/outcome_fold.h"
#include "learning/snapshots.h"

namespace fulcrum::learning {

struct LearnerOptions {
  base::FileSystem* files = base::PosixFileSystem();
  std::string directory;               // of checkpoints; exists
  const base::Clock* clock = nullptr;  // tells when exposure windows end
  // Time is that of requests: it moves, windows end and posteriors are published in Settle() only,
  // so that one caller after the other gets the same answers every time.
  bool request_clock = false;
  // How often the thread folds and publishes; infinite: there is no thread, call Update().
  absl::Duration interval = absl::Milliseconds(100);
  size_t queue_max = size_t{1} << 16;  // events; at more the log's writer waits
  uint64_t bundle = 0;                 // as in Versions
  // Told of every checkpoint that was written, from the thread that wrote it; must not wait, nor
  // call the learner. May be null.
  std::function<void(const PosteriorUpdateRecord&)> on_checkpoint;
};

// As of the last round of folding.
struct LearnerStats {
  Lsn logged_lsn = 0;  // last record heard of
  Lsn folded_lsn = 0;
  Lsn published_lsn = 0;  // of the posteriors that requests read
  Lsn checkpoint_lsn = 0;
  absl::Time checkpoint_time = absl::InfinitePast();  // when that was known to be on disk
  int64_t latest_us = INT64_MIN;                      // time of the latest decision
  uint64_t open_decisions = 0;
  uint64_t ill_conditioned = 0;
  uint64_t capped = 0;                // rewards beyond the cap of their surface
  uint64_t ignored = 0;               // observations and corrections that posteriors could not use
  decision_log::JoinStats join;       // since the log began
  uint64_t open_charges = 0;          // decisions of which something may be given back
  decision_log::ChargeStats charges;  // since the log began
};

// Thread-safe after Start, but for Stop.
class Learner final : public domain::LogObserver, public domain::EventIngest {
 public:
  // `log_last` is the log's last LSN. Errors are those of the file system alone.
  static absl::StatusOr<std::unique_ptr<Learner>> Open(LearnerOptions options,
                                                       const FoldStart& start, Lsn log_last,
                                                       SnapshotReport* report);
  ~Learner() override;  // stops the thread; writes nothing

  // Last record folded. Before Start: what has to be told from the log comes after it.
  Lsn lsn() const;

  // Before Start it folds at once; later it queues, and waits while the queue is full.
  void OnLogged(Lsn lsn, const LogEvent& event) override;

  // Publishes, writes a checkpoint if there is something new, and begins to fold what is logged
  // from here on. `log` outlives the learner's thread. The error is that of the checkpoint.
  absl::Status Start(domain::DecisionSink* log);

  // Takes an exposure or an outcome to the log. Late and repeated ones too: what they mean is
  // settled by their place in it.
  absl::Status Report(LogEvent event, domain::Logged done) override;

  // What requests read; never null after Start.
  std::shared_ptr<const scoring::Posteriors> snapshot() const;

  // One round: folds what is queued; with a wall clock also tells what is unshown or to be given
  // back, and publishes.
  void Update();

  // With request_clock: everything that was logged before this call and all windows that end by
  // `now` are folded and published when it returns. Waits for the log to take the `unshown` and
  // `settlement` records, at most a second each: a log that stands still must not hold requests.
  void Settle(absl::Time now);

  // Writes the state of the fold if a decision, or a report of one, is not on disk yet. What only
  // tells of the service, such as the record of the last checkpoint, is not worth another one. Not
  // while the last one is beyond `synced`, what the log keeps if the power goes: that would take
  // it, and then the one before must be there, because the log may have been deleted up to it.
  absl::Status Checkpoint(Lsn synced = ~Lsn{0});

  // Folds and checkpoints all that the log, which has stopped, has told. Idempotent.
  absl::Status Stop();

  LearnerStats Stats() const;

 private:
  using PositionKey = std::pair<DecisionId, uint32_t>;

  Learner(LearnerOptions options, OutcomeFold fold, bool from_checkpoint);

  void Fold(Lsn lsn, const LogEvent& event) ABSL_EXCLUSIVE_LOCKS_REQUIRED(fold_mutex_);
  absl::Status WriteCheckpoint(Lsn synced, bool of_every_record);
  void Run();
  void StopThread();
  void Drain() ABSL_EXCLUSIVE_LOCKS_REQUIRED(fold_mutex_);
  void TellUnshown(absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(fold_mutex_);
  void TellOwed(absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(fold_mutex_);
  bool Tell(LogEvent record) ABSL_EXCLUSIVE_LOCKS_REQUIRED(fold_mutex_);
  void AwaitTold() ABSL_EXCLUSIVE_LOCKS_REQUIRED(fold_mutex_);
  void Publish() ABSL_EXCLUSIVE_LOCKS_REQUIRED(fold_mutex_);
  void Unmark(const LogEvent& event);
  void Mark(const LogEvent& event) ABSL_EXCLUSIVE_LOCKS_REQUIRED(reports_mutex_);

  const LearnerOptions options_;
  domain::DecisionSink* log_ = nullptr;
  std::thread thread_;

  // Locked in this order; the log's own locks come last.
  base::Mutex checkpoint_mutex_;
  mutable base::Mutex fold_mutex_ ABSL_ACQUIRED_AFTER(checkpoint_mutex_);
  base::Mutex reports_mutex_ ABSL_ACQUIRED_AFTER(fold_mutex_);
  mutable base::Mutex mutex_ ABSL_ACQUIRED_AFTER(reports_mutex_);

  Lsn checkpoint_lsn_ ABSL_GUARDED_BY(checkpoint_mutex_) = 0;
  bool has_checkpoint_ ABSL_GUARDED_BY(checkpoint_mutex_) = false;
  OutcomeFold fold_ ABSL_GUARDED_BY(fold_mutex_);
  // Last record folded that was about a decision; 0: none since Open.
  Lsn news_lsn_ ABSL_GUARDED_BY(fold_mutex_) = 0;
  uint64_t published_changes_ ABSL_GUARDED_BY(fold_mutex_) = 0;
  // Reports that are appended and not yet folded: how often. Outcomes by decision alone, since they
  // may be about the whole slate.
  absl::flat_hash_map<PositionKey, int> exposures_ ABSL_GUARDED_BY(reports_mutex_);
  absl::flat_hash_map<DecisionId, int> outcomes_ ABSL_GUARDED_BY(reports_mutex_);

  std::vector<std::pair<Lsn, LogEvent>> queue_ ABSL_GUARDED_BY(mutex_);
  int told_on_their_way_ ABSL_GUARDED_BY(mutex_) = 0;
  bool started_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  base::CondVar wake_;         // for the thread
  base::CondVar room_;         // for the log's writer
  base::CondVar told_logged_;  // for AwaitTold; also told when the queue is full
  std::shared_ptr<const scoring::Posteriors> published_ ABSL_GUARDED_BY(mutex_);
  LearnerStats stats_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace fulcrum::learning
