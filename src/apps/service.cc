#include "apps/service.h"

#include <chrono>
#include <filesystem>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "apps/artefacts.h"
#include "apps/learning_metrics.h"
#include "apps/parity_metrics.h"
#include "base/status_macros.h"
#include "config/address.h"
#include "config/loader.h"
#include "config/manifest.h"
#include "decision_log/log_tail.h"
#include "fulcrum/version.h"
#include "orchestrator/lease_desk.h"
#include "telemetry/diagnostics.h"

namespace fulcrum::apps {
namespace {

// The posteriors' checkpoint is larger than the ledger's, and the log does not change that fast.
constexpr int kLedgerPerLearnerCheckpoint = 10;
constexpr int kLedgerPerLogRound = 10;

// Tells the machine's boots apart; without it every unclean stop counts as a power loss. The system
// says that the file's size is 0, so it is read until it ends.
std::string BootId(base::FileSystem* files) {
  const auto file = files->OpenForRead("/proc/sys/kernel/random/boot_id");
  if (!file.ok()) return "";
  std::string id(128, '\0');
  const auto size = (*file)->Read(0, id.size(), id.data());
  if (!size.ok()) return "";
  id.resize(*size);
  return std::string(base::FromAbsl(absl::StripTrailingAsciiWhitespace(id)));
}

decision_log::Durability DurabilityOf(config::Durability durability) {
  switch (durability) {
    case config::Durability::kNone:
      return decision_log::Durability::kNone;
    case config::Durability::kProcess:
      return decision_log::Durability::kProcess;
    case config::Durability::kPower:
      return decision_log::Durability::kPower;
  }
  return decision_log::Durability::kPower;
}

std::string ResolvePath(const std::string& path, const std::string& directory) {
  return absl::StartsWith(path, "/") ? path : absl::StrCat(directory, "/", path);
}

}  // namespace

Service::Service(const ServiceOptions& options)
    : options_(options), clock_(options.clock != nullptr ? options.clock : &system_clock_) {}

Service::~Service() {
  if (absl::Status status = Stop(absl::ZeroDuration()); !status.ok()) {
    telemetry::Error("stop_failed", {{"error", std::string(status.message())}});
  }
  // The log's threads have ended; those of the learner and the ledger may still tell it something.
  server_.reset();
  learner_.reset();
  ledger_.reset();
}

void LatestDecision::OnLogged(Lsn, const LogEvent& event) {
  const auto* decision = std::get_if<DecisionRecord>(&event);
  if (decision == nullptr || decision->occurred_us <= latest_us_.load()) return;
  latest_us_.store(decision->occurred_us);  // one writer: the log's thread
}

absl::StatusOr<std::unique_ptr<Service>> Service::Start(const ServiceOptions& options) {
  // The bundle's own addresses were checked with it.
  if (options.listen) {
    FULCRUM_RETURN_IF_ERROR(config::CheckLoopback(*options.listen, /*unix_allowed=*/true));
  }
  if (options.metrics_listen) {
    FULCRUM_RETURN_IF_ERROR(config::CheckLoopback(*options.metrics_listen, /*unix_allowed=*/false));
  }
  std::unique_ptr<Service> service(new Service(options));
  FULCRUM_RETURN_IF_ERROR(service->LoadSnapshot());
  FULCRUM_RETURN_IF_ERROR(service->OpenStores());
  FULCRUM_RETURN_IF_ERROR(service->Recover());
  FULCRUM_RETURN_IF_ERROR(service->Serve());
  return service;
}

absl::Status Service::LoadSnapshot() {
  base::FileSystem* files = options_.files;
  FULCRUM_ASSIGN_OR_RETURN(snapshot_.bundle, config::LoadBundle(files, options_.bundle_directory));
  data_dir_ = ResolvePath(bundle().server.data_dir, options_.bundle_directory);
  const std::string snapshots = absl::StrCat(data_dir_, "/snapshots");
  FULCRUM_RETURN_IF_ERROR(files->CreateDirectories(snapshots));
  if (bundle().model_manifest.empty()) {
    fold_start_ = learning::StartOf(bundle(), scoring::Posteriors(), nullptr);
    Archive(nullptr);
    return MakeMasker(nullptr);
  }
  FULCRUM_ASSIGN_OR_RETURN(const config::ModelManifest manifest,
                           config::LoadManifest(files, bundle().model_manifest));
  FULCRUM_ASSIGN_OR_RETURN(snapshot_.model, scoring::Model::Load(files, manifest));
  FULCRUM_ASSIGN_OR_RETURN(scoring::Posteriors counts,
                           scoring::Posteriors::LoadCounts(
                               files, absl::StrCat(manifest.directory, "/", manifest.counts_file)));
  fold_start_ = learning::StartOf(bundle(), std::move(counts), &manifest);
  Archive(&manifest);
  return MakeMasker(&manifest);
}

absl::Status Service::MakeMasker(const config::ModelManifest* manifest) {
  const config::Masking& masking = bundle().log.masking;
  if (masking.rules.empty()) return absl::OkStatus();
  FULCRUM_ASSIGN_OR_RETURN(const std::string salt, masking::ReadSalt(options_.files, masking));
  masker_ = std::make_unique<masking::Masker>(masking, salt, manifest);
  return absl::OkStatus();
}

domain::DecisionSink* Service::sink() {
  if (masking_sink_ != nullptr) return masking_sink_.get();
  return log_.get();
}

// Serving does not depend on it: the decisions say what they cannot be replayed with.
void Service::Archive(const config::ModelManifest* manifest) {
  const absl::Status archived =
      ArchiveArtefacts(options_.files, data_dir_, options_.bundle_directory, bundle(), manifest);
  snapshot_.archived = archived.ok();
  if (archived.ok()) return;
  telemetry::Warn("artefacts_not_archived", {{"error", std::string(archived.message())}});
}

absl::Status Service::OpenStores() {
  std::vector<std::string> surfaces;
  for (const config::Surface& surface : bundle().surfaces) surfaces.push_back(surface.id);
  metrics_ = std::make_unique<telemetry::Metrics>(surfaces);
  self_test_ = std::make_unique<telemetry::SelfTest>(surfaces);
  self_test_observer_ = std::make_unique<SelfTestObserver>(self_test_.get());
  parity_ = std::make_unique<orchestrator::ParityWatch>(snapshot_.bundle);

  features::FeatureStoreOptions features;
  features.directory = absl::StrCat(data_dir_, "/features");
  features.files = options_.files;
  features.durability = bundle().server.durability;
  features.views = bundle().feature_views;
  features.block_cache_bytes = options_.feature_cache_bytes;
  FULCRUM_ASSIGN_OR_RETURN(features_, features::FeatureStore::Open(std::move(features)));

  FULCRUM_ASSIGN_OR_RETURN(
      leases_,
      orchestrator::OpenLeases(options_.files, absl::StrCat(data_dir_, "/leases"), clock_));
  orchestrator::LedgerOptions ledger;
  ledger.leases = leases_;
  ledger.accept_unproven = options_.accept_unproven;
  ledger.directory = absl::StrCat(data_dir_, "/ledger");
  ledger.files = options_.files;
  ledger.clock = clock_;
  ledger.durability = bundle().server.durability;
  ledger.boot_id = BootId(options_.files);
  ledger.user_counters_max = bundle().server.user_counters_max;
  ledger.on_lease = [this](LeaseRecord record) { journal_->Tell(std::move(record)); };
  FULCRUM_ASSIGN_OR_RETURN(ledger_, orchestrator::Ledger::Open(ledger, snapshot_.bundle));

  decision_log::LogOptions log;
  log.directory = absl::StrCat(data_dir_, "/log");
  log.files = options_.files;
  log.clock = clock_;
  log.durability = DurabilityOf(bundle().server.durability);
  log.segment_bytes = static_cast<uint64_t>(bundle().server.log_segment_bytes);
  log.compress = bundle().log.compress;
  log.ballast_bytes = static_cast<uint64_t>(bundle().log.ballast_bytes);
  log.queue_max = bundle().server.log_queue_max;
  log.detail = &detail_;
  log.on_error = [](const absl::Status& status) {
    telemetry::Error("log_failed", {{"error", std::string(status.message())}});
  };
  const std::string log_directory = log.directory;
  decision_log::RecoveryReport report;
  FULCRUM_ASSIGN_OR_RETURN(log_, decision_log::LogWriter::Open(std::move(log), &report));
  if (masker_ != nullptr) {
    masking_sink_ = std::make_unique<masking::MaskingSink>(masker_.get(), log_.get());
  }
  telemetry::Info("log_opened", {{"directory", log_directory},
                                 {"last_lsn", absl::StrCat(log_->Stats().last_lsn)},
                                 {"torn_bytes", absl::StrCat(report.decisions.torn_bytes)}});
  journal_ = std::make_unique<ServiceJournal>(log_.get(), clock_);
  TellOpened(report);
  FULCRUM_ASSIGN_OR_RETURN(decision_log::Quarantines quarantines,
                           decision_log::ReadQuarantines(options_.files, log_directory,
                                                         decision_log::Stream::kDecisions));
  gaps_ = std::move(quarantines.all);
  if (const auto& lost = report.decisions.lost_end; lost.has_value()) {
    NoteLost(report.decisions.last_lsn, lost->lsn, decision_log::kKnownByHighWater);
  }
  TellLost(report.decisions.last_lsn, report.features.decisions_written,
           "the features stream's marks");
  if (!report.ballast.ok()) {
    telemetry::Warn("log_ballast_missing", {{"error", std::string(report.ballast.message())}});
  }
  return absl::OkStatus();
}

// These records wait in the log's queue, first of all, until it starts.
void Service::TellOpened(const decision_log::RecoveryReport& report) {
  journal_->Audit("service.start", "", VersionDetails());
  for (const auto& [stream, tail] :
       {std::pair("decisions", &report.decisions), std::pair("features", &report.features)}) {
    if (!tail->torn) continue;
    journal_->Audit("log.tail_cut", stream,
                    {{"last_lsn", absl::StrCat(tail->last_lsn)},
                     {"bytes", absl::StrCat(tail->torn_bytes)},
                     {"what", tail->what}});
  }
}

std::vector<AuditDetail> Service::VersionDetails() const {
  const auto hex = [](uint64_t version) {
    return absl::StrCat(absl::Hex(version, absl::kZeroPad16));
  };
  return {{"version", kVersion},
          {"log_format", absl::StrCat(kLogFormatVersion)},
          {"bundle", hex(bundle().version)},
          {"model", snapshot_.model == nullptr ? "none" : hex(snapshot_.model->version())}};
}

// Where the log ends for somebody who knows it up to `known`: a log whose last segment was
// quarantined goes on behind numbers that it never gave.
Lsn Service::KnownEnd(Lsn log_last, Lsn known) const {
  for (const decision_log::Quarantine& gap : gaps_) {
    if (gap.known < known && known <= gap.last) return gap.known;
  }
  return log_last;
}

absl::Status Service::Recover() {
  const Lsn log_last = log_->Stats().last_lsn;
  FULCRUM_RETURN_IF_ERROR(OpenDesk());  // before leases are fetched: it sets limits
  FULCRUM_RETURN_IF_ERROR(RecoverLedger(log_last));
  FULCRUM_RETURN_IF_ERROR(RecoverOperators(log_last));
  FULCRUM_RETURN_IF_ERROR(RecoverLearner(log_last));
  FULCRUM_RETURN_IF_ERROR(RecoverRequests(log_last));
  log_->AddObserver(ledger_.get());  // before the learner: what it has heard of is in the books
  log_->AddObserver(desk_.get());
  log_->AddObserver(&latest_decision_);
  log_->AddObserver(learner_.get());
  log_->AddObserver(self_test_observer_.get());
  log_->AddObserver(parity_.get());
  log_->Start();
  log_started_ = true;
  return absl::OkStatus();
}

absl::Status Service::OpenDesk() {
  OperatorDeskParts parts;
  parts.files = options_.files;
  parts.path = absl::StrCat(data_dir_, "/snapshots/operators");
  parts.bundle = snapshot_.bundle;
  parts.log = log_.get();
  parts.now = [this] { return Now(); };
  parts.set_limit = [this](const std::string& row, int64_t limit) {
    ledger_->SetLimit(row, limit).IgnoreError();  // the desk knows the bundle's rows
  };
  FULCRUM_ASSIGN_OR_RETURN(desk_, OperatorDesk::Open(std::move(parts)));
  return absl::OkStatus();
}

absl::Status Service::RecoverOperators(Lsn log_last) {
  Lsn from = 0;
  if (const std::optional<Lsn> known = desk_->lsn()) {
    from = std::min(*known, log_last);
  } else {  // of a log from before there were switches, what is left
    FULCRUM_ASSIGN_OR_RETURN(
        from, decision_log::StartOfTail(options_.files, absl::StrCat(data_dir_, "/log"),
                                        absl::InfiniteDuration()));
  }
  desk_->BeginAt(from);
  FULCRUM_RETURN_IF_ERROR(
      log_->Recover(from, desk_.get(), [this](const decision_log::Quarantine& gap, Lsn first) {
        return PassGap(gap, first, "what operators have paused");
      }));
  const absl::Status kept = desk_->Checkpoint();
  if (!kept.ok()) {
    telemetry::Warn("operator_checkpoint_failed", {{"error", std::string(kept.message())}});
  }
  for (const Switch& one : desk_->Paused()) {
    telemetry::Warn("paused", {{"target", ToText(one.target)}, {"reason", one.reason}});
  }
  return absl::OkStatus();
}

absl::Status Service::RecoverLedger(Lsn log_last) {
  // A log that ends before the checkpoint lost its tail with the power; the ledger keeps its spend.
  bool gone = false;
  if (log_last >= ledger_->checkpoint_lsn()) {
    FULCRUM_RETURN_IF_ERROR(log_->Recover(ledger_->checkpoint_lsn(), ledger_.get(),
                                          [&](const decision_log::Quarantine& gap, Lsn from) {
                                            gone = true;
                                            return PassGap(gap, from, "the ledger's spend");
                                          }));
  }
  FULCRUM_ASSIGN_OR_RETURN(const auto report, ledger_->FinishRecovery(log_last, gone));
  TellLost(log_last, report.checkpoint_lsn, "the ledger's checkpoint");
  TellLost(log_last, report.lease_lsn, "a lease");
  telemetry::Info("ledger_recovered",
                  {{"checkpoint_lsn", absl::StrCat(report.checkpoint_lsn)},
                   {"log_last_lsn", absl::StrCat(report.log_last_lsn)},
                   {"clean", report.clean ? "yes" : "no"},
                   {"returned_micros", absl::StrCat(report.returned_micros)},
                   {"written_off_micros", absl::StrCat(report.written_off_micros)}});
  journal_->Audit("ledger.recovered", "",
                  {{"checkpoint_lsn", absl::StrCat(report.checkpoint_lsn)},
                   {"log_last_lsn", absl::StrCat(report.log_last_lsn)},
                   {"clean", report.clean ? "yes" : "no"},
                   {"returned_micros", absl::StrCat(report.returned_micros)},
                   {"returned_exposures", absl::StrCat(report.returned_exposures)},
                   {"written_off_micros", absl::StrCat(report.written_off_micros)},
                   {"written_off_exposures", absl::StrCat(report.written_off_exposures)}});
  return absl::OkStatus();
}

// `who` needs records that are quarantined: only whoever operates the service can say that it may
// go on without them.
absl::Status Service::PassGap(const decision_log::Quarantine& gap, Lsn from, const char* who) {
  if (gap.known <= options_.accept_quarantined) {
    telemetry::Warn("log_gap_accepted", {{"first_lsn", absl::StrCat(from)},
                                         {"last_lsn", absl::StrCat(gap.known)},
                                         {"needed_by", who}});
    journal_->Audit("log.gap_accepted", decision_log::SegmentOf(gap),
                    {{"first_lsn", absl::StrCat(from)},
                     {"last_lsn", absl::StrCat(gap.known)},
                     {"needed_by", who}});
    return absl::OkStatus();
  }
  return absl::DataLossError(absl::StrCat(
      decision_log::LogWriter::RefuseGap(gap, from).message(), ". They are needed for ", who,
      ". To go on without them, start once with --accept-quarantined ", gap.known,
      ": all that was leased then counts as spent, but caps per user and posteriors miss what "
      "these "
      "records said"));
}

// Whether something is lost. The log tells by itself what its high-water mark knows.
bool Service::NoteLost(Lsn log_last, Lsn known, const char* who) {
  if (known <= log_last) return false;
  lost_tails_.push_back({log_last + 1, known, who});
  telemetry::Error("log_tail_lost", {{"first_lsn", absl::StrCat(log_last + 1)},
                                     {"last_lsn", absl::StrCat(known)},
                                     {"known_by", who}});
  return true;
}

// The log ends before what `who` had heard from it: records went with the power, or were taken
// away.
void Service::TellLost(Lsn log_last, Lsn known, const char* who) {
  log_last = KnownEnd(log_last, known);
  if (!NoteLost(log_last, known, who)) return;
  journal_->Audit("log.tail_lost", "decisions",
                  {{"first_lsn", absl::StrCat(log_last + 1)},
                   {"last_lsn", absl::StrCat(known)},
                   {"known_by", who}});
}

absl::Status Service::RecoverLearner(Lsn log_last) {
  if (fold_start_.counts_lsn > log_last) {
    return absl::FailedPreconditionError(absl::StrCat(
        bundle().model_manifest, ": counts_lsn: the counts hold the log up to LSN ",
        fold_start_.counts_lsn, ", but the log in ", data_dir_, " ends at ", log_last,
        ": what comes next would not be learned. Train on this log, or set counts_lsn to 0 if the "
        "counts are of another"));
  }
  learning::LearnerOptions options;
  options.files = options_.files;
  options.directory = absl::StrCat(data_dir_, "/snapshots");
  options.clock = clock_;
  options.request_clock = options_.clock_mode == edge::ClockMode::kRequest;
  options.bundle = bundle().version;
  options.on_checkpoint = [this](const PosteriorUpdateRecord& record) { journal_->Tell(record); };
  learning::SnapshotReport report;
  FULCRUM_ASSIGN_OR_RETURN(
      learner_, learning::Learner::Open(std::move(options), fold_start_, log_last, &report));
  for (const std::string& skipped : report.skipped) {
    telemetry::Warn("snapshot_skipped", {{"snapshot", skipped}});
  }
  for (const learning::RemovedSnapshot& removed : report.removed) {
    telemetry::Warn("snapshot_ahead_of_log", {{"removed", removed.path}});
    TellLost(log_last, removed.lsn, "a checkpoint of the posteriors");
  }
  const Lsn from = learner_->lsn();
  TellLost(log_last, from, "a checkpoint of the posteriors");
  FULCRUM_RETURN_IF_ERROR(
      log_->Recover(from, learner_.get(), [this](const decision_log::Quarantine& gap, Lsn first) {
        return PassGap(gap, first, "the posteriors");
      }));
  const absl::Status written = learner_->Start(sink());
  if (!written.ok()) {
    telemetry::Warn("snapshot_not_written", {{"error", std::string(written.message())}});
  }
  latest_decision_.Resume(learner_->Stats().latest_us);
  telemetry::Info("learning_recovered", {{"snapshot", report.used},
                                         {"from_lsn", absl::StrCat(from)},
                                         {"log_last_lsn", absl::StrCat(log_last)}});
  journal_->Audit("learning.recovered", std::filesystem::path(report.used).filename().string(),
                  {{"from_lsn", absl::StrCat(from)}, {"log_last_lsn", absl::StrCat(log_last)}});
  return absl::OkStatus();
}

absl::Status Service::RecoverRequests(Lsn log_last) {
  const config::Server& settings = bundle().server;
  requests_ = std::make_unique<decider::RequestIndex>(
      settings.idempotency_window, settings.idempotency_requests_max, masker_.get());
  FULCRUM_ASSIGN_OR_RETURN(
      const Lsn from, decision_log::StartOfTail(options_.files, absl::StrCat(data_dir_, "/log"),
                                                settings.idempotency_window));
  // A repeat of a request in a gap is decided again, and its spend counted again.
  FULCRUM_RETURN_IF_ERROR(
      log_->Recover(from, requests_.get(), [](const decision_log::Quarantine& gap, Lsn first) {
        telemetry::Warn("requests_forgotten", {{"first_lsn", absl::StrCat(first)},
                                               {"last_lsn", absl::StrCat(gap.known)}});
        return absl::OkStatus();
      }));
  requests_->FinishRecovery();
  telemetry::Info("requests_recovered",
                  {{"remembered", absl::StrCat(requests_->Stats().remembered)},
                   {"from_lsn", absl::StrCat(from)},
                   {"log_last_lsn", absl::StrCat(log_last)}});
  return absl::OkStatus();
}

decider::Snapshot Service::CurrentSnapshot() const {
  decider::Snapshot snapshot = snapshot_;
  snapshot.posteriors = learner_->snapshot();
  snapshot.pauses = desk_->pauses();
  return snapshot;
}

absl::Status Service::OpenUserChanges() {
  decider::UserChangesParts parts;
  parts.users = features_.get();
  parts.log = sink();
  parts.join = [this](const UserRef& from, const UserRef& into, absl::Time now) {
    ledger_->Join(from, into, now);
  };
  parts.now = [this] { return Now(); };
  user_changes_ = std::make_unique<decider::UserChanges>(std::move(parts));
  return user_changes_->TellPurges();
}

absl::Status Service::Serve() {
  FULCRUM_RETURN_IF_ERROR(OpenUserChanges());
  const config::Server& settings = bundle().server;
  decider::DeciderParts parts;
  parts.features = features_.get();
  parts.users = features_.get();
  parts.ledger = ledger_.get();
  parts.log = sink();
  parts.metrics = metrics_.get();
  parts.clock = clock_;
  parts.requests = requests_.get();
  parts.waiting_threads = settings.waiting_threads;
  parts.waiting_requests_max = settings.waiting_requests_max;
  decider_ = std::make_unique<decider::Decider>(parts);

  AddPulledMetrics();
  FULCRUM_ASSIGN_OR_RETURN(
      metrics_port_, metrics_->Serve(options_.metrics_listen.value_or(settings.metrics_listen)));
  LogKeeperParts keeper;
  keeper.files = options_.files;
  keeper.clock = clock_;
  keeper.directory = absl::StrCat(data_dir_, "/log");
  keeper.settings = bundle().log;
  keeper.idempotency_window = settings.idempotency_window;
  keeper.ledger_lsn = [this] { return ledger_->SyncCheckpoint(); };
  keeper.posteriors_lsn = [this] { return learner_->Stats().checkpoint_lsn; };
  keeper.operators_lsn = [this] { return desk_->checkpoint_lsn(); };
  keeper.journal = journal_.get();
  log_keeper_ = std::make_unique<LogKeeper>(std::move(keeper));
  log_keeper_->Round();
  log_keeper_->AddMetrics(metrics_.get());
  LedgerAuditorParts audit;
  audit.files = options_.files;
  audit.log_directory = absl::StrCat(data_dir_, "/log");
  audit.bundle = snapshot_.bundle;
  audit.ledger = ledger_.get();
  audit.leases = leases_.get();
  audit.journal = journal_.get();
  audit.users = {static_cast<uint32_t>(log_->Stats().last_lsn % kAuditUserParts), kAuditUserParts};
  ledger_auditor_ = std::make_unique<LedgerAuditor>(std::move(audit));
  ledger_auditor_->AddMetrics(metrics_.get());
  ledger_auditor_->Start();
  checkpoints_ = std::thread([this] { KeepCheckpoints(); });

  edge::ServerOptions options;
  options.listen = options_.listen.value_or(settings.listen);
  options.clock_mode = options_.clock_mode;
  options.inflight_max = settings.inflight_max;
  options.id_seed = options_.id_seed;
  options.reflection = settings.reflection;
  edge::ServerParts edge_parts;
  edge_parts.decider = decider_.get();
  edge_parts.ingest = learner_.get();
  edge_parts.operations = desk_.get();
  edge_parts.metrics = metrics_.get();
  edge_parts.clock = clock_;
  edge_parts.snapshot = [this] { return CurrentSnapshot(); };
  edge_parts.now = [this] { return Now(); };
  edge_parts.settle = [this](absl::Time now) { learner_->Settle(now); };
  FULCRUM_ASSIGN_OR_RETURN(server_, edge::Server::Start(options, edge_parts));
  return absl::OkStatus();
}

absl::Status Service::Stop(absl::Duration grace) {
  if (stopped_) return absl::OkStatus();
  stopped_ = true;
  if (server_ != nullptr) server_->Drain(grace);
  {
    base::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  stop_.NotifyAll();
  if (checkpoints_.joinable()) checkpoints_.join();
  if (ledger_auditor_ != nullptr) ledger_auditor_->Stop();
  if (metrics_ != nullptr) metrics_->Close();
  absl::Status status;
  if (log_started_ && log_->healthy()) {
    learner_->Update();
    learner_->Checkpoint(log_->Stats().durable_lsn)
        .IgnoreError();  // while the log can still be told; Stop tries again
    journal_->Audit("service.stop", "", VersionDetails());
  }
  if (journal_ != nullptr) journal_->Close();
  if (log_ != nullptr) status = log_->Stop();
  decider_.reset();
  if (log_started_ && status.ok()) status = desk_->Checkpoint();
  if (ledger_ != nullptr && status.ok()) status = ledger_->Close();
  if (learner_ != nullptr && status.ok()) status = learner_->Stop();
  return status;
}

void Service::KeepCheckpoints() {
  const auto interval = absl::ToChronoNanoseconds(bundle().server.checkpoint_interval);
  base::MutexLock lock(&mutex_);
  for (int round = 1; !stopping_; ++round) {
    stop_.WaitUntil(&mutex_, std::chrono::steady_clock::now() + interval);
    if (stopping_) return;
    absl::Status status = ledger_->Checkpoint();
    if (round % kLedgerPerLearnerCheckpoint == 0) {
      status.Update(learner_->Checkpoint(log_->Stats().durable_lsn));
      status.Update(desk_->Checkpoint());
    }
    if (round % kLedgerPerLogRound == 0) log_keeper_->Round();
    if (!status.ok()) {
      telemetry::WarnLimited("checkpoint_failed", {{"error", std::string(status.message())}});
    }
  }
}

void Service::AddPulledMetrics() {
  using telemetry::Sample;
  using RowStatus = orchestrator::Ledger::RowStatus;
  const auto row_family = [this](const char* name, const char* help, int64_t RowStatus::*value) {
    metrics_->AddPulled({name, help, "row", false, [this, value] {
                           std::vector<Sample> samples;
                           for (const RowStatus& row : ledger_->Status(Now())) {
                             samples.push_back({row.row, static_cast<double>(row.*value)});
                           }
                           return samples;
                         }});
  };
  row_family("fulcrum_budget_limit", "Limit of a hard row in its current window",
             &RowStatus::limit);
  row_family("fulcrum_budget_leased", "Durably written off for spending", &RowStatus::leased);
  row_family("fulcrum_budget_spent", "Spent, as the decision log proves", &RowStatus::spent);
  row_family("fulcrum_budget_held", "Held by decisions in flight", &RowStatus::held);

  metrics_->AddPulled({"fulcrum_budget_starved_total",
                       "Decisions without any action that the row stood in the way of", "row", true,
                       [this] {
                         std::vector<Sample> samples;
                         for (const RowStatus& row : ledger_->Status(Now())) {
                           samples.push_back({row.row, static_cast<double>(row.starved)});
                         }
                         return samples;
                       }});

  using CounterStats = orchestrator::UserCounterStats;
  const auto counter_family = [this](const char* name, const char* help, bool counter,
                                     uint64_t CounterStats::*value) {
    metrics_->AddPulled(
        {name, help, "", counter, [this, value] {
           return std::vector<Sample>{{"", static_cast<double>(ledger_->user_counters().*value)}};
         }});
  };
  counter_family("fulcrum_user_counters", "Counters of caps per user in memory", false,
                 &CounterStats::in_memory);
  counter_family("fulcrum_user_counters_evicted_total",
                 "Counters of caps per user that left memory for the disk", true,
                 &CounterStats::evicted);
  counter_family("fulcrum_user_counters_read_total",
                 "Counters of caps per user that came back from the disk", true,
                 &CounterStats::read_back);

  AddRequestMetrics();
  AddSwitchMetrics();
  AddMaskingMetrics();
  AddLearningMetrics(learner_.get(), clock_, metrics_.get());
  AddSelfTestMetrics(self_test_.get(), metrics_.get());
  AddParityMetrics(parity_.get(), metrics_.get());

  const auto log_family = [this](const char* name, const char* help, bool counter,
                                 double (*value)(const decision_log::LogStats&)) {
    metrics_->AddPulled({name, help, "", counter, [this, value] {
                           return std::vector<Sample>{{"", value(log_->Stats())}};
                         }});
  };
  using Stats = decision_log::LogStats;
  log_family("fulcrum_log_appended_records_total", "Records appended to the decision log", true,
             [](const Stats& stats) { return static_cast<double>(stats.records); });
  log_family("fulcrum_log_appended_bytes_total", "Bytes appended to both streams", true,
             [](const Stats& stats) { return static_cast<double>(stats.bytes); });
  log_family("fulcrum_log_last_lsn", "Sequence number of the last record", false,
             [](const Stats& stats) { return static_cast<double>(stats.last_lsn); });
  log_family("fulcrum_log_synced_lsn", "Last record known to survive the machine", false,
             [](const Stats& stats) { return static_cast<double>(stats.durable_lsn); });
  log_family("fulcrum_log_queue_records", "Records waiting for the log's writer", false,
             [](const Stats& stats) { return static_cast<double>(stats.queue_depth); });
  log_family("fulcrum_log_refused_total", "Records that found the writer's queue full", true,
             [](const Stats& stats) { return static_cast<double>(stats.refused); });
  metrics_->AddPulled(
      {"fulcrum_log_detail_records_total",
       "Drawn decisions in the log, by what became of their detail", "detail", true, [this] {
         const decision_log::DetailStats stats = detail_.Stats();
         return std::vector<Sample>{{"whole", static_cast<double>(stats.whole)},
                                    {"sampled_out", static_cast<double>(stats.sampled_out)},
                                    {"withheld", static_cast<double>(stats.withheld)}};
       }});
  log_family("fulcrum_log_ballast", "1 while the ballast is in its place", false,
             [](const Stats& stats) { return stats.ballast ? 1.0 : 0.0; });
  metrics_->AddPulled({"fulcrum_log_lost_records",
                       "Records that others knew and the log no longer had at the start", "", false,
                       [this] {
                         Lsn lost = 0;
                         for (const LostTail& tail : lost_tails_) {
                           lost = std::max(lost, tail.last - tail.first + 1);
                         }
                         return std::vector<Sample>{{"", static_cast<double>(lost)}};
                       }});
  metrics_->AddPulled({"fulcrum_log_healthy", "1 until a disk error; then nothing is acknowledged",
                       "", false, [this] {
                         return std::vector<Sample>{{"", log_->healthy() ? 1.0 : 0.0}};
                       }});
}

void Service::AddRequestMetrics() {
  using telemetry::Sample;
  metrics_->AddPulled({"fulcrum_repeated_requests_total",
                       "Decide calls with a request_id that had been used, by what they got",
                       "result", true, [this] {
                         const decider::RequestIndexStats stats = requests_->Stats();
                         return std::vector<Sample>{
                             {"answered", static_cast<double>(stats.answered)},
                             {"waited", static_cast<double>(stats.waited)},
                             {"conflict", static_cast<double>(stats.conflicts)}};
                       }});
  metrics_->AddPulled({"fulcrum_requests_remembered",
                       "Requests whose repeats get the same answer, those being decided included",
                       "", false, [this] {
                         const auto remembered = static_cast<double>(requests_->Stats().remembered);
                         return std::vector<Sample>{{"", remembered}};
                       }});
}

void Service::AddSwitchMetrics() {
  metrics_->AddPulled(
      {"fulcrum_switches", "What operators have paused, by kind", "kind", false, [this] {
         std::vector<telemetry::Sample> samples;
         samples.reserve(kSwitchKinds);
         for (int kind = 0; kind < kSwitchKinds; ++kind) {
           samples.push_back({NameOf(static_cast<SwitchKind>(kind)), 0});
         }
         for (const Switch& one : desk_->Paused()) {
           ++samples[static_cast<size_t>(one.target.kind)].value;
         }
         return samples;
       }});
}

// Without rules the families are there and have no series.
void Service::AddMaskingMetrics() {
  const auto rule_family = [this](const char* name, const char* help,
                                  uint64_t masking::RuleStats::*value) {
    metrics_->AddPulled({name, help, "rule", true, [this, value] {
                           std::vector<telemetry::Sample> samples;
                           if (masker_ == nullptr) return samples;
                           for (const masking::RuleStats& stats : masker_->Stats()) {
                             samples.push_back({stats.rule, static_cast<double>(stats.*value)});
                           }
                           return samples;
                         }});
  };
  rule_family("fulcrum_log_masked_records_total", "Records that a masking rule changed",
              &masking::RuleStats::changed);
  rule_family("fulcrum_log_masking_failures_total",
              "Records that a masking rule could not be applied to", &masking::RuleStats::failed);
}

}  // namespace fulcrum::apps
