#include "orchestrator/ledger.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "orchestrator/ledger_state.h"
#include "orchestrator/plan.h"
#include "store/store.h"

namespace fulcrum::orchestrator {
namespace {

// Other requests may take a lease that this one has fetched. Each round leases more, so a round
// without success means a very contended row; then the candidates are masked.
constexpr int kRounds = 16;

// Leases for windows that begin within this time are fetched at a checkpoint.
constexpr absl::Duration kLookAhead = absl::Minutes(2);

absl::Status NotOpen() {
  return absl::FailedPreconditionError(
      "ledger: it is closed, or recovery is not finished; call FinishRecovery() first");
}

}  // namespace

Ledger::Ledger(const LedgerOptions& options, std::unique_ptr<LedgerStore> store,
               std::shared_ptr<LedgerState> state, std::optional<Session> previous,
               Lsn checkpoint_lsn)
    : options_(options),
      store_(std::move(store)),
      state_(std::move(state)),
      previous_(std::move(previous)),
      checkpoint_lsn_(checkpoint_lsn) {}

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
  RecoveryReport report;
  report.records_gone = records_gone;
  report.checkpoint_lsn = checkpoint_lsn_;
  {
    base::MutexLock lock(&write_mutex_);
    const Session session{options_.boot_id, options_.durability, false};
    const StoreBatch batch = state_->PlanRecovery(log_last_lsn, previous_, session, &report);
    FULCRUM_RETURN_IF_ERROR(store_->Write(batch, /*sync=*/true));
    TellLeases(state_->ChangesOf(batch.leases));
    state_->FinishRecovery(batch);
  }
  FULCRUM_RETURN_IF_ERROR(FetchLeases(state_->CurrentWindows(options_.clock->Now())));
  if (options_.lease_ahead) leasing_ = std::thread([this] { KeepLeasing(); });
  return report;
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
  base::MutexLock lock(&write_mutex_);
  const std::vector<LeaseGrant> grants = state_->PlanLeases(needs);
  if (grants.empty()) return absl::OkStatus();
  StoreBatch batch;
  batch.leases.reserve(grants.size());
  for (const LeaseGrant& grant : grants) batch.leases.push_back(grant.entry);
  FULCRUM_RETURN_IF_ERROR(store_->Write(batch, /*sync=*/true));
  TellLeases(state_->ChangesOf(batch.leases));
  state_->TakeLeases(grants);
  return absl::OkStatus();
}

void Ledger::TellLeases(std::vector<LeaseRecord> changes) const {
  if (!options_.on_lease) return;
  const int64_t now_us = absl::ToUnixMicros(options_.clock->Now());
  for (LeaseRecord& change : changes) {
    change.occurred_us = now_us;
    options_.on_lease(std::move(change));
  }
}

void Ledger::KeepLeasing() {
  while (true) {
    const std::vector<LeaseNeed> needs = state_->WaitForLowRows();
    if (needs.empty()) return;
    // If it fails, the request that runs dry asks again and hears of it.
    FetchLeases(needs).IgnoreError();
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
