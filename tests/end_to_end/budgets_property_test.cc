// Limits that are set while they are spent: whatever the order in which decisions reach the log, no
// prefix of it exceeds the limit in force then.
#include <gtest/gtest.h>

#include <map>

#include "base/random.h"
#include "decision_log/invariants.h"
#include "domain/budgets.h"
#include "tests/orchestrator/ledger_fixture.h"

namespace fulcrum {
namespace {

using orchestrator::Ledger;
using orchestrator::testing::AllDebits;
using orchestrator::testing::BundleBuilder;
using orchestrator::testing::LedgerHome;
using orchestrator::testing::RecordOf;
using orchestrator::testing::User;

std::shared_ptr<config::Bundle> SomeBundle() {
  BundleBuilder builder;
  builder.Campaign("a")
      .Cost("day", config::Window::kDay, 300)
      .Cap("user", config::Window::kDay, 10)
      .Cost("total", config::Window::kTotal, 500);
  for (int i = 0; i < 3; ++i) builder.Action(absl::StrCat("a", i), 3 + 2 * i);
  return builder.Build();
}

class Simulation {
 public:
  explicit Simulation(uint64_t seed) : random_(seed), bundle_(SomeBundle()) {
    ledger_ = home_.Start(bundle_);
    for (const config::Constraint& row : bundle_->constraints) limits_[row.id] = row.limit;
  }

  void Step() {
    home_.clock().Advance(absl::Milliseconds(1));
    const uint32_t what = random_.NextBelow(100);
    if (what < 50) return Decide();
    if (what < 85) return LogOne();
    if (what < 90) return RefuseOne();
    SetLimit();
  }

  const decision_log::Invariant& found() const { return invariant_.result(); }
  const std::vector<LogEvent>& log() { return home_.log(); }
  int granted() const { return granted_; }
  int refused() const { return refused_; }

 private:
  void Decide() {
    const auto user = static_cast<uint8_t>(random_.NextBelow(3));
    auto hold = ledger_->Acquire({0, 1, 2}, 1, User(user), home_.now(), domain::Wait::kMayWait);
    ASSERT_THAT(hold, testing::IsOk());
    const size_t drawn[] = {random_.NextBelow(3)};
    if (!hold->secured()[drawn[0]]) {
      ++refused_;
      return;
    }
    DecisionRecord record = RecordOf(hold->Keep(drawn), User(user), home_.now());
    hold->Detach();
    for (const Debit& debit : AllDebits(record)) {
      EXPECT_EQ(debit.limit, limits_[debit.row]) << "the limit in force";
      EXPECT_LE(UsedOf(debit, user), debit.limit) << debit.row;
    }
    ++granted_;
    pending_.push_back(std::move(record));
  }

  int64_t UsedOf(const Debit& debit, uint8_t user) {
    const auto rows = debit.per_user ? ledger_->UserStatus(User(user), home_.now())
                                     : ledger_->Status(home_.now());
    for (const Ledger::RowStatus& row : rows) {
      if (row.row == debit.row) return row.spent + row.held;
    }
    return std::numeric_limits<int64_t>::max();
  }

  // Of those in flight any one, not the oldest.
  DecisionRecord TakePending() {
    const size_t at = random_.NextBelow(static_cast<uint32_t>(pending_.size()));
    DecisionRecord record = std::move(pending_[at]);
    pending_.erase(pending_.begin() + static_cast<ptrdiff_t>(at));
    return record;
  }

  void LogOne() {
    if (!pending_.empty()) Log(TakePending());
  }

  void RefuseOne() {
    if (pending_.empty()) return;
    const DecisionRecord record = TakePending();
    ledger_->Return(AllDebits(record), record.user_ref);
  }

  void SetLimit() {
    const config::Constraint& row = bundle_->constraints[random_.NextBelow(3)];
    const int64_t limit = random_.NextBelow(static_cast<uint32_t>(2 * row.limit));
    limits_[row.id] = limit;
    Log(domain::BudgetRecord({row.id, limit, row.limit, "test", "ann", home_.now()}));
    EXPECT_THAT(ledger_->SetLimit(row.id, limit), testing::IsOk());
  }

  void Log(LogEvent event) {
    home_.Log(ledger_.get(), std::move(event));
    invariant_.Check(home_.log_last(), home_.log().back());
  }

  base::RandomStream random_;
  std::shared_ptr<config::Bundle> bundle_;
  LedgerHome home_;
  std::unique_ptr<Ledger> ledger_;
  std::map<std::string, int64_t> limits_;  // in force
  std::vector<DecisionRecord> pending_;
  decision_log::LimitInvariant invariant_;
  int granted_ = 0;
  int refused_ = 0;
};

TEST(BudgetsProperty, NoPrefixOfTheLogExceedsTheLimitInForce) {
  int granted = 0;
  int refused = 0;
  uint64_t late = 0;
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    Simulation run(seed);
    for (int step = 0; step < 400 && !::testing::Test::HasFailure(); ++step) run.Step();
    EXPECT_EQ(run.found().violated, 0u) << run.found().first_violation;
    granted += run.granted();
    refused += run.refused();
    decision_log::LimitInvariant deaf;  // to what operators did
    for (size_t i = 0; i < run.log().size(); ++i) {
      if (!std::holds_alternative<AuditRecord>(run.log()[i])) deaf.Check(i + 1, run.log()[i]);
    }
    late += deaf.result().violated;
  }
  // The run reached what it is for.
  EXPECT_GT(granted, 1000);
  EXPECT_GT(refused, 1000);
  EXPECT_GT(late, 0u) << "no decision was logged after others under a limit that was raised";
}

TEST(BudgetsProperty, WhatIsSpentBeyondACutIsFound) {
  decision_log::LimitInvariant invariant;
  const absl::Time now = absl::FromUnixSeconds(1574553600);
  const auto spend = [&](Lsn lsn, int64_t limit) {
    invariant.Check(lsn, RecordOf({{{.row = "day", .amount = 6, .limit = limit}}}, User(1),
                                  now + absl::Seconds(static_cast<int64_t>(lsn))));
  };
  spend(1, 10);
  invariant.Check(2, domain::BudgetRecord({"day", 8, 10, "cut", "ann", now + absl::Seconds(2)}));
  EXPECT_EQ(invariant.result().violated, 0u);
  spend(3, 8);
  EXPECT_EQ(invariant.result().violated, 1u);
}

}  // namespace
}  // namespace fulcrum
