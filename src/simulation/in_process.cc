#include "simulation/in_process.h"

#include <cstring>
#include <deque>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/mutex.h"
#include "base/status_macros.h"
#include "config/loader.h"
#include "config/manifest.h"
#include "domain/memory_user_data.h"
#include "leases/memory_lease_store.h"
#include "orchestrator/lease_desk.h"
#include "simulation/frozen_model.h"

namespace fulcrum::simulation {

// Rows that follow from a user's number; nothing to wait for and nothing to lose.
class UsersInMemory final : public domain::FeatureSource, public domain::MemoryUserData {
 public:
  UsersInMemory(const World& world, uint32_t users)
      : MemoryUserData([this](std::string_view user_id) { return RefOf(user_id); }) {
    for (const std::string& segment : world.segments()) {
      auto row = std::make_shared<domain::FeatureRow>();
      row->schema_version = 1;
      row->values[kSegmentFeature] = segment;
      rows_.push_back(std::move(row));
    }
    for (uint32_t user = 0; user < users; ++user) {
      numbers_[UserIdOf(user)] = user;
      segment_of_.push_back(world.SegmentOf(user, users));
    }
  }

  absl::StatusOr<domain::UserFeatures> ReadUser(std::string_view user_id, absl::Time,
                                                domain::Wait) override {
    const auto found = numbers_.find(user_id);
    if (found == numbers_.end()) return absl::NotFoundError("the world has no such user");
    domain::UserFeatures user;
    user.row = {domain::RowState::kFresh, rows_[segment_of_[found->second]]};
    user.user_ref = RefOf(user_id);
    return user;
  }
  absl::StatusOr<std::vector<domain::ReadRow>> ReadItems(absl::Span<const std::string> ids,
                                                         absl::Time, domain::Wait) override {
    return std::vector<domain::ReadRow>(ids.size());
  }

 private:
  // Nobody is merged or erased in a world: a user's number is the reference.
  UserRef RefOf(std::string_view user_id) const {
    UserRef ref{};
    const auto found = numbers_.find(user_id);
    if (found != numbers_.end()) std::memcpy(ref.data(), &found->second, sizeof found->second);
    return ref;
  }

  base::StringMap<uint32_t> numbers_;
  std::vector<size_t> segment_of_;
  std::vector<std::shared_ptr<const domain::FeatureRow>> rows_;
};

// A log of one record at a time, acknowledged by whoever waits for the answer.
class QueuedLog final : public domain::DecisionSink {
 public:
  explicit QueuedLog(domain::LogObserver* observer) : observer_(observer) {}

  absl::Status Append(LogEvent event, std::optional<FeatureSnapshot> snapshot,
                      domain::Logged done) override {
    base::MutexLock lock(&mutex_);
    queue_.push_back({std::move(event), std::move(snapshot), std::move(done)});
    changed_.NotifyAll();
    return absl::OkStatus();
  }

  void Answered() {
    base::MutexLock lock(&mutex_);
    answered_ = true;
    changed_.NotifyAll();
  }

  // Acknowledges records until the call is answered; gives the last decision among them.
  std::optional<DecisionRecord> Serve() {
    std::optional<DecisionRecord> decided;
    while (auto next = Next()) {
      Log(next->event);
      if (auto* record = std::get_if<DecisionRecord>(&next->event)) {
        decided = std::move(*record);
        snapshot_ = std::move(next->snapshot);
      }
      next->done(lsn_);
    }
    return decided;
  }
  Lsn Log(const LogEvent& event) {
    observer_->OnLogged(++lsn_, event);
    return lsn_;
  }
  Lsn lsn() const { return lsn_; }
  const std::optional<FeatureSnapshot>& snapshot() const { return snapshot_; }

 private:
  struct Waiting {
    LogEvent event;
    std::optional<FeatureSnapshot> snapshot;
    domain::Logged done;
  };

  std::optional<Waiting> Next() {
    base::MutexLock lock(&mutex_);
    while (queue_.empty() && !answered_) changed_.Wait(&mutex_);
    if (queue_.empty()) {
      answered_ = false;
      return std::nullopt;
    }
    Waiting next = std::move(queue_.front());
    queue_.pop_front();
    return next;
  }

  domain::LogObserver* const observer_;
  Lsn lsn_ = 0;                              // of the serving thread, like the next one
  std::optional<FeatureSnapshot> snapshot_;  // of the last decision
  base::Mutex mutex_;
  base::CondVar changed_;
  std::deque<Waiting> queue_ ABSL_GUARDED_BY(mutex_);
  bool answered_ ABSL_GUARDED_BY(mutex_) = false;
};

namespace {

// Far beyond any stall: what is decided here is to be drawn, however busy the machine.
constexpr absl::Duration kLatencyBudget = absl::Minutes(5);
// A decider remembers its calls until their alarms are due, so it is made anew now and then.
constexpr uint64_t kDecisionsPerDecider = 4096;

}  // namespace

InProcess::InProcess(const World& world, const InProcessOptions& options)
    : world_(world), options_(options), ids_(options.seed) {}

InProcess::~InProcess() {
  decider_.reset();
}

absl::StatusOr<std::unique_ptr<InProcess>> InProcess::Start(const World& world,
                                                            const InProcessOptions& options) {
  std::unique_ptr<InProcess> started(new InProcess(world, options));
  FULCRUM_RETURN_IF_ERROR(started->Open());
  return started;
}

absl::Status InProcess::Open() {
  base::FileSystem* const files = base::PosixFileSystem();
  const std::string config = absl::StrCat(options_.directory, "/config");
  FULCRUM_RETURN_IF_ERROR(files->CreateDirectories(config));
  FULCRUM_RETURN_IF_ERROR(base::WriteFileAtomically(files, absl::StrCat(config, "/bundle.yaml"),
                                                    BundleYaml(world_, options_.bundle)));
  if (!options_.bundle.model_manifest.empty()) {
    FULCRUM_RETURN_IF_ERROR(WriteFrozenModel(world_, config));
  }
  FULCRUM_ASSIGN_OR_RETURN(bundle_, config::LoadBundle(files, config));
  FULCRUM_RETURN_IF_ERROR(LoadModel());
  orchestrator::LedgerOptions ledger;
  ledger.directory = absl::StrCat(options_.directory, "/ledger");
  ledger.files = files;
  ledger.clock = options_.clock;
  ledger.leases = std::make_shared<leases::MemoryLeaseStore>(orchestrator::BooksOfTheOnlyReplica(),
                                                             options_.clock);
  ledger.boot_id = "simulation";
  FULCRUM_ASSIGN_OR_RETURN(ledger_, orchestrator::Ledger::Open(ledger, bundle_));
  FULCRUM_RETURN_IF_ERROR(ledger_->FinishRecovery(0).status());
  log_ = std::make_unique<QueuedLog>(ledger_.get());
  metrics_ = std::make_unique<telemetry::Metrics>(std::vector<std::string>{kSurface});
  users_ = std::make_unique<UsersInMemory>(world_, options_.users);
  BuildDecider();
  return absl::OkStatus();
}

absl::Status InProcess::LoadModel() {
  base::FileSystem* const files = base::PosixFileSystem();
  if (!bundle_->model_manifest.empty()) {
    FULCRUM_ASSIGN_OR_RETURN(const config::ModelManifest manifest,
                             config::LoadManifest(files, bundle_->model_manifest));
    FULCRUM_ASSIGN_OR_RETURN(model_, scoring::Model::Load(files, manifest));
    FULCRUM_ASSIGN_OR_RETURN(
        start_, scoring::Posteriors::LoadCounts(
                    files, absl::StrCat(manifest.directory, "/", manifest.counts_file)));
  }
  start_.SetSurfaces(*bundle_, model_ != nullptr);
  return absl::OkStatus();
}

void InProcess::BuildDecider() {
  decider_.reset();
  decider::DeciderParts parts;
  parts.features = users_.get();
  parts.users = users_.get();
  parts.ledger = ledger_.get();
  parts.log = log_.get();
  parts.metrics = metrics_.get();
  parts.clock = options_.clock;
  parts.waiting_threads = 1;
  decider_ = std::make_unique<decider::Decider>(parts);
}

domain::DecisionContext InProcess::ContextOf(const Visit& visit) {
  domain::DecisionContext context;
  const uint64_t high = ids_.Next64();
  context.decision_id = DecisionId::FromTimeAndRandom(visit.time, high, ids_.Next64());
  context.principal.name = "simulation";
  context.user_id = UserIdOf(visit.user);
  context.surface = kSurface;
  context.slate_size = static_cast<uint32_t>(world_.positions.size());
  if (world_.has_context) context.values[kContextKey] = world_.ContextAt(visit.time, visit.cell);
  context.now = visit.time;
  context.received = options_.clock->SteadyNow();
  context.latency_budget = kLatencyBudget;
  context.alarm_at = base::operator+(context.received, kLatencyBudget);
  return context;
}

absl::StatusOr<DecisionRecord> InProcess::Decide(
    const Visit& visit, std::shared_ptr<const scoring::Posteriors> posteriors) {
  if (++decided_ % kDecisionsPerDecider == 0) BuildDecider();
  FULCRUM_RETURN_IF_ERROR(decider_->Decide({bundle_, model_, std::move(posteriors)},
                                           bundle_->surfaces[0], ContextOf(visit),
                                           [this](const decider::Reply&) { log_->Answered(); }));
  std::optional<DecisionRecord> record = log_->Serve();
  if (!record || record->positions.empty() || record->positions[0].ticks.empty()) {
    return absl::AbortedError(absl::StrCat("visit ", visit.number, " was not drawn"));
  }
  return *std::move(record);
}

const std::optional<FeatureSnapshot>& InProcess::last_snapshot() const {
  return log_->snapshot();
}

Lsn InProcess::Log(const LogEvent& event) {
  return log_->Log(event);
}

Lsn InProcess::lsn() const {
  return log_->lsn();
}

absl::Status InProcess::Checkpoint() {
  return ledger_->Checkpoint();
}

}  // namespace fulcrum::simulation
