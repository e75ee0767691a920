// What a counterfactual replay gives back of what the other policy would have taken under terms.
#include "replay/simulated_ledger.h"

#include "tests/orchestrator/ledger_fixture.h"

namespace fulcrum::replay {
namespace {

using config::Window;
using orchestrator::testing::BundleBuilder;

constexpr int64_t kStartUs = int64_t{1574553600} * 1'000'000;

// Actions `a`, which takes 10 of "clicks", and `b`, which takes 4.
std::shared_ptr<config::Bundle> BundleWith(const DebitTerms& terms) {
  BundleBuilder builder;
  builder.Campaign("c").Cost("clicks", Window::kTotal, 100);
  builder.row().terms = terms;
  auto bundle = builder.Action("a", 10).Action("b", 4).Build();
  bundle->action_index = {{"a", 0}, {"b", 1}};
  config::Surface page;
  page.id = "page";
  page.exposure_required = true;
  bundle->surfaces = {page};
  bundle->surface_index = {{"page", 0}};
  return bundle;
}

const DebitTerms kOnClick = {.charged_on = "click", .in_cost = true};

// `a` was drawn under the logged terms, `drawn` under those of the other bundle.
class SimulatedLedgerTest : public ::testing::Test {
 protected:
  void Draw(const std::string& drawn, const DebitTerms& logged, const DebitTerms& other) {
    bundle_ = BundleWith(other);
    ledger_ = std::make_unique<SimulatedLedger>(bundle_.get(), std::vector<OpeningSpend>());
    record_.id = DecisionId(0x016ea00000007000, 1);
    record_.surface = "page";
    record_.occurred_us = kStartUs;
    record_.exposure_required = true;
    record_.exposure_window_us = record_.attribution_window_us = 60'000'000;
    record_.positions.resize(1);
    record_.positions[0].action_id = "a";
    record_.positions[0].debits = {
        {.row = "clicks", .window_start_us = INT64_MIN, .amount = 10, .limit = 100}};
    record_.positions[0].debits[0].terms = logged;
    Outcome outcome;
    outcome.id = record_.id;
    outcome.slate = {{drawn, {}}};
    ledger_->Spend(record_, outcome, bundle_.get(), &rows_);
  }
  void Settle(int64_t amount) {
    SettlementRecord settlement;
    settlement.decision_id = record_.id;
    settlement.decision_lsn = 1;
    settlement.refunds = record_.positions[0].debits;
    settlement.refunds[0].amount = amount;
    settlement.refunds[0].terms = DebitTerms();
    ledger_->Apply(settlement, &rows_);
  }
  void Miss(bool returns) {
    UnshownRecord unshown{record_.id, 1, {1}, {}, {}, kStartUs};
    if (returns) unshown.refunds = record_.positions[0].debits;
    ledger_->Apply(unshown, &rows_);
  }
  void ExpectSpent(int64_t logged, int64_t drawn) {
    EXPECT_EQ(rows_["clicks"].logged, logged);
    EXPECT_EQ(rows_["clicks"].drawn, drawn);
    EXPECT_DOUBLE_EQ(rows_["clicks"].expected, static_cast<double>(drawn));
  }

  std::shared_ptr<config::Bundle> bundle_;
  std::unique_ptr<SimulatedLedger> ledger_;
  DecisionRecord record_;
  std::map<std::string, RowShift> rows_;
};

TEST_F(SimulatedLedgerTest, TheSameActionGivesBackTheSame) {
  Draw("a", kOnClick, kOnClick);
  ExpectSpent(10, 10);
  Settle(3);
  ExpectSpent(7, 7);
  Settle(7);
  ExpectSpent(0, 0);
}

TEST_F(SimulatedLedgerTest, AnotherActionGivesBackTheSameShare) {
  Draw("b", kOnClick, kOnClick);
  ExpectSpent(10, 4);
  Settle(5);
  ExpectSpent(5, 2);
  Settle(5);
  ExpectSpent(0, 0);
}

TEST_F(SimulatedLedgerTest, WhereTheOtherRowHasNoTermsWhatIsDrawnIsSpent) {
  Draw("b", kOnClick, {});
  Settle(10);
  ExpectSpent(0, 4);
}

TEST_F(SimulatedLedgerTest, WhereTheLogKnowsNothingAllIsHeld) {
  Draw("b", {}, kOnClick);
  ExpectSpent(10, 4);
  Miss(/*returns=*/true);
  ExpectSpent(0, 0);
}

TEST_F(SimulatedLedgerTest, WhatWasNotShownIsSettledOnBothSides) {
  Draw("b", kOnClick, kOnClick);
  Miss(/*returns=*/false);
  ExpectSpent(10, 4);
  Settle(10);
  ExpectSpent(0, 0);
}

TEST_F(SimulatedLedgerTest, WhatIsKeptThoughNotShownStays) {
  Draw("b", {}, {.kept_unshown = true});
  Miss(/*returns=*/true);
  ExpectSpent(0, 4);
}

}  // namespace
}  // namespace fulcrum::replay
