// Limits that are set while they are in use.
#include "tests/orchestrator/ledger_fixture.h"

namespace fulcrum::orchestrator::testing {
namespace {

using config::Window;

class SetLimitTest : public ::testing::Test {
 protected:
  void SetUp() override {
    bundle_ = BundleBuilder()
                  .Campaign("a")
                  .Cost("day", Window::kDay, 10)
                  .Cap("user", Window::kDay, 100)
                  .Action("one", 1)
                  .Build();
    ledger_ = home_.Start(bundle_);
  }
  int SpendUpTo(int times) {
    int spent = 0;
    for (int i = 0; i < times; ++i) spent += home_.SpendOne(ledger_.get(), 0) ? 1 : 0;
    return spent;
  }
  Ledger::RowStatus Day() { return ledger_->Status(home_.now()).at(0); }

  LedgerHome home_;
  std::shared_ptr<const config::Bundle> bundle_;
  std::unique_ptr<Ledger> ledger_;
};

TEST_F(SetLimitTest, RaisedThereIsRoomAtOnce) {
  EXPECT_EQ(SpendUpTo(20), 10);
  FULCRUM_EXPECT_OK(ledger_->SetLimit("day", 13));
  EXPECT_EQ(SpendUpTo(20), 3);
  EXPECT_EQ(Day().limit, 13);
  ExpectConserved(*ledger_, home_.now());
}

TEST_F(SetLimitTest, CutBelowWhatIsSpentNothingMoreIsGranted) {
  EXPECT_EQ(SpendUpTo(6), 6);
  FULCRUM_EXPECT_OK(ledger_->SetLimit("day", 4));
  EXPECT_EQ(SpendUpTo(3), 0);
  EXPECT_EQ(Day().spent, 6);
  EXPECT_EQ(Day().held, 0);
  FULCRUM_EXPECT_OK(ledger_->SetLimit("day", 7));
  EXPECT_EQ(SpendUpTo(3), 1) << "although more had been leased before the cut";
}

TEST_F(SetLimitTest, WhatIsHeldStaysHeldAndSaysItsOwnLimit) {
  auto hold = ledger_->Acquire({0}, 1, User(1), home_.now(), domain::Wait::kMayWait);
  FULCRUM_ASSERT_OK(hold);
  FULCRUM_EXPECT_OK(ledger_->SetLimit("day", 0));
  const size_t drawn[] = {0};
  const DecisionRecord record = RecordOf(hold->Keep(drawn), User(1), home_.now());
  hold->Detach();
  home_.Log(ledger_.get(), record);
  EXPECT_EQ(record.positions[0].debits[0].limit, 10);
  EXPECT_EQ(Day().spent, 1);
  EXPECT_EQ(SpendUpTo(1), 0);
}

TEST_F(SetLimitTest, CapsPerUserToo) {
  EXPECT_EQ(SpendUpTo(2), 2);
  FULCRUM_EXPECT_OK(ledger_->SetLimit("user", 3));
  EXPECT_EQ(SpendUpTo(5), 1);
}

TEST_F(SetLimitTest, ANewWindowHasTheLimitToo) {
  EXPECT_EQ(SpendUpTo(6), 6);
  FULCRUM_EXPECT_OK(ledger_->SetLimit("day", 4));
  home_.clock().Advance(absl::Hours(24));
  EXPECT_EQ(SpendUpTo(9), 4);
}

TEST_F(SetLimitTest, RowsThatAreNoneAreRefused) {
  EXPECT_EQ(ledger_->SetLimit("dya", 1).code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace fulcrum::orchestrator::testing
