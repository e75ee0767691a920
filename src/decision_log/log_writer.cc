#include "decision_log/log_writer.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/kill_point.h"
#include "base/status_macros.h"

namespace fulcrum::decision_log {
namespace {

// Bounds of a group commit: how long the first of a batch waits for the last.
constexpr size_t kBatchMax = 256;
// So much un-synced data wakes the sync thread early, or a rotation would wait for all of it.
constexpr uint64_t kUnsyncedBytesMax = uint64_t{8} << 20;
const absl::Duration kSyncIntervalMax = absl::Hours(24);

void RaiseTo(uint64_t value, std::atomic<uint64_t>* maximum) {
  uint64_t seen = maximum->load(std::memory_order_relaxed);
  while (seen < value && !maximum->compare_exchange_weak(seen, value, std::memory_order_relaxed)) {
  }
}

absl::Status CreateFolders(base::FileSystem* files, const std::string& directory) {
  for (const Stream stream : {Stream::kDecisions, Stream::kFeatures}) {
    FULCRUM_RETURN_IF_ERROR(
        files->CreateDirectories(absl::StrCat(directory, "/", StreamName(stream))));
  }
  return files->SyncDirectory(directory);
}

}  // namespace

LogWriter::LogWriter(LogOptions options)
    : options_(std::move(options)),
      ballast_(options_.files, options_.directory, options_.ballast_bytes),
      high_water_(options_.files, options_.directory, &ballast_) {
  FULCRUM_CHECK(options_.clock != nullptr && options_.files != nullptr);
}

absl::StatusOr<std::unique_ptr<LogWriter>> LogWriter::Open(LogOptions options,
                                                           RecoveryReport* report) {
  std::unique_ptr<LogWriter> writer(new LogWriter(std::move(options)));
  const LogOptions& own = writer->options_;
  FULCRUM_RETURN_IF_ERROR(CreateFolders(own.files, own.directory));
  writer->lock_ = std::move(writer->options_.lock);
  if (writer->lock_ == nullptr) {
    FULCRUM_ASSIGN_OR_RETURN(writer->lock_, own.files->Lock(own.directory + "/LOCK"));
  }
  const absl::Status opened = writer->OpenStreams(report);
  if (opened.ok()) {
    report->ballast = writer->ballast_.Keep();
    return writer;
  }
  // Nothing may be written or synced after an error, not even the mark of an orderly end.
  writer->decisions_.reset();
  writer->features_.reset();
  return opened;
}

absl::Status LogWriter::OpenStreams(RecoveryReport* report) {
  *report = RecoveryReport{};
  const std::tuple<Stream, StreamTail*, std::unique_ptr<StreamWriter>*> streams[] = {
      {Stream::kDecisions, &report->decisions, &decisions_},
      {Stream::kFeatures, &report->features, &features_}};
  FULCRUM_ASSIGN_OR_RETURN(const HighWater high_water,
                           ReadHighWater(options_.files, options_.directory));
  std::unique_ptr<SegmentBook> books[2];
  for (size_t i = 0; i < 2; ++i) {
    const auto& [stream, tail, writer] = streams[i];
    FULCRUM_ASSIGN_OR_RETURN(*tail,
                             FindTail(options_.files, options_.directory, stream, &books[i]));
    FULCRUM_ASSIGN_OR_RETURN(tail->lost_end, FindLostEnd(options_.files, options_.directory,
                                                         high_water, stream, tail->end()));
  }
  FULCRUM_RETURN_IF_ERROR(
      CheckTogether(options_.files, options_.directory, report->decisions, report->features));
  for (size_t i = 0; i < 2; ++i) {
    const auto& [stream, tail, writer] = streams[i];
    StreamOptions options{options_.segment_bytes, options_.compress, &ballast_, &high_water_};
    // What is only written then is not acknowledged, and may go with the power.
    options.raise_when_synced =
        stream == Stream::kDecisions && options_.durability == Durability::kPower;
    FULCRUM_ASSIGN_OR_RETURN(*writer,
                             StreamWriter::Open(options_.files, options_.directory, stream, *tail,
                                                std::move(books[i]), options, NowMicros()));
  }
  FULCRUM_RETURN_IF_ERROR(MarkUnclean(*report));
  return TellLostEnds(*report);
}

// Says in the log itself that what is before may lack its last part, in either stream.
absl::Status LogWriter::MarkUnclean(const RecoveryReport& report) {
  const bool empty = report.decisions.segment == 0 && report.features.segment == 0 &&
                     report.decisions.last_lsn == 0 && report.features.last_lsn == 0;
  if (empty || (report.decisions.closed && report.features.closed)) return absl::OkStatus();
  FULCRUM_RETURN_IF_ERROR(WriteMarks(kFlagUnclean));
  FULCRUM_RETURN_IF_ERROR(Sync(features_.get()));
  return Sync(decisions_.get());
}

// The log tells it itself, first of all when it starts: only what is synced there may replace the
// mark that knows. Until then no LSN is given, so that others can compare what they know.
absl::Status LogWriter::TellLostEnds(const RecoveryReport& report) {
  bool lost = false;
  for (const auto& [stream, tail] : {std::pair(Stream::kDecisions, &report.decisions),
                                     std::pair(Stream::kFeatures, &report.features)}) {
    if (!tail->lost_end.has_value() || tail->lost_end->lsn <= tail->last_lsn) continue;
    AuditRecord record{.actor = kServiceActor, .action = "log.tail_lost"};
    record.target = StreamName(stream);
    record.details = {{"first_lsn", absl::StrCat(tail->last_lsn + 1)},
                      {"last_lsn", absl::StrCat(tail->lost_end->lsn)},
                      {"known_by", kKnownByHighWater}};
    record.occurred_us = NowMicros();
    Pending pending;
    pending.event = std::move(record);
    FULCRUM_RETURN_IF_ERROR(Enqueue(std::move(pending), false));
    lost = true;
  }
  if (!lost) return high_water_.Begin();
  Pending barrier;
  barrier.flush = true;
  barrier.done = [this](const absl::StatusOr<Lsn>& flushed) {
    if (!flushed.ok()) return;  // the mark stays
    const absl::Status begun = high_water_.Begin();
    if (!begun.ok()) Fail(begun);
  };
  return Enqueue(std::move(barrier), false);
}

LogWriter::~LogWriter() {
  Stop().IgnoreError();
}  // on_error has told it

void LogWriter::AddObserver(domain::LogObserver* observer) {
  FULCRUM_CHECK(!writer_thread_.joinable());
  observers_.push_back(observer);
}

absl::Status LogWriter::RefuseGap(const Quarantine& gap, Lsn from) {
  return absl::DataLossError(absl::StrCat(
      "LSN ", from, " to ", gap.known, " are asked for, but ", ToString(gap),
      ". Bring a sound copy of the log segment back into its place, or begin with a state that "
      "holds the log up to LSN ",
      gap.known));
}

absl::Status LogWriter::Recover(Lsn after, domain::LogObserver* observer, PassGap pass_gap) {
  FULCRUM_CHECK(!writer_thread_.joinable());
  const Lsn last = decisions_->written_lsn();
  if (after > last) {
    return absl::OutOfRangeError(absl::StrCat(
        "decision log '", options_.directory, "' ends with LSN ", last, ", but LSN ", after,
        " is asked for: the log was lost or replaced; drop the snapshots that are ahead of it"));
  }
  FULCRUM_RETURN_IF_ERROR(CheckBegins(options_.files, options_.directory, after));
  FULCRUM_ASSIGN_OR_RETURN(const Quarantines quarantines,
                           ReadQuarantines(options_.files, options_.directory, Stream::kDecisions));
  FULCRUM_ASSIGN_OR_RETURN(
      const std::unique_ptr<StreamReader> reader,
      StreamReader::Open(options_.files, options_.directory, Stream::kDecisions, after));
  Lsn told = after;
  for (;;) {
    RecordView record;
    FULCRUM_ASSIGN_OR_RETURN(const Found found, reader->Next(&record));
    if (found == Found::kEnd) break;
    if (found == Found::kDamaged && reader->damage().quarantined.has_value()) {
      const Quarantine& gap = *reader->damage().quarantined;
      if (gap.known > told) FULCRUM_RETURN_IF_ERROR(pass_gap(gap, told + 1));
      told = std::max(told, gap.last);
      continue;
    }
    if (found == Found::kDamaged) return DurableDamage(options_.directory, reader->damage());
    const std::string segment =
        absl::StrCat(StreamName(Stream::kDecisions), "/", SegmentName(reader->segment()));
    if (record.header.lsn != quarantines.Given(told + 1)) {
      return DurableDamage(options_.directory,
                           {segment, record.offset, told + 1, "this record is no longer there"});
    }
    absl::StatusOr<LogEvent> event = ParseEvent(record.header.type, record.payload);
    if (!event.ok()) {
      return DurableDamage(options_.directory, {segment, record.offset, record.header.lsn,
                                                std::string(event.status().message())});
    }
    told = record.header.lsn;
    observer->OnLogged(told, *event);
  }
  if (told == last) return absl::OkStatus();
  return DurableDamage(options_.directory, {StreamName(Stream::kDecisions), 0, told + 1,
                                            "this record is no longer there"});
}

void LogWriter::Start() {
  FULCRUM_CHECK(!writer_thread_.joinable());
  writer_thread_ = std::thread([this] { Run(); });
  sync_thread_ = std::thread([this] { RunSync(); });
}

absl::Status LogWriter::Append(LogEvent event, std::optional<FeatureSnapshot> snapshot,
                               domain::Logged done) {
  FULCRUM_RETURN_IF_ERROR(CheckEvent(event));
  if (snapshot.has_value()) FULCRUM_RETURN_IF_ERROR(CheckSnapshot(*snapshot));
  Pending pending;
  pending.event = std::move(event);
  pending.snapshot = std::move(snapshot);
  pending.done = std::move(done);
  return Enqueue(std::move(pending), true);
}

absl::Status LogWriter::Enqueue(Pending pending, bool bounded) {
  bool wake = false;
  {
    const base::MutexLock lock(&mutex_);
    if (!failure_.ok()) {
      return absl::FailedPreconditionError(
          absl::StrCat("the decision log has failed: ", failure_.message()));
    }
    if (stopping_) return absl::FailedPreconditionError("the decision log is closed");
    if (bounded && queued_.load(std::memory_order_relaxed) >= options_.queue_max) {
      refused_.fetch_add(1, std::memory_order_relaxed);
      return absl::ResourceExhaustedError(
          absl::StrCat("the decision log's queue is full: ", options_.queue_max, " events wait"));
    }
    queued_.fetch_add(1, std::memory_order_relaxed);
    queue_.push_back(std::move(pending));
    wake = writer_waits_;
  }
  if (wake) work_.NotifyOne();
  return absl::OkStatus();
}

double LogWriter::Fill() const {
  return static_cast<double>(queued_.load()) / static_cast<double>(options_.queue_max);
}

void LogWriter::WaitForRoom(base::SteadyTime until) {
  const base::MutexLock lock(&mutex_);
  room_waiters_.fetch_add(1);
  while (Fill() >= domain::kLogPressure && failure_.ok() && !stopping_ &&
         options_.clock->SteadyNow() < until) {
    room_.WaitUntil(&mutex_, until);
  }
  room_waiters_.fetch_sub(1);
}

absl::Status LogWriter::Flush() {
  base::Mutex mutex;
  base::CondVar called;
  bool finished = false;
  absl::Status status;
  Pending barrier;
  barrier.flush = true;
  barrier.done = [&](const absl::StatusOr<Lsn>& result) {
    const base::MutexLock lock(&mutex);
    status = result.status();
    finished = true;
    called.NotifyOne();  // under the lock: the waiter owns the condition
  };
  FULCRUM_RETURN_IF_ERROR(Enqueue(std::move(barrier), false));
  const base::MutexLock lock(&mutex);
  while (!finished) called.Wait(&mutex);
  return status;
}

absl::Status LogWriter::Stop() {
  {
    const base::MutexLock lock(&mutex_);
    if (stopping_) return failure_;
    stopping_ = true;
    room_.NotifyAll();
  }
  work_.NotifyOne();
  if (writer_thread_.joinable()) {
    writer_thread_.join();
  } else if (decisions_ != nullptr && features_ != nullptr) {
    // Never started: nothing was written, so only what waits is told.
    std::deque<Pending> queue;
    {
      const base::MutexLock lock(&mutex_);
      queue.swap(queue_);
    }
    std::vector<Pending> batch(std::make_move_iterator(queue.begin()),
                               std::make_move_iterator(queue.end()));
    Refuse(&batch, absl::FailedPreconditionError("the decision log was never started"));
    Close();
  }
  {
    const base::MutexLock lock(&mutex_);
    sync_stopping_ = true;
  }
  sync_work_.NotifyOne();
  if (sync_thread_.joinable()) sync_thread_.join();
  lock_.reset();
  return failure();
}

// The writer thread.

void LogWriter::Run() {
  std::deque<Pending> queue;
  bool mark_due = false;
  while (TakeQueue(&queue, &mark_due)) {
    ProcessInBatches(&queue);
    if (!mark_due || !healthy()) continue;
    absl::Status status = ProveDurable();
    if (status.ok()) status = CloseIfFull();
    if (!status.ok()) Fail(status);
  }
  WaitForSync();
  Close();
}

// False when the log is to be closed and nothing waits.
bool LogWriter::TakeQueue(std::deque<Pending>* queue, bool* mark_due) {
  const base::MutexLock lock(&mutex_);
  while (queue_.empty() && !stopping_ && !mark_due_) {
    writer_waits_ = true;
    work_.Wait(&mutex_);
    writer_waits_ = false;
  }
  *mark_due = std::exchange(mark_due_, false);
  queue->swap(queue_);
  return !queue->empty() || *mark_due || !stopping_;
}

void LogWriter::ProcessInBatches(std::deque<Pending>* queue) {
  std::vector<Pending> batch;
  while (!queue->empty()) {
    while (!queue->empty() && batch.size() < kBatchMax) {
      batch.push_back(std::move(queue->front()));
      queue->pop_front();
      if (batch.back().flush) break;  // all before it, nothing after it
    }
    Process(&batch);
    batch.clear();
  }
}

void LogWriter::Process(std::vector<Pending>* batch) {
  if (!healthy()) return Refuse(batch, failure());
  // A lone flush begins no segment: when one begins depends on the records alone.
  absl::Status status = batch->front().flush ? absl::OkStatus() : Prepare();
  if (!status.ok()) {
    Fail(status);
    return Refuse(batch, failure());
  }
  Encode(batch);
  const bool at_once = options_.durability == Durability::kNone && !batch->back().flush;
  if (at_once) Acknowledge(batch);
  base::KillPoint("log.before_append");
  status = WriteBatch();
  if (status.ok()) status = CloseIfFull();
  const bool power = options_.durability == Durability::kPower;
  if (status.ok() && batch->back().flush) {
    status = Sync(features_.get());
    if (status.ok() && !power) status = Sync(decisions_.get());
  }
  if (!status.ok()) Fail(status);
  // The sync thread may have failed meanwhile: then nothing is acknowledged any more. What it still
  // has was written before this batch, so that it must go first.
  if (power) return HandToSync(batch);
  base::KillPoint("log.before_reply");
  if (!healthy()) return Refuse(batch, failure());
  if (!at_once) Acknowledge(batch);
}

absl::Status LogWriter::Prepare() {
  const int64_t now_us = NowMicros();
  FULCRUM_RETURN_IF_ERROR(features_->Prepare(now_us));
  FULCRUM_RETURN_IF_ERROR(decisions_->Prepare(now_us));
  return CloseIfFull();
}

void LogWriter::Encode(std::vector<Pending>* batch) {
  const int64_t now_us = NowMicros();
  uint64_t events = 0;
  for (Pending& pending : *batch) {
    if (pending.flush) continue;
    if (options_.detail != nullptr) options_.detail->Apply(&pending.event, &pending.snapshot);
    std::string_view payload = encoder_.Encode(pending.event);
    if (payload.size() > kPayloadBytesMax) {
      Settle(&pending, absl::InvalidArgumentError(absl::StrCat("an event of ", payload.size(),
                                                               " bytes is too large for the log")));
      continue;
    }
    pending.lsn = decisions_->Add(TypeOf(pending.event), payload, now_us);
    ++events;
    if (!pending.snapshot.has_value()) continue;
    payload = encoder_.Encode(*pending.snapshot);
    if (payload.size() > kPayloadBytesMax) continue;  // `log verify` names the decision
    features_->Add(RecordType::kFeatureSnapshot, payload, now_us);
    snapshots_.fetch_add(1, std::memory_order_relaxed);
  }
  if (events == 0) return;
  records_.fetch_add(events, std::memory_order_relaxed);
  batches_.fetch_add(1, std::memory_order_relaxed);
  RaiseTo(events, &batch_max_);
}

absl::Status LogWriter::WriteBatch() {
  FULCRUM_RETURN_IF_ERROR(features_->Write());
  base::KillPoint("log.between_streams");
  FULCRUM_RETURN_IF_ERROR(decisions_->Write());
  base::KillPoint("log.after_append");
  const uint64_t unsynced = features_->unsynced_bytes() + decisions_->unsynced_bytes();
  if (unsynced > kUnsyncedBytesMax) sync_work_.NotifyOne();
  return absl::OkStatus();
}

void LogWriter::HandToSync(std::vector<Pending>* batch) {
  {
    const base::MutexLock lock(&mutex_);
    unsynced_.insert(unsynced_.end(), std::make_move_iterator(batch->begin()),
                     std::make_move_iterator(batch->end()));
  }
  sync_work_.NotifyOne();
}

void LogWriter::WaitForSync() {
  const base::MutexLock lock(&mutex_);
  while (!unsynced_.empty() || syncing_) synced_.Wait(&mutex_);
}

void LogWriter::Acknowledge(std::vector<Pending>* batch) {
  for (Pending& pending : *batch) {
    if (pending.settled) continue;
    if (!healthy()) return Refuse(batch, failure());  // an answer before it has failed the log
    if (pending.lsn != 0) {
      for (domain::LogObserver* const observer : observers_) {
        observer->OnLogged(pending.lsn, pending.event);
      }
    }
    Settle(&pending, pending.lsn);
  }
}

void LogWriter::Refuse(std::vector<Pending>* batch, const absl::Status& status) {
  for (Pending& pending : *batch) Settle(&pending, status);
}

void LogWriter::Settle(Pending* pending, absl::StatusOr<Lsn> result) {
  if (std::exchange(pending->settled, true)) return;
  queued_.fetch_sub(1);
  // Both in one total order with what a waiter does: it is counted before it looks at the queue.
  if (room_waiters_.load() > 0 && Fill() < domain::kLogPressure) {
    const base::MutexLock lock(&mutex_);
    room_.NotifyAll();
  }
  if (pending->done) std::move(pending->done)(std::move(result));
}

absl::Status LogWriter::WriteMarks(uint8_t flags) {
  const int64_t now_us = NowMicros();
  for (StreamWriter* const stream : {features_.get(), decisions_.get()}) {
    stream->AddMark(flags, decisions_->written_lsn(), now_us);
    FULCRUM_RETURN_IF_ERROR(stream->Write());
  }
  return absl::OkStatus();
}

// When no record follows a sync for a while, a mark tells the file what was synced.
absl::Status LogWriter::ProveDurable() {
  for (StreamWriter* const stream : {features_.get(), decisions_.get()}) {
    if (stream->proven_lsn() >= stream->durable_lsn()) continue;
    const int64_t now_us = NowMicros();
    stream->AddMark(0, decisions_->written_lsn(), now_us);
    FULCRUM_RETURN_IF_ERROR(stream->Write());
  }
  return absl::OkStatus();
}

// The disk is full: with the room of the ballast the log tells why, is closed in order, and then it
// has failed. Observers hear of that record when they recover, as of all that was not acknowledged.
absl::Status LogWriter::CloseIfFull() {
  if (!ballast_.released()) return absl::OkStatus();
  WaitForSync();
  if (healthy()) {
    AuditRecord record{.actor = kServiceActor, .action = "log.ballast_released"};
    record.details = {{"bytes", absl::StrCat(options_.ballast_bytes)}};
    record.occurred_us = NowMicros();
    decisions_->Add(RecordType::kAudit, encoder_.Encode(LogEvent(record)), record.occurred_us);
    FULCRUM_RETURN_IF_ERROR(decisions_->Write());
  }
  Close();
  return absl::ResourceExhaustedError(absl::StrCat(
      "the disk of '", options_.directory,
      "' is full: the log was closed in order with the room of its ballast; make room on the disk "
      "and start again"));
}

// An orderly end: all is durable, and the log says so; the features stream first, so that its mark
// is there whenever that of decisions is.
void LogWriter::Close() {
  if (!healthy()) return;
  const auto close = [this]() -> absl::Status {
    StreamWriter* const streams[] = {features_.get(), decisions_.get()};
    const int64_t now_us = NowMicros();
    for (StreamWriter* const stream : streams) {
      stream->AddLastDictionary(now_us);
      FULCRUM_RETURN_IF_ERROR(stream->Write());
      FULCRUM_RETURN_IF_ERROR(Sync(stream));
    }
    for (StreamWriter* const stream : streams) {
      stream->AddMark(kFlagClosed, decisions_->written_lsn(), now_us);
      FULCRUM_RETURN_IF_ERROR(stream->Write());
      FULCRUM_RETURN_IF_ERROR(stream->TrimReserved());
      FULCRUM_RETURN_IF_ERROR(Sync(stream));
    }
    return absl::OkStatus();
  };
  const absl::Status status = close();
  if (!status.ok()) Fail(status);
}

// The sync thread.

void LogWriter::RunSync() {
  std::vector<Pending> waiting;
  for (;;) {
    bool stopping = false;
    {
      const base::MutexLock lock(&mutex_);
      syncing_ = false;
      if (unsynced_.empty()) {
        synced_.NotifyOne();
        if (!sync_stopping_) {
          sync_work_.WaitUntil(&mutex_, std::chrono::steady_clock::now() +
                                            absl::ToChronoNanoseconds(std::min(
                                                options_.sync_interval, kSyncIntervalMax)));
        }
      }
      waiting.swap(unsynced_);
      syncing_ = !waiting.empty();
      stopping = sync_stopping_;
    }
    if (!waiting.empty()) {
      SyncWaiting(&waiting);
      waiting.clear();
    } else if (stopping) {
      return;
    } else if (healthy()) {
      SyncInBackground();
    }
  }
}

// Durability `power`: one sync for all that was written meanwhile.
void LogWriter::SyncWaiting(std::vector<Pending>* waiting) {
  if (healthy() && decisions_->durable_lsn() != decisions_->written_lsn()) {
    const absl::Status status = Sync(decisions_.get());
    if (!status.ok()) Fail(status);
  }
  base::KillPoint("log.before_reply");
  if (!healthy()) return Refuse(waiting, failure());
  Acknowledge(waiting);
}

void LogWriter::SyncInBackground() {
  bool unproven = false;
  for (StreamWriter* const stream : {features_.get(), decisions_.get()}) {
    if (stream->written_lsn() != stream->durable_lsn()) {
      const absl::Status status = Sync(stream);
      if (!status.ok()) return Fail(status);
    }
    unproven = unproven || stream->proven_lsn() < stream->durable_lsn();
  }
  if (!unproven) return;
  {
    const base::MutexLock lock(&mutex_);
    mark_due_ = true;
  }
  work_.NotifyOne();
}

absl::Status LogWriter::Sync(StreamWriter* stream) {
  const base::SteadyTime start = options_.clock->SteadyNow();
  FULCRUM_RETURN_IF_ERROR(stream->SyncWritten());
  const auto spent = options_.clock->SteadyNow() - start;
  const uint64_t micros =
      static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(spent).count());
  syncs_.fetch_add(1, std::memory_order_relaxed);
  sync_us_.fetch_add(micros, std::memory_order_relaxed);
  RaiseTo(micros, &sync_us_max_);
  return absl::OkStatus();
}

void LogWriter::Fail(const absl::Status& status) {
  {
    const base::MutexLock lock(&mutex_);
    if (!failure_.ok()) return;
    failure_ = status;
    room_.NotifyAll();
    healthy_.store(false, std::memory_order_release);
  }
  if (options_.on_error) options_.on_error(status);
}

absl::Status LogWriter::failure() const {
  const base::MutexLock lock(&mutex_);
  return failure_;
}

LogStats LogWriter::Stats() const {
  LogStats stats;
  stats.records = records_.load(std::memory_order_relaxed);
  stats.snapshots = snapshots_.load(std::memory_order_relaxed);
  stats.bytes = decisions_->written_bytes() + features_->written_bytes();
  stats.batches = batches_.load(std::memory_order_relaxed);
  stats.batch_max = batch_max_.load(std::memory_order_relaxed);
  stats.refused = refused_.load(std::memory_order_relaxed);
  stats.syncs = syncs_.load(std::memory_order_relaxed);
  stats.sync_us = sync_us_.load(std::memory_order_relaxed);
  stats.sync_us_max = sync_us_max_.load(std::memory_order_relaxed);
  stats.last_lsn = decisions_->written_lsn();
  stats.durable_lsn = decisions_->durable_lsn();
  stats.ballast = ballast_.kept();
  stats.queue_depth = queued_.load(std::memory_order_relaxed);
  return stats;
}

}  // namespace fulcrum::decision_log
