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
  } else if (const auto* audit = std::get_if<AuditRecord>(&event)) {
    if (audit->action == kTailLost) NoteGap(audit->occurred_us);
  }
}

void LedgerAudit::Add(const Debit& debit, const UserRef& user_ref, int64_t amount) {
  if (debit.per_user && !part_.Has(user_ref)) return;
  Key key{debit.row, debit.window_start_us, std::nullopt};
  if (debit.per_user) key.user_ref = user_ref;
  spent_[std::move(key)] += amount;
}

bool LedgerAudit::IsExact(int64_t window_start_us) const {
  return exact_after_us_ == kNoGap || window_start_us > exact_after_us_;
}

// The ledger keeps what it does not know any more as long as a day's window.
bool LedgerAudit::MayBeForgotten(const Key& key, int64_t latest_us) const {
  const config::Constraint* const row = FindRow(*bundle_, key.row);
  const int64_t kept_us = row == nullptr ? kCalendarKeptUs : KeptUs(*row);
  return IsForgotten(key.window_start_us, kept_us, latest_us);
}

void LedgerAudit::CompareSum(const Key& key, int64_t ledger, int64_t log,
                             AuditReport* report) const {
  const bool exact = IsExact(key.window_start_us);
  ++(exact ? report->exact : report->at_least);
  if (exact ? ledger == log : ledger >= log) return;
  ++report->differing;
  const int64_t apart = Apart(ledger, log);
  report->difference = report->difference > std::numeric_limits<int64_t>::max() - apart
                           ? std::numeric_limits<int64_t>::max()
                           : report->difference + apart;
  if (report->differences.size() >= kAuditFindingsMax) return;
  report->differences.push_back({key.row, key.window_start_us, key.user_ref, ledger, log, exact});
}

void LedgerAudit::CompareLeases(const StoreImage& checkpoint, AuditReport* report) const {
  std::map<std::pair<std::string, int64_t>, int64_t> spent;
  for (const SpendEntry& entry : checkpoint.spends) {
    spent[{entry.row, entry.window_start_us}] = entry.spent;
  }
  for (const LeaseEntry& lease : checkpoint.leases) {
    const config::Constraint* const row = FindRow(*bundle_, lease.row);
    if (row == nullptr || !row->IsLeased()) continue;  // once it was
    const int64_t used = spent[{lease.row, lease.window_start_us}] + lease.written_off;
    if (used <= lease.leased) continue;
    ++report->overspent;
    if (report->overspends.size() >= kAuditFindingsMax) continue;
    report->overspends.push_back({lease.row, lease.window_start_us, lease.leased, used});
  }
}

AuditReport LedgerAudit::Compare(const StoreImage& checkpoint) {
  AuditReport report;
  report.lsn = checkpoint.fold.lsn;
  const int64_t latest_us = std::max(checkpoint.fold.latest_us, latest_us_);
  if (lsn_ < checkpoint.fold.lsn) NoteGap(std::numeric_limits<int64_t>::max());
  for (auto it = spent_.begin(); it != spent_.end();) {
    it = MayBeForgotten(it->first, latest_us) ? spent_.erase(it) : std::next(it);
  }
  std::map<Key, int64_t> ledger;
  for (const SpendEntry& entry : checkpoint.spends) {
    ledger[{entry.row, entry.window_start_us, std::nullopt}] = entry.spent;
  }
  for (const CapEntry& entry : checkpoint.caps) {
    if (!part_.Has(entry.user_ref)) continue;
    ledger[{entry.row, entry.window_start_us, entry.user_ref}] = entry.spent;
  }
  for (const auto& [key, log] : spent_) {
    const auto found = ledger.find(key);
    CompareSum(key, found == ledger.end() ? 0 : found->second, log, &report);
    if (found != ledger.end()) ledger.erase(found);
  }
  for (const auto& [key, amount] : ledger) {
    if (amount != 0 && !MayBeForgotten(key, latest_us)) CompareSum(key, amount, 0, &report);
  }
  CompareLeases(checkpoint, &report);
  return report;
}

}  // namespace fulcrum::orchestrator
