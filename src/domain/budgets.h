// Limits that operators have set instead of the bundle's: what the log's audit records say of them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "fulcrum/decision_record.h"

namespace fulcrum::domain {

// The action of those records. Their target is the row.
inline constexpr std::string_view kBudgetAction = "operator.budget";

struct BudgetChange {
  std::string row;           // constraint id
  int64_t limit = 0;         // from then on, in the row's unit; >= 0
  int64_t bundle_limit = 0;  // of the bundle then: one that says otherwise has the later word
  std::string reason;
  std::string by;
  absl::Time at;  // to the microsecond

  friend bool operator==(const BudgetChange&, const BudgetChange&) = default;
};

AuditRecord BudgetRecord(const BudgetChange& change);

// Nothing if the record tells of none.
std::optional<BudgetChange> BudgetChangeOf(const AuditRecord& record);

}  // namespace fulcrum::domain
