#include "orchestrator/ledger.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "leases/lease_client.h"
#include "orchestrator/lease_desk.h"
#include "orchestrator/lease_watch.h"
#include "orchestrator/ledger_state.h"
#include "orchestrator/plan.h"
#include "store/store.h"

namespace fulcrum::orchestrator {
namespace {

// Other requests may take a lease that this one has fetched. Each round leases more, so a round
// without success means a very contended row; then the candidates are masked.
constexpr int kRounds = 16;

// How often the lease client may say what it has to say, unless a lease runs low.
constexpr auto kTick = std::chrono::milliseconds(250);

// How often a registration is asked for anew, by the store.
constexpr int kRegistrations = 16;

// A process numbers its limits from its incarnation, shifted by so much, on.
constexpr int kLimitVersionBits = 32;

// Leases for windows that begin within this time are fetched at a checkpoint.
constexpr absl::Duration kLookAhead = absl::Minutes(2);

absl::Status NotOpen() {
  return absl::FailedPreconditionError(
      "ledger: it is closed, or recovery is not finished; call FinishRecovery() first");
}

// Waits for the answers to several wishes.
class Answers {
 public:
  explicit Answers(size_t expected) : left_(expected) {}

  leases::WantDone Taker() {
    return [this](absl::Status answer) {
      base::MutexLock lock(&mutex_);
      if (result_.ok()) result_ = std::move(answer);
      if (--left_ == 0) all_.NotifyAll();
    };
  }
  // The first error, if there is one.
  absl::Status Wait() {
    base::MutexLock lock(&mutex_);
    while (left_ > 0) all_.Wait(&mutex_);
    return result_;
  }

 private:
  base::Mutex mutex_;
  base::CondVar all_;
  size_t left_ ABSL_GUARDED_BY(mutex_);
  absl::Status result_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

Ledger::Ledger(const LedgerOptions& options, std::unique_ptr<LedgerStore> store,
               std::shared_ptr<LedgerState> state, std::optional<Session> previous,
               Lsn checkpoint_lsn)
    : options_(options),
      store_(std::move(store)),
      state_(std::move(state)),
      previous_(std::move(previous)),
      checkpoint_lsn_(checkpoint_lsn),
      watch_(std::make_unique<LeaseWatch>(
          options.leases, [this](const LeaseChange& change) { TellLease(change); })) {}

Ledger::~Ledger() {
  state_->Stop();
  if (leasing_.joinable()) leasing_.join();
}

absl::StatusOr<std::unique_ptr<Ledger>> Ledger::Open(const LedgerOptions& options,
                                                     std::shared_ptr<const config::Bundle> bundle) {
  FULCRUM_ASSIGN_OR_RETURN(std::unique_ptr<LedgerStore> store,
                           LedgerStore::Open(options.files, options.directory));
  FULCRUM_ASSIGN_OR_RETURN(StoreImage image, store->ReadAll(options.user_counters_max));
  auto state = std::make_shared<LedgerState>(std::move(bundle), options.user_counters_max);
  state->Load(image);
  return std::unique_ptr<Ledger>(new Ledger(options, std::move(store), std::move(state),
                                            std::move(image.session), image.fold.lsn));
}

absl::StatusOr<RecoveryReport> Ledger::FinishRecovery(Lsn log_last_lsn, bool records_gone) {
  const Session session{options_.boot_id, options_.durability, false};
  RecoveryReport report;
  report.records_gone = records_gone;
  report.checkpoint_lsn = checkpoint_lsn_;
  report.log_last_lsn = log_last_lsn;
  const leases::Proof proof = state_->Examine(previous_, session, &report);
  {
    base::MutexLock lock(&write_mutex_);
    // How the last session ended is forgotten last: a start that fails before comes to the same
    // findings.
    absl::Status registered = Register(proof, &report);
    if (absl::IsDataLoss(registered) && options_.accept_unproven) {
      registered = Register(leases::Proof::kAll, &report);
      report.proven = false;
    }
    FULCRUM_RETURN_IF_ERROR(registered);
    const StoreBatch batch = state_->PlanRecovery(log_last_lsn, session);
    FULCRUM_RETURN_IF_ERROR(store_->Write(batch, /*sync=*/true));
    state_->FinishRecovery(batch);
  }
  FULCRUM_RETURN_IF_ERROR(FetchLeases(state_->CurrentWindows(options_.clock->Now())));
  if (options_.lease_ahead) leasing_ = std::thread([this] { KeepLeasing(); });
  return report;
}

absl::Status Ledger::Register(leases::Proof proof, RecoveryReport* report) {
  leases::ClientOptions options;
  options.replica = kReplica;
  options.local = leases::OfTheOnlyReplica();
  options.proof = proof;
  options.log_end = report->log_last_lsn;
  auto client = std::make_unique<leases::LeaseClient>(std::move(options), watch_.get(),
                                                      options_.clock, state_->ProvenSpends());
  leases::LeaseReply reply;
  for (int round = 0; !client->registered() && round < kRegistrations; ++round) {
    client->Tick();
    FULCRUM_ASSIGN_OR_RETURN(reply, watch_->WaitForRegistration());
    if (client->unprovable()) {
      return absl::DataLossError(
          "ledger: neither the log nor the lease store tells what the last process spent; restore "
          "the directory of the leases, or accept that the log may lack some of it "
          "(--accept-unproven)");
    }
  }
  if (!client->registered()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "ledger: the lease store refuses '", kReplica, "' with outcome ",
        static_cast<int>(reply.outcome), "; does another process use the same directory?"));
  }
  report->lease_lsn = reply.log_end;
  report->lost_tail = report->lost_tail || reply.log_end > report->log_last_lsn;
  report->proven = proof == leases::Proof::kAll ||
                   (proof == leases::Proof::kLog && reply.log_end <= report->log_last_lsn);
  const uint64_t limit_version = client->incarnation() << kLimitVersionBits;
  for (const leases::Settlement& settlement :
       state_->TakeClient(std::move(client), limit_version, reply.settlements)) {
    const bool exposures = state_->CountsExposures(settlement.budget.row);
    (exposures ? report->returned_exposures : report->returned_micros) += settlement.returned;
    (exposures ? report->written_off_exposures : report->written_off_micros) += settlement.lost;
  }
  return absl::OkStatus();
}

absl::StatusOr<Hold> Ledger::Acquire(absl::Span<const int32_t> actions, size_t draws,
                                     const std::optional<UserRef>& user_ref, absl::Time now,
                                     domain::Wait wait, RowFilter counts) {
  auto plan =
      std::make_unique<Plan>(MakePlan(state_->bundle(), actions, draws, user_ref, now, counts));
  FULCRUM_ASSIGN_OR_RETURN(const Secured secured, Secure(plan.get(), wait));
  if (secured == Secured::kNotOpen) return NotOpen();
  return Hold(state_, std::move(plan));
}

absl::StatusOr<Secured> Ledger::Secure(Plan* plan, domain::Wait wait) {
  FULCRUM_ASSIGN_OR_RETURN(Secured secured, SecureCounters(plan, Lack::kReport, wait));
  if (secured == Secured::kLacksLease && wait == domain::Wait::kNoWait) {
    return absl::UnavailableError("ledger: a lease must be fetched first; call with kMayWait");
  }
  for (int round = 0; secured == Secured::kLacksLease && round < kRounds; ++round) {
    if (!FetchLeases(*plan).ok()) break;
    FULCRUM_ASSIGN_OR_RETURN(secured, SecureCounters(plan, Lack::kReport, wait));
  }
  if (secured != Secured::kLacksLease) return secured;
  return SecureCounters(plan, Lack::kMask, wait);
}

absl::StatusOr<Secured> Ledger::SecureCounters(Plan* plan, Lack lack, domain::Wait wait) {
  CounterReads reads;
  Secured secured = state_->Secure(plan, lack, &reads);
  if (secured != Secured::kLacksCounters) return secured;
  if (wait == domain::Wait::kNoWait) {
    if (ReadCounters(store::ReadTier::kMemory, &reads).ok()) {
      secured = state_->Secure(plan, lack, &reads);
    }
    if (secured != Secured::kLacksCounters) return secured;
    return absl::UnavailableError("ledger: a user's counter is on the disk; call with kMayWait");
  }
  // No write can make a read old meanwhile. A counter may be evicted between two rounds, but what
  // has been read stays known.
  base::MutexLock lock(&write_mutex_);
  reads = CounterReads();
  while (true) {
    secured = state_->Secure(plan, lack, &reads);
    if (secured != Secured::kLacksCounters) return secured;
    if (!ReadCounters(store::ReadTier::kDisk, &reads).ok()) reads.failed = true;
  }
}

absl::Status Ledger::ReadCounters(store::ReadTier tier, CounterReads* reads) const {
  for (const UserCounterKey& key : reads->missing) {
    FULCRUM_ASSIGN_OR_RETURN(
        const int64_t spent,
        store_->ReadCap(state_->RowId(key.row), key.window.start_us, key.user_ref, tier));
    reads->spent.insert_or_assign(key, spent);
  }
  reads->missing.clear();
  return absl::OkStatus();
}

absl::Status Ledger::FetchLeases(const Plan& plan) {
  std::vector<LeaseNeed> needs;
  for (size_t i = 0; i < plan.shares.size(); ++i) {
    const PlanShare& share = plan.shares[i];
    if (!state_->bundle().constraints[static_cast<size_t>(share.row)].IsLeased()) continue;
    const int64_t demand = DemandOf(plan, i);
    if (demand > 0) needs.push_back({{share.row, share.window_start_us}, demand});
  }
  return FetchLeases(needs);
}

absl::Status Ledger::FetchLeases(absl::Span<const LeaseNeed> needs) {
  const std::vector<LeaseWish> wishes = state_->Configure(needs);
  if (wishes.empty()) return absl::OkStatus();
  Answers answers(wishes.size());
  for (const LeaseWish& wish : wishes) {
    state_->lease_client()->Want(wish.budget, wish.amount, answers.Taker());
  }
  return answers.Wait();
}

void Ledger::TellLease(const LeaseChange& change) const {
  if (!options_.on_lease) return;
  options_.on_lease({.row = change.budget.row,
                     .window_start_us = change.budget.window_start_us,
                     .amount = change.amount,
                     .leased = change.charged,
                     .limit = state_->LimitOf(change.budget.row),
                     .occurred_us = absl::ToUnixMicros(options_.clock->Now())});
}

void Ledger::KeepLeasing() {
  leases::LeaseClient* const client = state_->lease_client();
  auto tick = std::chrono::steady_clock::now() + kTick;
  while (!state_->stopped()) {
    const std::vector<LeaseNeed> low = state_->WaitForLowRows(tick);
    for (const LeaseWish& wish : state_->Configure(low)) client->Poll(wish.budget);
    const auto now = std::chrono::steady_clock::now();
    if (now < tick) continue;
    client->Tick();
    tick = now + kTick;
  }
}

absl::Status Ledger::SetLimit(std::string_view row, int64_t limit) {
  const std::vector<config::Constraint>& rows = state_->bundle().constraints;
  const auto at = std::find_if(rows.begin(), rows.end(),
                               [row](const config::Constraint& one) { return one.id == row; });
  if (at == rows.end()) {
    return absl::NotFoundError(
        absl::StrCat("ledger: the bundle has no row '", base::ToAbsl(row), "'"));
  }
  state_->SetLimit(static_cast<int32_t>(at - rows.begin()), limit);
  return absl::OkStatus();
}

void Ledger::OnLogged(Lsn lsn, const LogEvent& event) {
  state_->OnLogged(lsn, event);
}

void Ledger::Join(const UserRef& from, const UserRef& into, absl::Time now) {
  state_->Join(from, into, absl::ToUnixMicros(now));
}

void Ledger::Return(absl::Span<const Debit> debits, const UserRef& user_ref) {
  state_->Return(debits, user_ref);
}

absl::StatusOr<Lsn> Ledger::WriteCheckpoint(bool clean, bool sync) {
  base::MutexLock lock(&write_mutex_);
  StoreBatch batch = state_->TakeCheckpoint();
  if (clean) batch.session = Session{options_.boot_id, options_.durability, true};
  const absl::Status written = store_->Write(batch, sync);
  if (!written.ok()) {
    state_->CheckpointFailed(batch);
    return written;
  }
  state_->CheckpointWritten();
  if (batch.forget_before_us) {
    options_.leases->CloseWindows({*batch.forget_before_us}, [](const auto& /*reply*/) {});
  }
  return batch.fold->lsn;
}

absl::Status Ledger::Checkpoint() {
  FULCRUM_RETURN_IF_ERROR(WriteCheckpoint(/*clean=*/false, /*sync=*/false).status());
  return FetchLeases(state_->CurrentWindows(options_.clock->Now() + kLookAhead));
}

absl::StatusOr<Lsn> Ledger::SyncCheckpoint() {
  return WriteCheckpoint(/*clean=*/false, /*sync=*/true);
}

absl::StatusOr<StoreImage> Ledger::ReadCheckpoint(UserFilter wanted) const {
  return store_->ReadNow(wanted);
}

absl::Status Ledger::Close() {
  const bool idle = state_->Close();
  state_->Stop();
  // A start that was refused has settled nothing: how the last session ended stays to be told.
  if (!state_->live()) return absl::OkStatus();
  FULCRUM_RETURN_IF_ERROR(WriteCheckpoint(/*clean=*/idle, /*sync=*/true).status());
  if (idle) return absl::OkStatus();
  return absl::FailedPreconditionError(
      "ledger: closed with decisions in flight; their leases may be written off at the next start; "
      "stop the requests and drain the log first");
}

std::vector<Ledger::RowStatus> Ledger::Status(absl::Time now) const {
  std::vector<RowStatus> rows;
  const config::Bundle& bundle = state_->bundle();
  for (size_t i = 0; i < bundle.constraints.size(); ++i) {
    if (bundle.constraints[i].per_user) continue;
    const LedgerState::View view = state_->Look(static_cast<int32_t>(i), now);
    rows.push_back({bundle.constraints[i].id, view.window_start_us, view.limit, view.leased,
                    view.spent, view.held, view.written_off, view.starved});
  }
  return rows;
}

std::vector<Ledger::RowStatus> Ledger::UserStatus(const UserRef& user_ref, absl::Time now) const {
  base::MutexLock lock(&write_mutex_);  // so that a read stays true
  std::vector<RowStatus> rows;
  const config::Bundle& bundle = state_->bundle();
  for (size_t i = 0; i < bundle.constraints.size(); ++i) {
    if (!bundle.constraints[i].per_user) continue;
    CounterReads reads;
    LedgerState::View view = state_->LookUser(static_cast<int32_t>(i), now, user_ref, &reads);
    while (!reads.missing.empty() && ReadCounters(store::ReadTier::kDisk, &reads).ok()) {
      view = state_->LookUser(static_cast<int32_t>(i), now, user_ref, &reads);
    }
    rows.push_back({bundle.constraints[i].id, view.window_start_us, view.limit, view.limit,
                    view.spent, view.held, 0, 0});
  }
  return rows;
}

UserCounterStats Ledger::user_counters() const {
  return state_->user_counters();
}

int64_t Ledger::unheld() const {
  return state_->unheld();
}

}  // namespace fulcrum::orchestrator
