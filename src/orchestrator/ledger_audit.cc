#include "orchestrator/ledger_audit.h"

#include <algorithm>
#include <limits>
#include <utility>
#include <variant>

#include "orchestrator/windows.h"

namespace fulcrum::orchestrator {
namespace {

// All windows are whole, `total` too, whose key is this very number.
constexpr int64_t kNoGap = std::numeric_limits<int64_t>::min();

// The service says so when records are gone that its ledger had heard of.
constexpr char kTailLost[] = "log.tail_lost";

const config::Constraint* FindRow(const config::Bundle& bundle, const std::string& id) {
  const auto found = std::lower_bound(
      bundle.constraints.begin(), bundle.constraints.end(), id,
      [](const config::Constraint& row, const std::string& wanted) { return row.id < wanted; });
  return found == bundle.constraints.end() || found->id != id ? nullptr : &*found;
}

int64_t Apart(int64_t a, int64_t b) {
  int64_t apart = 0;
  if (__builtin_sub_overflow(std::max(a, b), std::min(a, b), &apart)) {
    return std::numeric_limits<int64_t>::max();
  }
  return apart;
}

}  // namespace

LedgerAudit::LedgerAudit(std::shared_ptr<const config::Bundle> bundle, UserPart part)
    : bundle_(std::move(bundle)), part_(part), exact_after_us_(kNoGap) {}

void LedgerAudit::NoteGap(int64_t time_us) {
  exact_after_us_ = std::max({exact_after_us_, time_us, latest_us_});
}

void LedgerAudit::OnLogged(Lsn lsn, const LogEvent& event) {
  if (lsn <= lsn_) return;
  if (lsn != lsn_ + 1) NoteGap(EventTime(event));
  lsn_ = lsn;
  if (const auto* decision = std::get_if<DecisionRecord>(&event)) {
    latest_us_ = std::max(latest_us_, decision->occurred_us);
    for (const PositionRecord& position : decision->positions) {
      for (const Debit& debit : position.debits) Add(debit, decision->user_ref, debit.amount);
    }
  } else if (const auto* superseded = std::get_if<SupersededRecord>(&event)) {
    for (const Debit& debit : superseded->refunds) Add(debit, superseded->user_ref, -debit.amount);
  } else if (const auto* unshown = std::get_if<UnshownRecord>(&event)) {
    for (const Debit& debit : unshown->refunds) Add(debit, unshown->user_ref, -debit.amount);
  } else if (const auto* settlement = std::get_if<SettlementRecord>(&event)) {
    for (const Debit& debit : settlement->refunds) Add(debit, settlement->user_ref, -debit.amount);
  } else if (const auto* identity = std::get_if<IdentityRecord>(&event)) {
    if (identity->change == IdentityChange::kPurged) {
      Purge(identity->user_ref);
    } else {
      groups_.Merge(identity->user_ref, identity->into, identity->occurred_us);
    }
  } else if (const auto* audit = std::get_if<AuditRecord>(&event)) {
    if (audit->action == kTailLost) NoteGap(audit->occurred_us);
  }
}

void LedgerAudit::Add(const Debit& debit, const UserRef& user_ref, int64_t amount) {
  const Window window{debit.row, debit.window_start_us};
  if (!debit.per_user) {
    everybody_[window] += amount;
    return;
  }
  if (part_.Has(user_ref)) users_[user_ref][window] += amount;
}

void LedgerAudit::Purge(const UserRef& user_ref) {
  for (const UserRef& ref : groups_.Purge(user_ref)) {
    users_.erase(ref);
    purged_.insert(ref);
  }
}

bool LedgerAudit::IsExact(int64_t window_start_us) const {
  return exact_after_us_ == kNoGap || window_start_us > exact_after_us_;
}

// The ledger keeps what it does not know any more as long as a day's window.
bool LedgerAudit::MayBeForgotten(const Window& window, int64_t latest_us) const {
  const config::Constraint* const row = FindRow(*bundle_, window.row);
  const int64_t kept_us = row == nullptr ? kCalendarKeptUs : KeptUs(*row);
  return orchestrator::IsForgotten(window.start_us, kept_us, latest_us);
}

void LedgerAudit::DropForgotten(int64_t latest_us, Sums* sums) const {
  std::erase_if(*sums, [&](const auto& one) { return MayBeForgotten(one.first, latest_us); });
}

void LedgerAudit::CompareSum(const Window& window, const UserRef* user_ref, int64_t ledger,
                             int64_t log, AuditReport* report) const {
  const bool exact = IsExact(window.start_us);
  ++(exact ? report->exact : report->at_least);
  if (exact ? ledger == log : ledger >= log) return;
  ++report->differing;
  const int64_t apart = Apart(ledger, log);
  report->difference = report->difference > std::numeric_limits<int64_t>::max() - apart
                           ? std::numeric_limits<int64_t>::max()
                           : report->difference + apart;
  if (report->differences.size() >= kAuditFindingsMax) return;
  AuditDifference& found = report->differences.emplace_back();
  found = {window.row, window.start_us, std::nullopt, ledger, log, exact};
  if (user_ref != nullptr) found.user_ref = *user_ref;
}

void LedgerAudit::CompareAll(const Sums& ledger, const Sums& log, const UserRef* user_ref,
                             int64_t latest_us, AuditReport* report) const {
  for (const auto& [window, amount] : log) {
    const auto found = ledger.find(window);
    CompareSum(window, user_ref, found == ledger.end() ? 0 : found->second, amount, report);
  }
  for (const auto& [window, amount] : ledger) {
    if (amount == 0 || log.contains(window) || MayBeForgotten(window, latest_us)) continue;
    CompareSum(window, user_ref, amount, 0, report);
  }
}

void LedgerAudit::CompareLeases(const leases::Charges& charges, int64_t latest_us,
                                AuditReport* report) const {
  std::map<Window, int64_t> charged;
  for (const leases::Charge& charge : charges.charges) {
    charged[{charge.budget.row, charge.budget.window_start_us}] = charge.amount;
  }
  for (const auto& [window, spent] : everybody_) {
    const config::Constraint* const row = FindRow(*bundle_, window.row);
    if (row == nullptr || !row->IsLeased() || MayBeForgotten(window, latest_us)) continue;
    const auto found = charged.find(window);
    const int64_t leased = found == charged.end() ? 0 : found->second;
    if (spent <= leased) continue;
    ++report->overspent;
    if (report->overspends.size() >= kAuditFindingsMax) continue;
    report->overspends.push_back({window.row, window.start_us, leased, spent});
  }
}

void LedgerAudit::CompareSums(const StoreImage& checkpoint, AuditReport* report) {
  report->lsn = checkpoint.fold.lsn;
  const int64_t latest_us = std::max(checkpoint.fold.latest_us, latest_us_);
  if (lsn_ < checkpoint.fold.lsn) NoteGap(std::numeric_limits<int64_t>::max());
  DropForgotten(latest_us, &everybody_);
  for (auto& [user_ref, sums] : users_) DropForgotten(latest_us, &sums);
  absl::erase_if(users_, [](const auto& one) { return one.second.empty(); });

  Sums everybody;
  for (const SpendEntry& entry : checkpoint.spends) {
    everybody[{entry.row, entry.window_start_us}] = entry.spent;
  }
  CompareAll(everybody, everybody_, nullptr, latest_us, report);
  Users users;
  for (const CapEntry& entry : checkpoint.caps) {
    if (!part_.Has(entry.user_ref)) continue;
    users[entry.user_ref][{entry.row, entry.window_start_us}] = entry.spent;
  }
  const Sums none;
  for (const auto& [user_ref, log] : users_) {
    if (purged_.contains(user_ref)) continue;
    const auto found = users.find(user_ref);
    CompareAll(found == users.end() ? none : found->second, log, &user_ref, latest_us, report);
  }
  for (const auto& [user_ref, ledger] : users) {
    if (users_.contains(user_ref) || purged_.contains(user_ref)) continue;
    CompareAll(ledger, none, &user_ref, latest_us, report);
  }
}

}  // namespace fulcrum::orchestrator
