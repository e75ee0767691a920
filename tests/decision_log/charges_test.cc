#include "decision_log/charges.h"

#include "tests/decision_log/charges_fixture.h"
#include "tests/support/status_matchers.h"

namespace fulcrum::decision_log {
namespace {

using ::fulcrum::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// What one decision of 10 has spent once its attribution window of 60 s has closed.
int64_t SpentAfter(const DebitTerms& terms, const std::vector<LogEvent>& reports,
                   size_t slate = 1) {
  ChargesRun run;
  run.Apply(ChargedDecision(0, 0, terms, slate));
  run.ApplyAll(reports);
  run.Tell(60);
  EXPECT_EQ(run.problems(), "");
  return run.Spent();
}

TEST(Charges, WhatIsNotChargedIsHeldUntilTheWindowClosesAndThenGivenBack) {
  ChargesRun run;
  run.Apply(ChargedDecision(0, 0, OnClick()));
  EXPECT_THAT(run.Tell(59), IsEmpty());
  EXPECT_EQ(run.Spent(), 10);
  const auto told = run.Tell(60);
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_EQ(told[0].decision_id, JoinId(0));
  EXPECT_EQ(told[0].decision_lsn, 1u);
  EXPECT_EQ(told[0].position, 1u);
  EXPECT_EQ(told[0].cause, SettlementCause::kWindowClosed);
  EXPECT_EQ(told[0].cause_lsn, 0u);
  EXPECT_EQ(told[0].user_ref, ChargedDecision(0, 0, {}).user_ref);
  EXPECT_EQ(told[0].refunds[0].terms, DebitTerms()) << "a refund has no terms";
  EXPECT_EQ(run.Spent(), 0);
  EXPECT_THAT(run.Tell(1000), IsEmpty()) << "once";
}

TEST(Charges, WhatIsDrawnUnderNoTermsIsNobodysBusinessHere) {
  ChargesRun run;
  run.Apply(JoinDecision(0, 0));
  run.Apply(ChargedDecision(1, 0, {.kept_unshown = true}));
  EXPECT_EQ(run.charges().open(), 0u);
  EXPECT_THAT(run.Tell(1'000'000), IsEmpty());
}

TEST(Charges, WhatStandsAfterTheWindowIsWhatTheOutcomesCost) {
  const DebitTerms cost = OnClick(), count = OnClick(/*in_cost=*/false);
  struct {
    const char* name;
    DebitTerms terms;
    std::vector<LogEvent> reports;
    int64_t stands;
  } const kCases[] = {
      {"a click without a cost", cost, {Click(0, "a", 1)}, 10},
      {"a click at its cost", cost, {Click(0, "a", 1, 3)}, 3},
      {"a click that cost nothing", cost, {Click(0, "a", 1, 0)}, 0},
      {"two clicks", cost, {Click(0, "a", 1, 3), Click(0, "b", 2, 4)}, 7},
      {"two clicks beyond what was taken", cost, {Click(0, "a", 1, 8), Click(0, "b", 2, 4)}, 10},
      {"one dearer than what was taken", cost, {Click(0, "a", 1, 11)}, 10},
      {"costs that would overflow", cost, {Click(0, "a", 1, INT64_MAX), Click(0, "b", 1, 5)}, 10},
      {"the same twice", cost, {Click(0, "a", 1, 3), Click(0, "a", 1, 3)}, 3},
      {"a correction", cost, {Click(0, "a", 1, 3), Click(0, "a", 2, 5)}, 5},
      {"a correction that came first", cost, {Click(0, "a", 2, 5), Click(0, "a", 1, 3)}, 5},
      {"at one instant the lower", cost, {Click(0, "a", 1, 5), Click(0, "a", 1, 3)}, 3},
      {"at one instant a cost before none", cost, {Click(0, "a", 1), Click(0, "a", 1, 3)}, 3},
      {"corrected beyond the window", cost, {Click(0, "a", 1, 5), Click(0, "a", 99, 2)}, 2},
      {"in the last instant", cost, {Click(0, "a", 60, 3)}, 3},
      {"too late", cost, {Click(0, "a", 61, 3)}, 0},
      {"another kind", cost, {ChargeOutcome(0, "view", "a", 1, 3)}, 0},
      {"of the whole slate of one", cost, {Click(0, "a", 1, 3, 0)}, 3},
      {"of it, under the same id", cost, {Click(0, "a", 1, 3, 0), Click(0, "a", 1, 3)}, 3},
      {"of a position that is not there", cost, {Click(0, "a", 1, 3, 2)}, 0},
      {"of another decision", cost, {Click(7, "a", 1, 3)}, 0},
      {"a row that counts no cost", count, {Click(0, "a", 1, 3)}, 10},
      {"a row that counts no cost, free", count, {Click(0, "a", 1, 0)}, 10},
      {"a row that counts no cost, twice", count, {Click(0, "a", 1), Click(0, "b", 1)}, 10},
  };
  for (const auto& one : kCases) {
    EXPECT_EQ(SpentAfter(one.terms, one.reports), one.stands) << one.name;
  }
}

TEST(Charges, AnOutcomeOfTheWholeSlateIsOneOfEachPosition) {
  EXPECT_EQ(SpentAfter(OnClick(), {Click(0, "a", 1, 3, 0)}, 2), 6);
  EXPECT_EQ(SpentAfter(OnClick(), {Click(0, "a", 1, 3, 0), Click(0, "a", 1, 2, 2)}, 2), 8);
  EXPECT_EQ(SpentAfter(UntilReturned(), {ChargeOutcome(0, "return", "r", 1, {}, 0)}, 2), 0);
  EXPECT_EQ(SpentAfter(UntilReturned(), {ChargeOutcome(0, "return", "r", 1, {}, 2)}, 2), 10);
}

TEST(Charges, AfterItWasGivenBackNothingIsTakenAgain) {
  ChargesRun run;
  run.Apply(ChargedDecision(0, 0, OnClick()));
  run.Apply(Click(0, "a", 1, 3));
  run.Tell(60);
  EXPECT_EQ(run.Spent(), 3);
  run.Apply(Click(0, "b", 2, 4));  // in time, but reported too late
  EXPECT_EQ(run.charges().stats().outcomes_late, 1u);
  run.Apply(Click(0, "a", 3, 9));  // dearer, too late
  EXPECT_THAT(run.Tell(61), IsEmpty());
  EXPECT_EQ(run.Spent(), 3);
  run.Apply(Click(0, "a", 4, 1));
  const auto told = run.Tell(62);
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_EQ(run.Spent(), 1);
  EXPECT_EQ(run.problems(), "");
}

TEST(Charges, UntilItWasGivenBackAnOutcomeMayBeReportedLate) {
  ChargesRun run;
  run.Apply(ChargedDecision(0, 0, OnClick()));
  run.Apply(JoinDecision(1, 90));  // the window has closed, but the log was not told
  run.Apply(Click(0, "a", 60, 4));
  run.Tell(91);
  EXPECT_EQ(run.Spent(), 4);
}

TEST(Charges, ACorrectionAfterTheWindowSaysSo) {
  ChargesRun run;
  run.ApplyAll({ChargedDecision(0, 0, OnClick()), Click(0, "a", 1)});
  EXPECT_THAT(run.Tell(60), IsEmpty());
  run.ApplyAll({JoinDecision(1, 61), Click(0, "a", 62, 4)});
  const auto told = run.Tell(62);
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_EQ(told[0].cause, SettlementCause::kCorrected);
  EXPECT_EQ(told[0].cause_lsn, 4u);
  EXPECT_EQ(run.Spent(), 4);
}

TEST(Charges, AReturnGivesBackWhatWasDrawnAtOnce) {
  ChargesRun run;
  run.ApplyAll({ChargedDecision(0, 0, UntilReturned()), ChargeOutcome(0, "return", "r", 10)});
  const auto told = run.Tell(10);
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_EQ(told[0].cause, SettlementCause::kReturned);
  EXPECT_EQ(told[0].cause_lsn, 2u);
  EXPECT_EQ(run.Spent(), 0);
  run.Apply(ChargeOutcome(0, "cancellation", "c", 11));
  EXPECT_THAT(run.Tell(11), IsEmpty());
  EXPECT_EQ(run.charges().stats().returns, 1u);
  EXPECT_EQ(run.charges().stats().returns_repeated, 1u);
}

TEST(Charges, AReturnCountsWithinItsWindow) {
  for (const auto& [second, spent] : {std::pair(600, 0), std::pair(601, 10)}) {
    ChargesRun run;
    run.ApplyAll({ChargedDecision(0, 0, UntilReturned()), JoinDecision(1, 599),
                  ChargeOutcome(0, "return", "r", second)});
    run.Tell(700);
    EXPECT_EQ(run.Spent(), spent) << second;
    EXPECT_EQ(run.charges().stats().returns_late, spent == 0 ? 0u : 1u);
  }
}

TEST(Charges, AReturnVoidsThePurchasesBeforeItWhateverTheOrderOfReports) {
  const LogEvent purchase = ChargeOutcome(0, "purchase", "p", 10);
  const LogEvent back = ChargeOutcome(0, "return", "r", 20);
  const LogEvent again = ChargeOutcome(0, "purchase", "q", 30);
  const DebitTerms terms = OnPurchaseUntilReturned();
  EXPECT_EQ(SpentAfter(terms, {purchase, back}), 0);
  EXPECT_EQ(SpentAfter(terms, {back, purchase}), 0);
  EXPECT_EQ(SpentAfter(terms, {purchase, back, again}), 10);
  EXPECT_EQ(SpentAfter(terms, {again, back, purchase}), 10);
}

TEST(Charges, AReturnAfterTheWindowGivesBackWhatStands) {
  ChargesRun run;
  run.ApplyAll(
      {ChargedDecision(0, 0, OnPurchaseUntilReturned()), ChargeOutcome(0, "purchase", "p", 10)});
  EXPECT_THAT(run.Tell(60), IsEmpty());
  run.ApplyAll({JoinDecision(1, 500), ChargeOutcome(0, "return", "r", 500)});
  const auto told = run.Tell(500);
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_EQ(told[0].cause, SettlementCause::kReturned);
  EXPECT_EQ(run.Spent(), 0);
}

TEST(Charges, WhatIsNotShownComesBackUnlessItWasClickedOrIsKept) {
  const UnshownRecord unshown{JoinId(0), 1, {1}, {}, {}, kStartUs};
  DebitTerms kept = OnClick();
  kept.kept_unshown = true;
  struct {
    const char* name;
    DebitTerms terms;
    std::vector<LogEvent> reports;
    int64_t at_30, at_60;
  } const kCases[] = {
      {"not shown", OnClick(), {unshown}, 0, 0},
      {"not shown, then clicked", OnClick(), {unshown, Click(0, "a", 1)}, 0, 0},
      {"clicked, then not shown", OnClick(), {Click(0, "a", 1, 4), unshown}, 10, 4},
      {"shown", OnClick(), {JoinExposure(0), unshown}, 10, 0},
      {"kept", kept, {unshown}, 10, 0},
      {"kept and clicked", kept, {unshown, Click(0, "a", 1, 4)}, 10, 4},
      {"what is returned", UntilReturned(), {unshown}, 0, 0},
      {"what is returned and shown", UntilReturned(), {JoinExposure(0), unshown}, 10, 10},
  };
  for (const auto& one : kCases) {
    ChargesRun run;
    run.Apply(ChargedDecision(0, 0, one.terms, 1, /*exposure_required=*/true));
    run.ApplyAll(one.reports);
    run.Tell(30);
    EXPECT_EQ(run.Spent(), one.at_30) << one.name;
    run.Tell(60);
    EXPECT_EQ(run.Spent(), one.at_60) << one.name;
    EXPECT_EQ(run.problems(), "") << one.name;
  }
}

TEST(Charges, ASupersededDecisionOwesNothing) {
  ChargesRun run;
  const DecisionRecord decision = ChargedDecision(0, 0, OnClick());
  run.Apply(decision);
  run.Apply(SupersededRecord{JoinId(0), 1, "none", decision.positions[0].debits, {}, kStartUs});
  EXPECT_THAT(run.Tell(60), IsEmpty());
  EXPECT_EQ(run.Spent(), 0);
}

TEST(Charges, EachRowIsSettledByItsOwnTerms) {
  DecisionRecord decision = ChargedDecision(0, 0, OnClick());
  std::vector<Debit>& debits = decision.positions[0].debits;
  debits.push_back({.row = "stock", .amount = 1, .limit = 3, .terms = OnPurchaseUntilReturned()});
  debits.push_back({.row = "shown", .amount = 1, .limit = 3});
  ChargesRun run;
  run.ApplyAll({decision, Click(0, "a", 1, 2), ChargeOutcome(0, "purchase", "p", 5, 999)});
  run.Tell(60);
  EXPECT_EQ(run.Spent("row"), 2);
  EXPECT_EQ(run.Spent("stock"), 1);
  EXPECT_EQ(run.Spent("shown"), 1);
}

TEST(Charges, CostsAboveWhatWasTakenAreCounted) {
  ChargesRun run;
  run.ApplyAll({ChargedDecision(0, 0, OnClick()), Click(0, "a", 1, 10), Click(0, "b", 1, 11)});
  EXPECT_EQ(run.charges().stats().costs_above, 1u);
  ChargesRun counts;
  counts.ApplyAll({ChargedDecision(0, 0, OnClick(/*in_cost=*/false)), Click(0, "b", 1, 11)});
  EXPECT_EQ(counts.charges().stats().costs_above, 0u);
}

TEST(Charges, WhatIsGivenOutIsNotGivenOutAgainUnlessItIsPutBack) {
  ChargesRun run;
  run.Apply(ChargedDecision(0, 0, OnClick()));
  const int64_t now_us = kStartUs + 60 * kSecondUs;
  ASSERT_THAT(run.charges().TakeDue(now_us), SizeIs(1));
  run.Apply(Click(0, "late", 1, 3));  // queues nothing while the record is on its way
  EXPECT_THAT(run.charges().TakeDue(now_us), IsEmpty());
  run.charges().PutBack(JoinId(0));
  const auto again = run.charges().TakeDue(now_us);
  ASSERT_THAT(again, SizeIs(1));
  EXPECT_EQ(again[0].refunds[0].amount, 7);
}

TEST(Charges, WhatWaitsForAnOutcomeOnItsWayIsGivenOutLater) {
  ChargesRun run;
  run.ApplyAll({ChargedDecision(0, 0, OnClick()), ChargedDecision(1, 0, OnClick())});
  const int64_t now_us = kStartUs + 60 * kSecondUs;
  const auto first =
      run.charges().TakeDue(now_us, 10, [](const DecisionId& id) { return id == JoinId(0); });
  ASSERT_THAT(first, SizeIs(1));
  EXPECT_EQ(first[0].decision_id, JoinId(1));
  EXPECT_LE(run.charges().NextDue(), now_us);
  EXPECT_THAT(run.charges().TakeDue(now_us), SizeIs(1));
}

TEST(Charges, ARestartTellsWhatWasNotToldAndNothingTwice) {
  ChargesRun run;
  run.ApplyAll({ChargedDecision(0, 0, OnClick()), ChargedDecision(1, 0, OnClick())});
  ASSERT_THAT(
      run.charges().TakeDue(kStartUs + 60 * kSecondUs, 1, [](const DecisionId&) { return false; }),
      SizeIs(1));  // lost with the process
  FULCRUM_ASSERT_OK(run.Restart());
  EXPECT_THAT(run.Tell(60), SizeIs(2));
  FULCRUM_ASSERT_OK(run.Restart());
  EXPECT_THAT(run.Tell(61), IsEmpty());
  EXPECT_EQ(run.Spent(), 0);
}

TEST(Charges, WhatIsOverIsForgotten) {
  ChargesRun run;
  run.Apply(ChargedDecision(0, 0, OnClick()));
  run.Apply(JoinDecision(1, 120));
  EXPECT_EQ(run.charges().open(), 1u) << "until the log was told";
  run.Tell(120);
  EXPECT_EQ(run.charges().open(), 0u);
  run.ApplyAll(
      {ChargedDecision(2, 120, OnPurchaseUntilReturned()), ChargeOutcome(2, "purchase", "p", 121)});
  run.Tell(200);
  run.Apply(JoinDecision(3, 719));
  EXPECT_EQ(run.charges().open(), 1u) << "it can be returned";
  run.Apply(JoinDecision(4, 720));
  EXPECT_EQ(run.charges().open(), 0u);
  run.Apply(ChargeOutcome(2, "return", "r", 719));
  EXPECT_THAT(run.Tell(800), IsEmpty());
  EXPECT_EQ(run.Spent(), 10) << "too late: it stands";
}

TEST(Charges, WhatWaitsForAnExposureIsKeptForTheUnshownRecord) {
  ChargesRun run;
  run.Apply(ChargedDecision(0, 0, UntilReturned(), 1, /*exposure_required=*/true));
  run.Apply(JoinDecision(1, 100'000));
  EXPECT_EQ(run.charges().open(), 1u);
  run.Apply(UnshownRecord{JoinId(0), 1, {1}, {}, {}, kStartUs});
  EXPECT_THAT(run.Tell(100'000), SizeIs(1));
  EXPECT_EQ(run.charges().open(), 0u);
  EXPECT_EQ(run.Spent(), 0);
}

TEST(Charges, WhatIsGivenBackWrongly) {
  ChargesRun run;
  run.ApplyAll({ChargedDecision(0, 0, OnClick()), Click(0, "a", 1, 4)});
  SettlementRecord right;
  right.decision_id = JoinId(0);
  right.decision_lsn = 1;
  right.user_ref = ChargedDecision(0, 0, {}).user_ref;
  right.occurred_us = kStartUs + 60 * kSecondUs;
  right.refunds = {{.row = "row", .amount = 6}};
  const auto problem = [&](auto change) {
    SettlementRecord record = right;
    change(record);
    return run.charges().ProblemOf(record);
  };
  EXPECT_EQ(problem([](auto&) {}), "");
  EXPECT_THAT(problem([](auto& one) { one.refunds[0].amount = 7; }), HasSubstr("of which 6"));
  EXPECT_THAT(problem([](auto& one) { one.occurred_us -= 1; }), HasSubstr("of which 0"));
  EXPECT_THAT(problem([](auto& one) { one.refunds.push_back(one.refunds[0]); }),
              HasSubstr("12 is given back of 10"));
  EXPECT_THAT(problem([](auto& one) { one.refunds[0].row = "other"; }), HasSubstr("'other'"));
  EXPECT_THAT(problem([](auto& one) { one.refunds[0].window_start_us = 1; }), HasSubstr("'row'"));
  EXPECT_THAT(problem([](auto& one) { one.position = 2; }), HasSubstr("position 2"));
  EXPECT_THAT(problem([](auto& one) { one.decision_lsn = 2; }), HasSubstr("LSN 2"));
  EXPECT_THAT(problem([](auto& one) { one.decision_id = JoinId(1); }), HasSubstr("no decision"));
  EXPECT_THAT(problem([](auto& one) { one.user_ref[3] = 9; }), HasSubstr("the decision's user"));
}

TEST(Charges, DamagedBytesAreRefused) {
  ChargesRun run;
  run.ApplyAll({ChargedDecision(0, 0, OnClick(), 2), Click(0, "a", 1, 4), Click(0, "b", 1, 4, 0)});
  const std::string bytes = run.charges().Serialise();
  EXPECT_THAT(Charges::Parse(""), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("charges")));
  EXPECT_THAT(Charges::Parse(bytes.substr(0, bytes.size() - 1)),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("charges")));
  EXPECT_THAT(Charges::Parse(bytes + "x"),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("charges")));
  auto parsed = Charges::Parse(bytes);
  FULCRUM_ASSERT_OK(parsed.status());
  EXPECT_EQ(parsed->Serialise(), bytes);
}

}  // namespace
}  // namespace fulcrum::decision_log
