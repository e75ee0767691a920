#include "apps/operator_desk.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "apps/operator_target.h"
#include "base/status_macros.h"
#include "domain/budgets.h"
#include "telemetry/diagnostics.h"

namespace fulcrum::apps {
namespace {

absl::Status NotPaused(const SwitchTarget& target, const std::vector<Switch>& paused) {
  const std::string what = absl::StrJoin(paused, ", ", [](std::string* out, const Switch& one) {
    absl::StrAppend(out, ToText(one.target));
  });
  return absl::FailedPreconditionError(
      absl::StrCat("target: ", ToText(target), " is not paused; ",
                   paused.empty() ? "nothing is" : absl::StrCat("what is: ", what)));
}

}  // namespace

absl::StatusOr<std::unique_ptr<OperatorDesk>> OperatorDesk::Open(OperatorDeskParts parts) {
  FULCRUM_ASSIGN_OR_RETURN(const std::optional<OperatorCheckpoint> checkpoint,
                           ReadOperatorCheckpoint(parts.files, parts.path));
  std::unique_ptr<OperatorDesk> desk(new OperatorDesk(std::move(parts)));
  if (!checkpoint.has_value()) return desk;
  base::MutexLock lock(&desk->mutex_);
  for (const OperatorRecord& one : checkpoint->records) desk->Fold(one.lsn, one.record);
  desk->folded_ = desk->kept_ = checkpoint->lsn;
  return desk;
}

std::optional<Lsn> OperatorDesk::lsn() const {
  base::MutexLock lock(&mutex_);
  return folded_;
}

Lsn OperatorDesk::checkpoint_lsn() const {
  base::MutexLock lock(&mutex_);
  return kept_.value_or(0);
}

void OperatorDesk::BeginAt(Lsn lsn) {
  base::MutexLock lock(&mutex_);
  folded_ = lsn;
}

void OperatorDesk::Pause(const domain::Principal& by, const SwitchTarget& target,
                         const std::string& reason, absl::Duration span, domain::Operated done) {
  absl::Status valid = CheckReason(reason);
  valid.Update(CheckTarget(*parts_.bundle, target));
  if (valid.ok() && span <= absl::ZeroDuration()) {
    valid = absl::InvalidArgumentError("lasts: must be above 0");
  }
  if (!valid.ok()) return done(valid);
  Switch paused{target, reason, by.name, parts_.now()};
  paused.until = paused.paused_at + span;
  Append(domain::PauseRecord(paused), std::move(done));
}

// What the bundle does not have any more can still be resumed.
void OperatorDesk::Resume(const domain::Principal& by, const SwitchTarget& target,
                          const std::string& reason, domain::Operated done) {
  if (absl::Status valid = CheckReason(reason); !valid.ok()) return done(valid);
  const std::vector<Switch> paused = Paused();
  const bool known = std::any_of(paused.begin(), paused.end(),
                                 [&](const Switch& one) { return one.target == target; });
  if (!known) {
    absl::Status refusal = CheckTarget(*parts_.bundle, target);
    refusal.Update(NotPaused(target, paused));
    return done(refusal);
  }
  Append(domain::ResumeRecord(target, reason, by.name, parts_.now()), std::move(done));
}

std::vector<Switch> OperatorDesk::Paused() const {
  const absl::Time now = parts_.now();
  base::MutexLock lock(&mutex_);
  return switches_.At(now);
}

void OperatorDesk::SetBudget(const domain::Principal& by, const std::string& row, int64_t limit,
                             const std::string& reason, domain::Operated done) {
  absl::Status valid = CheckReason(reason);
  const auto found = FindRow(*parts_.bundle, row);
  valid.Update(found.status());
  if (valid.ok() && (limit < 0 || limit == config::kNoLimit)) {
    valid = absl::InvalidArgumentError("limit: must be at least 0, and less than 2^63 - 1");
  }
  if (!valid.ok()) return done(valid);
  Append(domain::BudgetRecord({row, limit, (*found)->limit, reason, by.name, parts_.now()}),
         std::move(done));
}

// The log's thread must not wait for the checkpoint: that is the room's work.
void OperatorDesk::Append(AuditRecord record, domain::Operated done) {
  auto shared = std::make_shared<domain::Operated>(std::move(done));
  const absl::Status queued = parts_.log->Append(
      std::move(record), std::nullopt, [this, shared](const absl::StatusOr<Lsn>& lsn) {
        if (!lsn.ok()) return (*shared)(lsn);
        if (!room_.Enter([this, shared, at = *lsn] { Keep(at, std::move(*shared)); })) {
          (*shared)(absl::ResourceExhaustedError(
              "it is in force, but too many changes wait to be kept; call again"));
        }
      });
  if (!queued.ok()) (*shared)(queued);
}

void OperatorDesk::Keep(Lsn lsn, domain::Operated done) {
  const absl::Status kept = Checkpoint();
  if (kept.ok()) return done(lsn);
  telemetry::WarnLimited("operator_checkpoint_failed", {{"error", std::string(kept.message())}});
  done(absl::InternalError(absl::StrCat("it is in force and logged with LSN ", lsn,
                                        ", but not kept beside the log: ", kept.message())));
}

void OperatorDesk::OnLogged(Lsn lsn, const LogEvent& event) {
  const auto* const record = std::get_if<AuditRecord>(&event);
  base::MutexLock lock(&mutex_);
  folded_ = lsn;
  if (record != nullptr) Fold(lsn, *record);
}

void OperatorDesk::Fold(Lsn lsn, const AuditRecord& record) {
  if (switches_.Apply(lsn, record)) return Publish();
  const auto change = domain::BudgetChangeOf(record);
  if (!change.has_value()) return;
  const auto row = FindRow(*parts_.bundle, change->row);
  // A bundle with another limit has had its say since.
  if (!row.ok() || (*row)->limit != change->bundle_limit) return;
  if (change->limit == change->bundle_limit) {
    budgets_.erase(change->row);
  } else {
    budgets_[change->row] = {lsn, record};
  }
  parts_.set_limit(change->row, change->limit);
}

void OperatorDesk::Publish() {
  pauses_ = switches_.all().empty()
                ? nullptr
                : std::make_shared<const decider::Pauses>(switches_, *parts_.bundle);
}

std::shared_ptr<const decider::Pauses> OperatorDesk::pauses() const {
  base::MutexLock lock(&mutex_);
  return pauses_;
}

absl::Status OperatorDesk::Checkpoint() {
  base::MutexLock write_lock(&write_mutex_);
  OperatorCheckpoint checkpoint;
  {
    base::MutexLock lock(&mutex_);
    checkpoint.lsn = folded_.value_or(0);
    if (kept_ == checkpoint.lsn) return absl::OkStatus();
    for (const Switch& one : switches_.all()) {
      checkpoint.records.push_back({one.lsn, domain::PauseRecord(one)});
    }
    for (const auto& [row, record] : budgets_) checkpoint.records.push_back(record);
  }
  FULCRUM_RETURN_IF_ERROR(WriteOperatorCheckpoint(parts_.files, parts_.path, checkpoint));
  base::MutexLock lock(&mutex_);
  kept_ = checkpoint.lsn;
  return absl::OkStatus();
}

}  // namespace fulcrum::apps
