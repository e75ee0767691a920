#include "learning/learner.h"

#include <chrono>
#include <utility>

#include "base/check.h"
#include "base/hash.h"
#include "base/status_macros.h"

namespace fulcrum::learning {
namespace {

// What is found is told in portions, so that reports need not wait for all of it.
constexpr size_t kToldPortion = 256;
constexpr auto kSettleWaitMax = std::chrono::seconds(1);

}  // namespace

Learner::Learner(LearnerOptions options, OutcomeFold fold, bool from_checkpoint)
    : options_(std::move(options)),
      checkpoint_lsn_(fold.lsn()),
      has_checkpoint_(from_checkpoint),
      fold_(std::move(fold)) {
  FULCRUM_CHECK(options_.clock != nullptr && options_.files != nullptr);
}

absl::StatusOr<std::unique_ptr<Learner>> Learner::Open(LearnerOptions options,
                                                       const FoldStart& start, Lsn log_last,
                                                       SnapshotReport* report) {
  FULCRUM_ASSIGN_OR_RETURN(OutcomeFold fold,
                           LoadNewest(options.files, options.directory, start, log_last, report));
  return std::unique_ptr<Learner>(
      new Learner(std::move(options), std::move(fold), !report->used.empty()));
}

Learner::~Learner() {
  StopThread();
}

Lsn Learner::lsn() const {
  const base::MutexLock lock(&fold_mutex_);
  return fold_.lsn();
}

// --- From the log.

void Learner::OnLogged(Lsn lsn, const LogEvent& event) {
  LogEvent read = decision_log::ForJoin(event);
  {
    const base::MutexLock lock(&mutex_);
    if (started_) {
      while (queue_.size() >= options_.queue_max && !stopping_) {
        wake_.NotifyOne();
        told_logged_.NotifyOne();
        room_.Wait(&mutex_);
      }
      stats_.logged_lsn = lsn;
      queue_.emplace_back(lsn, std::move(read));
      return;
    }
  }
  const base::MutexLock lock(&fold_mutex_);
  Fold(lsn, read);
}

void Learner::Fold(Lsn lsn, const LogEvent& event) {
  fold_.Apply(lsn, event);
  if (EventDecisionId(event).has_value()) news_lsn_ = lsn;
}

absl::Status Learner::Start(domain::DecisionSink* log) {
  log_ = log;
  {
    const base::MutexLock fold_lock(&fold_mutex_);
    const base::MutexLock lock(&mutex_);
    started_ = true;
    stats_.logged_lsn = fold_.lsn();
  }
  {
    const base::MutexLock lock(&fold_mutex_);
    Drain();
    Publish();
  }
  absl::Status written = Checkpoint();
  if (options_.interval != absl::InfiniteDuration()) thread_ = std::thread([this] { Run(); });
  return written;
}

void Learner::Run() {
  const auto interval = absl::ToChronoNanoseconds(options_.interval);
  for (;;) {
    {
      const base::MutexLock lock(&mutex_);
      if (!stopping_ && queue_.size() < options_.queue_max) {
        wake_.WaitUntil(&mutex_, std::chrono::steady_clock::now() + interval);
      }
      if (stopping_) return;
    }
    Update();
  }
}

void Learner::Update() {
  const base::MutexLock lock(&fold_mutex_);
  Drain();
  if (options_.request_clock) return;
  const absl::Time now = options_.clock->Now();
  TellUnshown(now);
  TellOwed(now);
  Publish();
}

void Learner::Settle(absl::Time now) {
  const base::MutexLock lock(&fold_mutex_);
  Drain();
  TellUnshown(now);
  AwaitTold();
  Drain();
  TellOwed(now);
  AwaitTold();
  Drain();
  Publish();
}

void Learner::Drain() {
  std::vector<std::pair<Lsn, LogEvent>> events;
  {
    const base::MutexLock lock(&mutex_);
    events.swap(queue_);
  }
  room_.NotifyAll();
  for (const auto& [lsn, event] : events) {
    Fold(lsn, event);
    Unmark(event);
  }
  const base::MutexLock lock(&mutex_);
  stats_.folded_lsn = fold_.lsn();
  stats_.latest_us = fold_.join().latest_us();
  stats_.open_decisions = fold_.join().open();
  stats_.join = fold_.join().stats();
  stats_.open_charges = fold_.charges().open();
  stats_.charges = fold_.charges().stats();
  stats_.ill_conditioned = fold_.posteriors().ill_conditioned();
  stats_.capped = fold_.posteriors().capped();
  stats_.ignored = fold_.posteriors().ignored();
}

void Learner::Publish() {
  if (fold_.changes() == published_changes_ && snapshot() != nullptr) return;
  published_changes_ = fold_.changes();
  auto posteriors = std::make_shared<const scoring::Posteriors>(fold_.posteriors());
  const base::MutexLock lock(&mutex_);
  stats_.published_lsn = posteriors->lsn();
  published_.swap(posteriors);  // the old one dies after the lock, if nobody reads it
}

std::shared_ptr<const scoring::Posteriors> Learner::snapshot() const {
  const base::MutexLock lock(&mutex_);
  return published_;
}

LearnerStats Learner::Stats() const {
  const base::MutexLock lock(&mutex_);
  return stats_;
}

// --- To the log.

absl::Status Learner::Report(LogEvent event, domain::Logged done) {
  absl::Status queued;
  {
    const base::MutexLock lock(&reports_mutex_);
    Mark(event);
    queued = log_->Append(event, std::nullopt,
                          [this, event, done = std::move(done)](absl::StatusOr<Lsn> lsn) mutable {
                            if (!lsn.ok()) Unmark(event);  // else when it is folded
                            std::move(done)(std::move(lsn));
                          });
  }
  if (!queued.ok()) Unmark(event);
  return queued;
}

void Learner::Mark(const LogEvent& event) {
  if (const auto* const exposure = std::get_if<ExposureRecord>(&event)) {
    ++exposures_[PositionKey(exposure->decision_id, exposure->position)];
  } else if (const auto* const outcome = std::get_if<OutcomeRecord>(&event)) {
    ++outcomes_[outcome->decision_id];
  }
}

void Learner::Unmark(const LogEvent& event) {
  const auto once_less = [](auto* marks, const auto& key) {
    const auto found = marks->find(key);
    if (found != marks->end() && --found->second == 0) marks->erase(found);
  };
  const base::MutexLock lock(&reports_mutex_);
  if (const auto* const exposure = std::get_if<ExposureRecord>(&event)) {
    once_less(&exposures_, PositionKey(exposure->decision_id, exposure->position));
  } else if (const auto* const outcome = std::get_if<OutcomeRecord>(&event)) {
    once_less(&outcomes_, outcome->decision_id);
  }
}

void Learner::TellUnshown(absl::Time now) {
  const int64_t now_us = absl::ToUnixMicros(now);
  while (fold_.join().NextUnshown() <= now_us) {
    // From here to the last append no exposure can slip in between.
    const base::MutexLock lock(&reports_mutex_);
    const auto* const on_their_way = &exposures_;
    std::vector<UnshownRecord> due = fold_.join().TakeUnshown(
        now_us, kToldPortion, [on_their_way](const DecisionId& id, uint32_t position) {
          return on_their_way->contains(PositionKey(id, position));
        });
    if (due.empty()) return;  // what is left waits for exposures to be folded
    bool taken = true;
    for (UnshownRecord& record : due) {
      const DecisionId id = record.decision_id;
      taken = taken && Tell(std::move(record));
      if (!taken) fold_.join().PutBackUnshown(id);
    }
    if (!taken) return;
  }
}

void Learner::TellOwed(absl::Time now) {
  const int64_t now_us = absl::ToUnixMicros(now);
  while (fold_.charges().NextDue() <= now_us) {
    // From here to the last append no outcome can slip in between.
    const base::MutexLock lock(&reports_mutex_);
    const auto* const on_their_way = &outcomes_;
    std::vector<SettlementRecord> due = fold_.charges().TakeDue(
        now_us, kToldPortion,
        [on_their_way](const DecisionId& id) { return on_their_way->contains(id); });
    if (due.empty()) return;
    bool taken = true;
    for (SettlementRecord& record : due) {
      const DecisionId id = record.decision_id;
      taken = taken && Tell(std::move(record));
      if (!taken) fold_.charges().PutBack(id);
    }
    if (!taken) return;
  }
}

// False if the log did not take it.
bool Learner::Tell(LogEvent record) {
  const auto settle = [this] {
    const base::MutexLock lock(&mutex_);
    --told_on_their_way_;
    told_logged_.NotifyAll();
  };
  {
    const base::MutexLock lock(&mutex_);
    ++told_on_their_way_;
  }
  // When `done` runs the record is in the queue above, or the log has failed for good.
  const absl::Status queued = log_->Append(std::move(record), std::nullopt,
                                           [settle](const absl::StatusOr<Lsn>&) { settle(); });
  if (!queued.ok()) settle();
  return queued.ok();
}

void Learner::AwaitTold() {
  const auto until = std::chrono::steady_clock::now() + kSettleWaitMax;
  for (;;) {
    {
      const base::MutexLock lock(&mutex_);
      while (told_on_their_way_ > 0 && queue_.size() < options_.queue_max &&
             std::chrono::steady_clock::now() < until) {
        told_logged_.WaitUntil(&mutex_, until);
      }
      if (told_on_their_way_ == 0 || queue_.size() < options_.queue_max) return;
    }
    Drain();  // or the log's writer would wait for us
  }
}

// --- Checkpoints.

absl::Status Learner::Checkpoint(Lsn synced) {
  return WriteCheckpoint(synced, /*of_every_record=*/false);
}

absl::Status Learner::WriteCheckpoint(Lsn synced, bool of_every_record) {
  const base::MutexLock checkpoint_lock(&checkpoint_mutex_);
  if (has_checkpoint_ && checkpoint_lsn_ > synced) return absl::OkStatus();
  std::string bytes;
  PosteriorUpdateRecord record;
  {
    const base::MutexLock lock(&fold_mutex_);
    const Lsn wanted = of_every_record ? fold_.lsn() : news_lsn_;
    if (!has_checkpoint_ || wanted > checkpoint_lsn_) {
      bytes = fold_.Serialise();
      record.folded_lsn = fold_.lsn();
      record.model = fold_.posteriors().model();
    }
  }
  const absl::Time now = options_.clock->Now();
  if (!bytes.empty()) {
    FULCRUM_RETURN_IF_ERROR(
        WriteSnapshot(options_.files, options_.directory, record.folded_lsn, bytes));
    checkpoint_lsn_ = record.folded_lsn;
    has_checkpoint_ = true;
    record.bundle = options_.bundle;
    record.digest = base::ShortDigest(base::Sha256(bytes));
    record.occurred_us = absl::ToUnixMicros(now);
    if (options_.on_checkpoint) options_.on_checkpoint(record);
  }
  const base::MutexLock lock(&mutex_);
  stats_.checkpoint_lsn = checkpoint_lsn_;
  stats_.checkpoint_time = now;
  return absl::OkStatus();
}

void Learner::StopThread() {
  {
    const base::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  wake_.NotifyAll();
  room_.NotifyAll();
  if (thread_.joinable()) thread_.join();
}

absl::Status Learner::Stop() {
  StopThread();
  {
    const base::MutexLock lock(&fold_mutex_);
    Drain();
    Publish();
  }
  return WriteCheckpoint(~Lsn{0}, /*of_every_record=*/true);
}

}  // namespace fulcrum::learning
