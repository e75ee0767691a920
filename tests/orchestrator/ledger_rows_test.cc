// Rows that are more than a campaign's day: hours, spans that move with the clock, attributes, soft
// rows, dates, scopes, and exclusions that outlive a slate.
#include <functional>

#include "base/random.h"
#include "tests/orchestrator/ledger_fixture.h"

namespace fulcrum::orchestrator::testing {
namespace {

using config::Resource;
using config::Window;
using ::testing::ElementsAre;

constexpr int64_t kHourUs = int64_t{3600} * 1'000'000;

std::shared_ptr<config::Bundle> OneRow(const std::function<void(config::Constraint*)>& change) {
  BundleBuilder builder;
  builder.Campaign("c").Row("c.row", Resource::kExposures, Window::kTotal, 2);
  change(&builder.row());
  return builder.Action("a", 10).Action("b", 10).Build();
}

int Shown(LedgerHome* home, Ledger* ledger, int tries, uint8_t user = 1) {
  int shown = 0;
  for (int i = 0; i < tries; ++i) shown += home->SpendOne(ledger, 0, User(user)) ? 1 : 0;
  return shown;
}

TEST(LedgerRows, AnHourStartsAfresh) {
  LedgerHome home;
  const auto bundle = OneRow([](config::Constraint* row) { row->window = Window::kHour; });
  const auto ledger = home.Start(bundle);
  EXPECT_EQ(Shown(&home, ledger.get(), 3), 2);
  home.clock().Advance(absl::Hours(1));
  EXPECT_EQ(Shown(&home, ledger.get(), 3), 2);
}

// "Not within six hours": exact but for a step of a 32nd, and never too early.
TEST(LedgerRows, SpacingIsAMovingSpanOfOne) {
  for (const bool per_user : {true, false}) {
    LedgerHome home;
    const auto bundle = OneRow([&](config::Constraint* row) {
      row->window = Window::kRolling;
      row->span_us = 6 * kHourUs;
      row->limit = 1;
      row->per_user = per_user;
    });
    const auto ledger = home.Start(bundle);
    EXPECT_EQ(Shown(&home, ledger.get(), 2), 1);
    EXPECT_EQ(Shown(&home, ledger.get(), 2, 2), per_user ? 1 : 0) << "another user";
    home.clock().Advance(absl::Hours(6) - absl::Microseconds(1));
    EXPECT_EQ(Shown(&home, ledger.get(), 1), 0);
    home.clock().Advance(absl::Hours(6) / 32 + absl::Microseconds(1));
    EXPECT_EQ(Shown(&home, ledger.get(), 2), 1);
  }
}

// What comes back goes to the window or the step, and to the user, that it was taken from; where
// that is forgotten, nowhere. Also when it is folded by a recovery.
TEST(LedgerRows, ASettlementGivesBackToTheWindowOfTheDebit) {
  for (const bool per_user : {true, false}) {
    for (const bool restart : {false, true}) {
      LedgerHome home;
      const auto bundle = OneRow([&](config::Constraint* row) {
        row->window = Window::kRolling;
        row->span_us = 32 * kHourUs;
        row->per_user = per_user;
        row->terms = {.charged_on = "click"};
      });
      auto ledger = home.Start(bundle);
      EXPECT_EQ(Shown(&home, ledger.get(), 1), 1);
      home.clock().Advance(absl::Hours(2));
      EXPECT_EQ(Shown(&home, ledger.get(), 2), 1);
      const auto& first = std::get<DecisionRecord>(home.log()[0]);
      ASSERT_EQ(AllDebits(first).size(), 1u);
      EXPECT_EQ(AllDebits(first)[0].terms, bundle->constraints[0].terms);
      SettlementRecord settlement;
      settlement.decision_lsn = 1;
      settlement.user_ref = User(1);
      settlement.refunds = AllDebits(first);
      home.Log(ledger.get(), settlement);
      if (restart) {
        ledger.reset();
        ledger = home.Start(bundle);
      }
      EXPECT_EQ(Shown(&home, ledger.get(), 2), 1) << "what came back is there again, once";
      home.clock().Advance(absl::Hours(31));
      EXPECT_EQ(Shown(&home, ledger.get(), 1), 0) << "the first step is over, the others count";
      home.clock().Advance(absl::Hours(100));
      home.Log(ledger.get(), RecordOf({}, User(1), home.now()));
      home.Log(ledger.get(), settlement);  // of a step that is forgotten
      EXPECT_EQ(Shown(&home, ledger.get(), 3), 2);
    }
  }
}

// By the log: no window of the span ever holds more, also over restarts and checkpoints.
TEST(LedgerRows, NoWindowOfAMovingSpanHoldsMore) {
  for (const bool per_user : {true, false}) {
    LedgerHome home;
    const auto bundle = OneRow([&](config::Constraint* row) {
      row->window = Window::kRolling;
      row->span_us = kHourUs;
      row->limit = 5;
      row->per_user = per_user;
    });
    base::RandomStream random(4);
    std::vector<int64_t> times;
    auto ledger = home.Start(bundle);
    for (int i = 0; i < 600; ++i) {
      home.clock().Advance(absl::Seconds(random.NextBelow(400)));
      if (home.SpendOne(ledger.get(), 0)) times.push_back(absl::ToUnixMicros(home.now()));
      if (i % 97 == 50) {
        FULCRUM_ASSERT_OK(ledger->Checkpoint());
      }
      if (i % 151 == 70) {
        ledger.reset();  // a crash
        ledger = home.Start(bundle);
      }
    }
    EXPECT_GT(times.size(), 90u) << "hardly anything was shown";
    for (size_t i = 0; i + 5 < times.size(); ++i) {
      EXPECT_GT(times[i + 5] - times[i], kHourUs) << i;
    }
    EXPECT_EQ(ledger->unheld(), 0);
  }
}

// A late request must not find room in a past that later ones have filled.
TEST(LedgerRows, ALateRequestSeesWhatCameAfterIt) {
  LedgerHome home;
  const auto bundle = OneRow([](config::Constraint* row) {
    row->window = Window::kRolling;
    row->span_us = 6 * kHourUs;
    row->limit = 1;
    row->per_user = true;
  });
  const auto ledger = home.Start(bundle);
  const absl::Time now = home.now();
  EXPECT_EQ(Shown(&home, ledger.get(), 1), 1);
  const auto late = ledger->Acquire({0}, 1, User(1), now - absl::Hours(5), domain::Wait::kMayWait);
  FULCRUM_ASSERT_OK(late);
  EXPECT_FALSE(late->secured()[0]);
}

TEST(LedgerRows, AttributesAreCountedInMillionths) {
  BundleBuilder builder;
  builder.Campaign("c").Row("c.weight", Resource::kAttribute, Window::kTotal, 1'000'000);
  builder.row().attribute = "weight";
  auto bundle = builder.Action("a", 0).Action("b", 0).Build();
  bundle->actions[0].attributes["weight"] = 0.3000004;
  config::IndexUses(bundle.get());
  LedgerHome home;
  const auto ledger = home.Start(bundle);
  EXPECT_EQ(Shown(&home, ledger.get(), 5), 3);
  EXPECT_EQ(ledger->Status(home.now())[0].spent, 3 * 300'001) << "rounded up";
  EXPECT_TRUE(home.SpendOne(ledger.get(), 1)) << "without the attribute it takes nothing";
}

TEST(LedgerRows, ARowLimitsWithinItsDatesOnly) {
  LedgerHome home;
  const absl::Time start = home.now() + absl::Hours(1);
  const auto bundle = OneRow([&](config::Constraint* row) {
    row->limit = 0;
    row->start = start;
    row->end = start + absl::Hours(1);
  });
  const auto ledger = home.Start(bundle);
  EXPECT_EQ(Shown(&home, ledger.get(), 3), 3);
  home.clock().Advance(absl::Hours(1));
  EXPECT_EQ(Shown(&home, ledger.get(), 3), 0);
  home.clock().Advance(absl::Hours(1));
  EXPECT_EQ(Shown(&home, ledger.get(), 3), 3);
}

TEST(LedgerRows, ARowOutOfScopeTakesAndLimitsNothing) {
  LedgerHome home;
  const auto bundle = OneRow([](config::Constraint* row) { row->limit = 1; });
  const auto ledger = home.Start(bundle);
  const auto acquire = [&](bool counts) {
    const auto filter = [counts](const config::Constraint&) { return counts; };
    auto hold = ledger->Acquire({0}, 1, User(1), home.now(), domain::Wait::kMayWait, filter);
    EXPECT_TRUE(hold.ok() && hold->secured()[0]);
    const size_t drawn[] = {0};
    return hold->Keep(drawn)[0];
  };
  EXPECT_TRUE(acquire(false).empty());
  EXPECT_EQ(acquire(true).size(), 1u);
}

// Class 1 goes first, and only where nothing at all could be drawn; hard rows never go.
TEST(LedgerRows, SoftRowsAreGivenUpClassByClass) {
  BundleBuilder builder;
  builder.Campaign("c").Row("a.first", Resource::kExposures, Window::kTotal, 1);
  builder.row().actions = {0};
  builder.row().relaxation = 1;
  builder.Row("b.second", Resource::kExposures, Window::kTotal, 1);
  builder.row().actions = {1};
  builder.row().relaxation = 2;
  builder.Row("c.hard", Resource::kExposures, Window::kTotal, 5);
  const auto bundle = builder.Action("a", 0).Action("b", 0).Build();
  LedgerHome home;
  const auto ledger = home.Start(bundle);
  const auto acquire = [&] {
    auto hold = ledger->Acquire({0, 1}, 1, User(1), home.now(), domain::Wait::kMayWait);
    EXPECT_TRUE(hold.ok());
    return std::move(*hold);
  };
  EXPECT_TRUE(home.SpendOne(ledger.get(), 0));
  Hold hold = acquire();
  EXPECT_THAT(hold.secured(), ElementsAre(false, true)) << "one can be drawn: nothing is given up";
  EXPECT_EQ(hold.relaxed(), 0u);
  hold = Hold();
  EXPECT_TRUE(home.SpendOne(ledger.get(), 1));
  hold = acquire();
  EXPECT_THAT(hold.secured(), ElementsAre(true, false)) << "the first class is enough";
  EXPECT_EQ(hold.relaxed(), 1u);
  const size_t drawn[] = {0};
  const std::vector<Debit> debits = hold.Keep(drawn)[0];
  ASSERT_EQ(debits.size(), 2u);
  EXPECT_TRUE(debits[0].soft);
  EXPECT_FALSE(debits[1].soft);
  hold = Hold();
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(home.SpendOne(ledger.get(), 0)) << i;
  EXPECT_FALSE(home.SpendOne(ledger.get(), 0)) << "the hard row is full";
  EXPECT_EQ(acquire().relaxed(), 2u) << "tried, in vain";
  for (const Ledger::RowStatus& row : ledger->Status(home.now())) {
    EXPECT_EQ(row.spent, row.row == "a.first" ? 4 : row.row == "c.hard" ? 5 : 1) << row.row;
  }
}

TEST(LedgerRows, WhatASoftRowSpentSurvivesACrash) {
  LedgerHome home;
  const auto bundle = OneRow([](config::Constraint* row) { row->relaxation = 1; });
  auto ledger = home.Start(bundle);
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(home.SpendOne(ledger.get(), 0));
  ledger.reset();
  ledger = home.Start(bundle);
  EXPECT_EQ(ledger->Status(home.now())[0].spent, 4);
}

// The user who was shown `a` is not shown `b`, and may be shown `a` again.
TEST(LedgerRows, WhatWasShownExcludesTheOther) {
  BundleBuilder builder;
  builder.Campaign("c").Cap("x:a", Window::kRolling, config::kNoLimit);
  builder.row().span_us = 48 * kHourUs;
  builder.row().actions = {0};
  builder.Cap("x:b", Window::kRolling, config::kNoLimit);
  builder.row().span_us = 48 * kHourUs;
  builder.row().actions = {1};
  auto bundle = builder.Action("a", 0).Action("b", 0).Build();
  bundle->actions[0].excluded_by = {1};
  bundle->actions[1].excluded_by = {0};
  LedgerHome home;
  auto ledger = home.Start(bundle);
  EXPECT_TRUE(home.SpendOne(ledger.get(), 0, User(1)));
  EXPECT_TRUE(home.SpendOne(ledger.get(), 1, User(2)));
  for (int run = 0; run < 2; ++run) {
    EXPECT_FALSE(home.SpendOne(ledger.get(), 1, User(1)));
    EXPECT_TRUE(home.SpendOne(ledger.get(), 0, User(1)));
    EXPECT_FALSE(home.SpendOne(ledger.get(), 0, User(2)));
    ledger.reset();
    ledger = home.Start(bundle);
  }
  const auto hold = ledger->Acquire({0, 1}, 1, User(1), home.now(), domain::Wait::kMayWait);
  FULCRUM_ASSERT_OK(hold);
  EXPECT_THAT(hold->reasons(), ElementsAre(MaskReason::kNone, MaskReason::kExcluded));
  const auto stranger =
      ledger->Acquire({0, 1}, 1, std::nullopt, home.now(), domain::Wait::kMayWait);
  FULCRUM_ASSERT_OK(stranger);
  EXPECT_THAT(stranger->reasons(), ElementsAre(MaskReason::kNoUserRef, MaskReason::kNoUserRef));
  home.clock().Advance(absl::Hours(50));
  EXPECT_TRUE(home.SpendOne(ledger.get(), 1, User(1)));
}

// Two rows are full, and one of them stands in the way of more candidates.
TEST(LedgerRows, TheRowThatStarvesIsNamed) {
  BundleBuilder builder;
  builder.Campaign("c").Row("c.both", Resource::kExposures, Window::kTotal, 0);
  builder.row().actions = {1, 2};
  builder.Row("c.one", Resource::kExposures, Window::kTotal, 0);
  builder.row().actions = {0};
  const auto bundle = builder.Action("a", 0).Action("b", 0).Action("c", 0).Action("d", 0).Build();
  LedgerHome home;
  const auto ledger = home.Start(bundle);
  const auto acquire = [&](const std::vector<int32_t>& actions) {
    const auto hold = ledger->Acquire(actions, 1, User(1), home.now(), domain::Wait::kMayWait);
    EXPECT_THAT(hold, ::fulcrum::testing::IsOk());
  };
  acquire({0, 1, 2});
  acquire({0, 1, 2});
  acquire({0});
  acquire({0, 1, 2, 3});  // something can be drawn
  const std::vector<Ledger::RowStatus> rows = ledger->Status(home.now());
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].starved, 2u);
  EXPECT_EQ(rows[1].starved, 1u);
}

}  // namespace
}  // namespace fulcrum::orchestrator::testing
