#include "orchestrator/ledger_audit.h"

#include "base/random.h"
#include "gmock/gmock.h"
#include "tests/orchestrator/ledger_fixture.h"

namespace fulcrum::orchestrator::testing {
namespace {

using config::Window;

std::shared_ptr<config::Bundle> Shop() {
  BundleBuilder builder;
  builder.Campaign("c").Cost("c.day", Window::kDay, 2000).Cost("c.hour", Window::kHour, 300);
  builder.Cap("c.user", Window::kDay, 4).Cost("c.total", Window::kTotal, 100'000);
  builder.Row("c.rolling", config::Resource::kExposures, Window::kRolling, 30);
  builder.row().span_us = absl::ToInt64Microseconds(absl::Hours(5));
  builder.Action("a", 10).Action("b", 25);
  auto bundle = builder.Build();
  std::sort(bundle->constraints.begin(), bundle->constraints.end(),
            [](const auto& x, const auto& y) { return x.id < y.id; });
  for (config::Action& action : bundle->actions) action.uses.clear();
  config::IndexUses(bundle.get());
  return bundle;
}

class LedgerAuditTest : public ::testing::Test {
 protected:
  void SetUp() override {
    bundle_ = Shop();
    ledger_ = home_.Start(bundle_);
  }
  // Spends, and gives some of it back.
  void Play(int decisions) {
    for (int i = 0; i < decisions; ++i) {
      home_.clock().Advance(absl::Minutes(random_.NextBelow(40)));
      const UserRef user = User(static_cast<uint8_t>(random_.NextBelow(12)));
      const auto action = static_cast<int32_t>(random_.NextBelow(2));
      if (!home_.SpendOne(ledger_.get(), action, user) || random_.NextBelow(4) != 0) continue;
      const auto& decision = std::get<DecisionRecord>(home_.log().back());
      if (random_.NextBelow(2) == 0) {
        SupersededRecord superseded;
        superseded.user_ref = user;
        superseded.refunds = AllDebits(decision);
        home_.Log(ledger_.get(), superseded);
      } else {
        UnshownRecord unshown;
        unshown.user_ref = user;
        unshown.refunds = AllDebits(decision);
        home_.Log(ledger_.get(), unshown);
      }
    }
  }
  StoreImage Checkpoint() {
    FULCRUM_EXPECT_OK(ledger_->Checkpoint());
    auto image = ledger_->ReadCheckpoint();
    EXPECT_THAT(image, ::fulcrum::testing::IsOk());
    return image.ok() ? *image : StoreImage();
  }
  static AuditReport Sums(LedgerAudit& audit, const StoreImage& checkpoint) {
    AuditReport report;
    audit.CompareSums(checkpoint, &report);
    return report;
  }
  AuditReport Leases(const LedgerAudit& audit, const leases::Charges& charges) {
    AuditReport report;
    audit.CompareLeases(charges, absl::ToUnixMicros(home_.now()), &report);
    return report;
  }
  void Fold(Lsn from, LedgerAudit* audit) {
    for (Lsn lsn = from; lsn <= home_.log_last(); ++lsn) audit->OnLogged(lsn, home_.log()[lsn - 1]);
  }

  LedgerHome home_;
  std::shared_ptr<config::Bundle> bundle_;
  std::unique_ptr<Ledger> ledger_;
  base::RandomStream random_{7};
};

TEST_F(LedgerAuditTest, ALedgerAndItsLogAgreeRoundAfterRoundAndOverCrashes) {
  LedgerAudit going_on(bundle_);
  for (int round = 0; round < 12; ++round) {
    Play(60);
    const StoreImage image = Checkpoint();
    Fold(going_on.lsn() + 1, &going_on);
    const AuditReport report = Sums(going_on, image);
    EXPECT_TRUE(report.clean()) << round;
    EXPECT_EQ(report.lsn, home_.log_last());
    EXPECT_GT(report.exact, 5u);
    EXPECT_EQ(report.at_least, 0u);
    LedgerAudit anew(bundle_);
    Fold(1, &anew);
    EXPECT_TRUE(Sums(anew, image).clean()) << round;
    if (round % 3 == 2) {
      ledger_.reset();  // a crash: nothing is closed
      ledger_ = home_.Start(bundle_);
    }
  }
}

TEST_F(LedgerAuditTest, EveryPlantedDifferenceIsFound) {
  Play(200);
  const StoreImage image = Checkpoint();
  LedgerAudit audit(bundle_);
  Fold(1, &audit);
  int planted = 0;
  for (size_t i = 0; i < image.spends.size(); ++i) {
    if (image.spends[i].spent == 0) continue;
    for (const int64_t by : {-1, 1}) {
      StoreImage changed = image;
      changed.spends[i].spent += by;
      const AuditReport report = Sums(audit, changed);
      const bool kept =
          image.spends[i].window_start_us == std::numeric_limits<int64_t>::min() ||
          image.spends[i].window_start_us > absl::ToUnixMicros(home_.now() - absl::Hours(10));
      if (!kept) continue;  // may be forgotten
      ++planted;
      ASSERT_EQ(report.differing, 1u) << image.spends[i].row;
      EXPECT_EQ(report.difference, 1);
      EXPECT_EQ(report.differences.front().row, image.spends[i].row);
      EXPECT_EQ(report.differences.front().ledger - report.differences.front().log, by);
    }
  }
  EXPECT_GT(planted, 6);
  StoreImage without = image;
  ASSERT_FALSE(without.caps.empty());
  without.caps.pop_back();
  EXPECT_EQ(Sums(audit, without).differing, 1u);
  StoreImage beyond = image;
  CapEntry unknown = beyond.caps.back();
  unknown.user_ref = User(99);
  beyond.caps.push_back(unknown);
  const AuditReport report = Sums(audit, beyond);
  EXPECT_EQ(report.differing, 1u);
  EXPECT_EQ(report.differences.front().user_ref, User(99));
}

TEST_F(LedgerAuditTest, OfALogWithoutItsBeginningThePartIsHeldAgainst) {
  Play(150);
  const Lsn cut = home_.log_last();
  Play(150);
  StoreImage image = Checkpoint();
  LedgerAudit audit(bundle_);
  Fold(cut, &audit);
  const AuditReport report = Sums(audit, image);
  EXPECT_TRUE(report.clean());
  EXPECT_GT(report.at_least, 0u);
  EXPECT_GT(report.exact, 0u);
  for (SpendEntry& entry : image.spends) {
    if (entry.row == "c.total") entry.spent = 0;
  }
  EXPECT_EQ(Sums(audit, image).differing, 1u);
}

TEST_F(LedgerAuditTest, WhatTheLogHasLostIsNoDifference) {
  Play(100);
  const StoreImage image = Checkpoint();
  // The log loses its tail with the power, and says so.
  home_.log().resize(home_.log_last() - 20);
  LedgerAudit before(bundle_);
  Fold(1, &before);
  EXPECT_TRUE(Sums(before, image).clean());
  ledger_.reset();
  ledger_ = home_.Start(bundle_);
  AuditRecord told;
  told.action = "log.tail_lost";
  told.occurred_us = absl::ToUnixMicros(home_.now());
  home_.Log(ledger_.get(), told);
  home_.clock().Advance(absl::Hours(30));
  Play(100);
  LedgerAudit after(bundle_);
  Fold(1, &after);
  const AuditReport report = Sums(after, Checkpoint());
  EXPECT_TRUE(report.clean());
  EXPECT_GT(report.exact, 0u);
}

TEST_F(LedgerAuditTest, PartsOfTheUsersAreAllOfThem) {
  Play(200);
  const StoreImage image = Checkpoint();
  constexpr uint32_t kParts = 5;
  LedgerAudit whole(bundle_);
  Fold(1, &whole);
  const AuditReport all = Sums(whole, image);
  uint64_t sums = 0;
  uint64_t shared = 0;  // that are looked at in every part
  for (uint32_t part = 0; part < kParts; ++part) {
    LedgerAudit audit(bundle_, {part, kParts});
    Fold(1, &audit);
    const AuditReport report = Sums(audit, image);
    EXPECT_TRUE(report.clean());
    sums += report.exact;
    if (part == 0) {
      StoreImage none = image;
      none.caps.clear();
      LedgerAudit rows(bundle_, {kParts + 1, kParts});  // no user at all
      Fold(1, &rows);
      shared = Sums(rows, none).exact;
    }
  }
  EXPECT_EQ(sums - (kParts - 1) * shared, all.exact);
}

TEST_F(LedgerAuditTest, MergedUsersStayApartAndPurgedOnesAreGone) {
  Play(120);
  const auto change = [&](IdentityChange what, uint8_t user, uint8_t into) {
    IdentityRecord record;
    record.change = what;
    record.user_ref = User(user);
    if (what == IdentityChange::kMerged) record.into = User(into);
    record.occurred_us = absl::ToUnixMicros(home_.now());
    home_.Log(ledger_.get(), record);
  };
  change(IdentityChange::kMerged, 1, 2);
  change(IdentityChange::kMerged, 3, 2);
  Play(60);
  LedgerAudit audit(bundle_);
  Fold(1, &audit);
  EXPECT_TRUE(Sums(audit, Checkpoint()).clean());
  change(IdentityChange::kPurged, 2, 0);
  Play(60);
  Fold(audit.lsn() + 1, &audit);
  const AuditReport report = Sums(audit, Checkpoint());
  EXPECT_TRUE(report.clean()) << report.differences.size();
  EXPECT_GT(report.exact, 5u);
}

TEST_F(LedgerAuditTest, WhatIsSettledComesBackOnBothSides) {
  Play(40);
  for (int i = 0; i < 10; ++i) {
    if (!home_.SpendOne(ledger_.get(), 0, User(20))) continue;
    SettlementRecord settlement;
    settlement.user_ref = User(20);
    settlement.refunds = AllDebits(std::get<DecisionRecord>(home_.log().back()));
    home_.Log(ledger_.get(), settlement);
  }
  LedgerAudit audit(bundle_);
  Fold(1, &audit);
  EXPECT_TRUE(Sums(audit, Checkpoint()).clean());
}

TEST_F(LedgerAuditTest, SpendThatNoLeaseCoversIsFound) {
  Play(20);
  leases::Charges charges = home_.leases()->ChargesTo(kReplica);
  EXPECT_LE(charges.log_end, home_.log_last());
  LedgerAudit audit(bundle_);
  Fold(1, &audit);
  ASSERT_TRUE(Leases(audit, charges).clean());
  for (leases::Charge& charge : charges.charges) {
    if (charge.budget.row == "c.total") charge.amount = 5;
  }
  const AuditReport report = Leases(audit, charges);
  EXPECT_EQ(report.overspent, 1u);
  EXPECT_EQ(report.overspends.front().leased, 5);
  EXPECT_FALSE(report.clean());
  EXPECT_FALSE(Leases(audit, {}).clean()) << "no lease at all";
}

// Of refunds that the log has later the store has not heard; of spends it had granted the leases.
TEST_F(LedgerAuditTest, LeasesCoverTheLogFromWhereTheStoreHadHeardOfIt) {
  LedgerAudit audit(bundle_);
  for (int round = 0; round < 100; ++round) {
    Play(7);
    const leases::Charges charges = home_.leases()->ChargesTo(kReplica);
    ASSERT_LE(charges.log_end, home_.log_last());
    const Lsn first = std::max(audit.lsn(), charges.log_end);
    const Lsn end = first + random_.NextBelow(static_cast<uint32_t>(home_.log_last() - first) + 1);
    while (audit.lsn() < end) audit.OnLogged(audit.lsn() + 1, home_.log()[audit.lsn()]);
    ASSERT_TRUE(Leases(audit, charges).clean()) << round;
  }
}

}  // namespace
}  // namespace fulcrum::orchestrator::testing
