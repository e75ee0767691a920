#include "domain/budgets.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace fulcrum::domain {
namespace {

constexpr char kReason[] = "reason";
constexpr char kLimit[] = "limit";
constexpr char kBundleLimit[] = "bundle_limit";

}  // namespace

AuditRecord BudgetRecord(const BudgetChange& change) {
  AuditRecord record{
      .actor = change.by, .action = std::string(kBudgetAction), .target = change.row};
  record.details = {{kReason, change.reason},
                    {kLimit, absl::StrCat(change.limit)},
                    {kBundleLimit, absl::StrCat(change.bundle_limit)}};
  record.occurred_us = absl::ToUnixMicros(change.at);
  return record;
}

std::optional<BudgetChange> BudgetChangeOf(const AuditRecord& record) {
  if (record.action != kBudgetAction || record.target.empty()) return std::nullopt;
  BudgetChange change{.row = record.target, .by = record.actor};
  change.at = absl::FromUnixMicros(record.occurred_us);
  bool limit = false;
  bool bundle_limit = false;
  for (const AuditDetail& detail : record.details) {
    if (detail.name == kReason) change.reason = detail.value;
    if (detail.name == kLimit) limit = absl::SimpleAtoi(detail.value, &change.limit);
    if (detail.name == kBundleLimit) {
      bundle_limit = absl::SimpleAtoi(detail.value, &change.bundle_limit);
    }
  }
  if (!limit || !bundle_limit || change.limit < 0) return std::nullopt;
  return change;
}

}  // namespace fulcrum::domain
