#include "domain/budgets.h"

#include <gtest/gtest.h>

namespace fulcrum::domain {
namespace {

TEST(BudgetChange, IsReadAsItIsWritten) {
  const BudgetChange change{"spring-day", 7'000'000, 5'000'000,
                            "goes well",  "ann",     absl::FromUnixSeconds(1574553600)};
  EXPECT_EQ(BudgetChangeOf(BudgetRecord(change)), change);
}

TEST(BudgetChange, OtherRecordsTellOfNone) {
  AuditRecord record = BudgetRecord({"spring-day", 7, 5, "goes well", "ann", absl::UnixEpoch()});
  AuditRecord other = record;
  other.action = "operator.pause";
  EXPECT_FALSE(BudgetChangeOf(other).has_value());
  for (const char* limit : {"", "many", "-1", "9223372036854775808"}) {
    record.details[1].value = limit;
    EXPECT_FALSE(BudgetChangeOf(record).has_value()) << limit;
  }
}

}  // namespace
}  // namespace fulcrum::domain
