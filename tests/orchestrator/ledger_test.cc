#include "orchestrator/ledger.h"

#include <filesystem>

#include "tests/orchestrator/ledger_fixture.h"

namespace fulcrum::orchestrator::testing {
namespace {

using config::Window;
using domain::Wait;
using ::fulcrum::testing::IsOk;
using ::fulcrum::testing::StatusIs;
using ::testing::_;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr MaskReason kFree = MaskReason::kNone;
constexpr MaskReason kNoHold = MaskReason::kNoHold;

Hold AcquireOrDie(Ledger* ledger, const std::vector<int32_t>& actions, size_t draws, absl::Time now,
                  std::optional<UserRef> user_ref = User(1)) {
  absl::StatusOr<Hold> hold = ledger->Acquire(actions, draws, user_ref, now, Wait::kMayWait);
  EXPECT_THAT(hold, IsOk());
  return std::move(*hold);
}

// One row, actions of different cost: what is held is what `draws` of them can take.
struct HoldCase {
  const char* name;
  int64_t limit;
  std::vector<int64_t> costs;
  size_t draws;
  std::vector<MaskReason> reasons;
  int64_t held;
};

class Holds : public ::testing::TestWithParam<HoldCase> {};

TEST_P(Holds, TakeTheLargestDraws) {
  const HoldCase& c = GetParam();
  BundleBuilder builder;
  builder.Campaign("c").Cost("c.total", Window::kTotal, c.limit);
  std::vector<int32_t> actions;
  for (size_t i = 0; i < c.costs.size(); ++i) {
    builder.Action(absl::StrCat("a", i), c.costs[i]);
    actions.push_back(static_cast<int32_t>(i));
  }
  LedgerHome home;
  const std::unique_ptr<Ledger> ledger = home.Start(builder.Build());
  const Hold hold = AcquireOrDie(ledger.get(), actions, c.draws, home.now());
  EXPECT_EQ(hold.reasons(), c.reasons);
  EXPECT_EQ(ledger->Status(home.now())[0].held, c.held);
  ExpectConserved(*ledger, home.now());
}

INSTANTIATE_TEST_SUITE_P(
    Table, Holds,
    ::testing::Values(
        HoldCase{"NoCandidate", 10, {}, 0, {}, 0}, HoldCase{"OneFits", 10, {10}, 1, {kFree}, 10},
        HoldCase{"OneTooLarge", 9, {10}, 1, {kNoHold}, 0},
        HoldCase{"LargestOfThree", 10, {3, 7, 5}, 1, {kFree, kFree, kFree}, 7},
        HoldCase{"TwoLargestOfThree", 12, {3, 7, 5}, 2, {kFree, kFree, kFree}, 12},
        HoldCase{"TwoLargestDoNotFit", 11, {3, 7, 5}, 2, {kFree, kFree, kNoHold}, 10},
        // A later, cheaper one still fits: it is the first in order that gets the room.
        HoldCase{"CheaperAfterTooDear", 8, {5, 7, 3}, 2, {kFree, kNoHold, kFree}, 8},
        HoldCase{"SmallerCostsNothingMore", 7, {7, 7, 1}, 1, {kFree, kFree, kFree}, 7},
        HoldCase{"MoreDrawsThanCandidates", 12, {5, 7}, 9, {kFree, kFree}, 12},
        HoldCase{"FreeActionsHoldNothing", 0, {0, 0}, 2, {kFree, kFree}, 0},
        HoldCase{"FreeBesideTooDear", 0, {1, 0}, 1, {kNoHold, kFree}, 0}),
    [](const auto& named) { return std::string(named.param.name); });

// Two rows: a candidate takes all of its rows or none.
std::shared_ptr<config::Bundle> TwoRows(int64_t day, int64_t total, int64_t cap) {
  BundleBuilder builder;
  builder.Campaign("c")
      .Cost("c.day", Window::kDay, day)
      .Cost("c.total", Window::kTotal, total)
      .Cap("c.user", Window::kDay, cap)
      .Action("a", 4)
      .Action("b", 6);
  return builder.Build();
}

TEST(LedgerHolds, AllRowsOrNone) {
  LedgerHome home;
  const std::unique_ptr<Ledger> ledger = home.Start(TwoRows(100, 3, 9));
  const Hold hold = AcquireOrDie(ledger.get(), {0, 1}, 1, home.now());
  EXPECT_THAT(hold.reasons(), ElementsAre(kNoHold, kNoHold));
  for (const auto& row : ledger->Status(home.now())) EXPECT_EQ(row.held, 0) << row.row;
  EXPECT_EQ(ledger->UserStatus(User(1), home.now())[0].held, 0);
}

TEST(LedgerHolds, KeepReleasesTheRestAndNamesTheDebits) {
  LedgerHome home;
  const std::unique_ptr<Ledger> ledger = home.Start(TwoRows(100, 50, 9));
  {
    Hold hold = AcquireOrDie(ledger.get(), {0, 1}, 2, home.now());
    EXPECT_EQ(ledger->Status(home.now())[0].held, 10);
    EXPECT_EQ(ledger->UserStatus(User(1), home.now())[0].held, 2);
    const size_t drawn[] = {1};
    const auto debits = hold.Keep(drawn);
    const int64_t day = absl::ToUnixMicros(home.now());  // the clock starts at midnight UTC
    EXPECT_THAT(debits, ElementsAre(ElementsAre(
                            Debit{"c.day", day, 6, 100, false},
                            Debit{"c.total", std::numeric_limits<int64_t>::min(), 6, 50, false},
                            Debit{"c.user", day, 1, 9, true})));
    EXPECT_EQ(ledger->Status(home.now())[0].held, 6);
    EXPECT_EQ(ledger->UserStatus(User(1), home.now())[0].held, 1);
  }
  EXPECT_EQ(ledger->Status(home.now())[0].held, 0) << "a hold that was not detached goes back";
  EXPECT_EQ(ledger->UserStatus(User(1), home.now())[0].held, 0);
}

TEST(LedgerHolds, SameRowOfSeveralDrawnAddsUp) {
  LedgerHome home;
  const std::unique_ptr<Ledger> ledger = home.Start(TwoRows(100, 50, 9));
  Hold hold = AcquireOrDie(ledger.get(), {0, 1}, 2, home.now());
  const size_t drawn[] = {1, 0};
  DecisionRecord record = RecordOf(hold.Keep(drawn), User(1), home.now());
  hold.Detach();
  EXPECT_EQ(ledger->Status(home.now())[0].held, 10);
  home.Log(ledger.get(), record);
  const auto rows = ledger->Status(home.now());
  EXPECT_EQ(rows[0].held, 0);
  EXPECT_EQ(rows[0].spent, 10);
  EXPECT_EQ(rows[1].spent, 10);
  EXPECT_EQ(ledger->UserStatus(User(1), home.now())[0].spent, 2);
  EXPECT_EQ(ledger->unheld(), 0);
}

TEST(LedgerHolds, ReturnFreesWhatTheLogRefused) {
  LedgerHome home;
  const std::unique_ptr<Ledger> ledger = home.Start(TwoRows(6, 6, 1));
  Hold hold = AcquireOrDie(ledger.get(), {1}, 1, home.now());
  const size_t drawn[] = {0};
  const std::vector<Debit> debits = hold.Keep(drawn)[0];
  hold.Detach();
  EXPECT_THAT(AcquireOrDie(ledger.get(), {1}, 1, home.now()).reasons(), ElementsAre(kNoHold));
  ledger->Return(debits, User(1));
  EXPECT_EQ(ledger->Status(home.now())[0].held, 0);
  EXPECT_THAT(AcquireOrDie(ledger.get(), {1}, 1, home.now()).reasons(), ElementsAre(kFree));
}

TEST(LedgerHolds, CapNeedsAUser) {
  LedgerHome home;
  const std::unique_ptr<Ledger> ledger = home.Start(TwoRows(100, 100, 1));
  const Hold hold = AcquireOrDie(ledger.get(), {0}, 1, home.now(), std::nullopt);
  EXPECT_THAT(hold.reasons(), ElementsAre(MaskReason::kNoUserRef));
  EXPECT_EQ(ledger->Status(home.now())[0].held, 0);
}

TEST(LedgerHolds, CapsAreCountedPerUserAndDay) {
  LedgerHome home;
  const std::unique_ptr<Ledger> ledger = home.Start(TwoRows(1000, 1000, 2));
  EXPECT_TRUE(home.SpendOne(ledger.get(), 0, User(1)));
  EXPECT_TRUE(home.SpendOne(ledger.get(), 1, User(1)));
  EXPECT_FALSE(home.SpendOne(ledger.get(), 0, User(1)));
  EXPECT_TRUE(home.SpendOne(ledger.get(), 0, User(2)));
  home.clock().Advance(absl::Hours(24));
  EXPECT_TRUE(home.SpendOne(ledger.get(), 0, User(1)));
}

TEST(LedgerLeases, FirstUseOfAWindowNeedsADisk) {
  LedgerHome home;
  const std::unique_ptr<Ledger> ledger = home.Start(TwoRows(1000, 10000, 9));
  const absl::Time tomorrow = home.now() + absl::Hours(24);
  const std::vector<int32_t> actions = {0};
  FULCRUM_EXPECT_OK(ledger->Acquire(actions, 1, User(1), home.now(), Wait::kNoWait))
      << "today's lease was fetched by the recovery";
  EXPECT_THAT(ledger->Acquire(actions, 1, User(1), tomorrow, Wait::kNoWait),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("kMayWait")));
  EXPECT_EQ(ledger->Status(tomorrow)[0].leased, 0);
  EXPECT_EQ(ledger->Status(tomorrow)[1].held, 0) << "nothing changed";
  const Hold hold = AcquireOrDie(ledger.get(), actions, 1, tomorrow);
  EXPECT_THAT(hold.reasons(), ElementsAre(kFree));
  EXPECT_EQ(ledger->Status(tomorrow)[0].leased, 384) << "64 of the dearest action";
  FULCRUM_EXPECT_OK(ledger->Acquire(actions, 1, User(1), tomorrow, Wait::kNoWait));
}

TEST(LedgerLeases, CheckpointFetchesTheNextWindow) {
  LedgerHome home;
  const std::unique_ptr<Ledger> ledger = home.Start(TwoRows(1000, 10000, 9));
  home.clock().Advance(absl::Hours(24) - absl::Minutes(1));
  FULCRUM_ASSERT_OK(ledger->Checkpoint());
  const std::vector<int32_t> actions = {0};
  FULCRUM_EXPECT_OK(
      ledger->Acquire(actions, 1, User(1), home.now() + absl::Minutes(2), Wait::kNoWait));
}

TEST(LedgerLeases, WholeLimitCanBeSpentLeaseByLease) {
  LedgerHome home;
  BundleBuilder builder;
  builder.Campaign("c").Cost("c.total", Window::kTotal, 5003).Action("a", 5);
  const std::unique_ptr<Ledger> ledger = home.Start(builder.Build());
  int spent = 0;
  while (home.SpendOne(ledger.get(), 0)) {
    ++spent;
    ExpectConserved(*ledger, home.now());
  }
  EXPECT_EQ(spent, 1000);
  const auto row = ledger->Status(home.now())[0];
  EXPECT_EQ(row.spent, 5000);
  EXPECT_EQ(row.leased, 5003);
}

TEST(LedgerLeases, TheThreadFetchesAheadOfNeed) {
  LedgerHome home;
  home.options().lease_ahead = true;
  BundleBuilder builder;
  builder.Campaign("c").Cost("c.total", Window::kTotal, 1 << 20).Action("a", 1);
  const std::unique_ptr<Ledger> ledger = home.Start(builder.Build());
  const int64_t first = ledger->Status(home.now())[0].leased;
  EXPECT_EQ(first, 64);
  // Take four fifths of the first lease, then wait for the thread: no request has to.
  std::vector<Hold> holds;
  for (int64_t i = 0; i < first * 4 / 5; ++i) {
    absl::StatusOr<Hold> hold = ledger->Acquire({0}, 1, std::nullopt, home.now(), Wait::kNoWait);
    FULCRUM_ASSERT_OK(hold);
    holds.push_back(std::move(*hold));
  }
  while (ledger->Status(home.now())[0].leased == first) std::this_thread::yield();
  ExpectConserved(*ledger, home.now());
}

// What the log is told: each change before it can be spent from, and in sum what is leased.
TEST(LedgerLeases, EveryChangeIsToldBeforeItIsSpentFrom) {
  BundleBuilder builder;
  builder.Campaign("c").Cost("c.total", Window::kTotal, 10'000).Action("a", 10);
  LedgerHome home;
  std::vector<LeaseRecord> told;
  home.options().on_lease = [&](LeaseRecord record) { told.push_back(std::move(record)); };
  const auto sum = [&] {
    int64_t amounts = 0;
    for (const LeaseRecord& record : told) amounts += record.amount;
    return amounts;
  };
  std::unique_ptr<Ledger> ledger = home.Start(builder.Build());
  ASSERT_EQ(told.size(), 1u) << "that of the current window";
  EXPECT_EQ(told[0].row, "c.total");
  EXPECT_EQ(told[0].window_start_us, INT64_MIN);
  EXPECT_EQ(told[0].amount, 640);
  EXPECT_EQ(told[0].leased, 640);
  EXPECT_EQ(told[0].limit, 10'000);
  EXPECT_EQ(told[0].occurred_us, absl::ToUnixMicros(home.now()));
  for (int i = 1; i <= 500; ++i) {
    ASSERT_TRUE(home.SpendOne(ledger.get(), 0));
    ASSERT_GE(told.back().leased, 10 * i) << "spent before the log knew of the lease";
    ASSERT_EQ(told.back().leased, ledger->Status(home.now())[0].leased);
  }
  EXPECT_EQ(sum(), told.back().leased);
  EXPECT_LT(told.size(), 12u) << "leases are rare";

  // A crash: what was leased and not spent is given back, and leased anew.
  ledger.reset();
  const size_t before = told.size();
  const int64_t leased = told.back().leased;
  ledger = home.Start(builder.Build());
  ASSERT_EQ(told.size(), before + 2);
  EXPECT_EQ(told[before].amount, 5'000 - leased);
  EXPECT_EQ(told[before].leased, 5'000);
  EXPECT_GT(told[before + 1].amount, 0);
  EXPECT_EQ(sum(), ledger->Status(home.now())[0].leased);
}

TEST(LedgerWindows, LateRequestsForForgottenWindowsFailClosed) {
  LedgerHome home;
  std::unique_ptr<Ledger> ledger = home.Start(TwoRows(1000, 1000, 9));
  const absl::Time monday = home.now();
  EXPECT_TRUE(home.SpendOne(ledger.get(), 0));
  home.clock().Advance(absl::Hours(24 * 4));
  EXPECT_TRUE(home.SpendOne(ledger.get(), 0));
  EXPECT_THAT(AcquireOrDie(ledger.get(), {0}, 1, monday).reasons(), ElementsAre(kNoHold));
  EXPECT_EQ(ledger->Status(monday)[0].spent, 4) << "still in memory before a checkpoint";
  FULCRUM_ASSERT_OK(ledger->Checkpoint());
  EXPECT_EQ(ledger->Status(monday)[0].spent, 0);
  EXPECT_EQ(ledger->UserStatus(User(1), monday)[0].spent, 0);
  EXPECT_THAT(AcquireOrDie(ledger.get(), {0}, 1, monday).reasons(), ElementsAre(kNoHold));
  EXPECT_EQ(ledger->Status(monday)[1].spent, 8) << "`total` is never forgotten";
  // Nor does a restart open it again.
  ledger.reset();
  const std::unique_ptr<Ledger> again = home.Start(TwoRows(1000, 1000, 9));
  EXPECT_THAT(AcquireOrDie(again.get(), {0}, 1, monday).reasons(), ElementsAre(kNoHold));
}

TEST(LedgerFold, IgnoresWhatIsFolded) {
  LedgerHome home;
  const std::unique_ptr<Ledger> ledger = home.Start(TwoRows(1000, 1000, 9));
  EXPECT_TRUE(home.SpendOne(ledger.get(), 0));
  ledger->OnLogged(1, home.log()[0]);
  EXPECT_EQ(ledger->Status(home.now())[0].spent, 4);
  EXPECT_EQ(ledger->unheld(), 0);
}

TEST(LedgerFold, RefundsComeBack) {
  LedgerHome home;
  const std::unique_ptr<Ledger> ledger = home.Start(TwoRows(4, 1000, 1));
  EXPECT_TRUE(home.SpendOne(ledger.get(), 0));
  EXPECT_FALSE(home.SpendOne(ledger.get(), 0));
  SupersededRecord superseded;
  superseded.refunds = AllDebits(std::get<DecisionRecord>(home.log()[0]));
  superseded.user_ref = User(1);
  home.Log(ledger.get(), superseded);
  EXPECT_EQ(ledger->Status(home.now())[0].spent, 0);
  EXPECT_EQ(ledger->UserStatus(User(1), home.now())[0].spent, 0);
  EXPECT_TRUE(home.SpendOne(ledger.get(), 0));
  EXPECT_FALSE(home.SpendOne(ledger.get(), 0));
}

TEST(LedgerFold, DebitsWithoutAHoldAreCountedAsSpentAndTold) {
  LedgerHome home;
  const std::unique_ptr<Ledger> ledger = home.Start(TwoRows(1000, 1000, 9));
  home.Log(ledger.get(),
           RecordOf({{Debit{"c.day", absl::ToUnixMicros(home.now()), 4, 1000, false}}}, User(1),
                    home.now()));
  EXPECT_EQ(ledger->Status(home.now())[0].spent, 4);
  EXPECT_EQ(ledger->unheld(), 4);
}

TEST(LedgerClose, NothingCanBeAcquiredBeforeOrAfter) {
  LedgerHome home;
  const std::vector<int32_t> actions = {0};
  auto opened = home.Open(TwoRows(10, 10, 1));
  FULCRUM_ASSERT_OK(opened);
  EXPECT_THAT((*opened)->Acquire(actions, 1, User(1), home.now(), Wait::kMayWait),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("FinishRecovery")));
  FULCRUM_ASSERT_OK((*opened)->FinishRecovery(0));
  FULCRUM_ASSERT_OK((*opened)->Close());
  EXPECT_THAT((*opened)->Acquire(actions, 1, User(1), home.now(), Wait::kMayWait),
              StatusIs(absl::StatusCode::kFailedPrecondition, _));
}

// What happens to a lost lease, by how it was lost and what the log was made to survive.
struct RecoveryCase {
  const char* name;
  config::Durability durability;
  bool same_boot;
  bool clean;
  bool proven;
};

class Recovery : public ::testing::TestWithParam<RecoveryCase> {};

TEST_P(Recovery, LeasesComeBackOnlyIfTheLogProvesTheSpend) {
  const RecoveryCase& c = GetParam();
  LedgerHome home;
  home.options().durability = c.durability;
  const auto bundle = TwoRows(1000, 100000, 9);
  int64_t outstanding = 0;
  {
    const std::unique_ptr<Ledger> ledger = home.Start(bundle);
    EXPECT_TRUE(home.SpendOne(ledger.get(), 0));
    FULCRUM_ASSERT_OK(ledger->Checkpoint());
    EXPECT_TRUE(home.SpendOne(ledger.get(), 1));
    for (const auto& row : ledger->Status(home.now())) outstanding += row.leased - row.spent;
    if (c.clean) {
      FULCRUM_ASSERT_OK(ledger->Close());
    }
  }
  home.options().durability = config::Durability::kNone;  // the new process' is beside the point
  if (!c.same_boot) home.options().boot_id = "boot-2";
  RecoveryReport report;
  const std::unique_ptr<Ledger> ledger = home.Start(bundle, &report);
  EXPECT_EQ(report.proven, c.proven);
  EXPECT_EQ(report.clean, c.clean);
  EXPECT_EQ(report.same_boot, c.same_boot);
  EXPECT_EQ(report.returned_micros, c.proven ? outstanding : 0);
  EXPECT_EQ(report.written_off_micros, c.proven ? 0 : outstanding);
  const int64_t spent = SpentOf(*ledger, home.now());
  EXPECT_EQ(spent, 20 + report.written_off_micros);
  EXPECT_EQ(ledger->UserStatus(User(1), home.now())[0].spent, 2);
  ExpectConserved(*ledger, home.now());
}

INSTANTIATE_TEST_SUITE_P(
    Table, Recovery,
    ::testing::Values(
        RecoveryCase{"NoneProcess", config::Durability::kNone, true, false, false},
        RecoveryCase{"NoneMachine", config::Durability::kNone, false, false, false},
        RecoveryCase{"NoneClean", config::Durability::kNone, false, true, true},
        RecoveryCase{"ProcessProcess", config::Durability::kProcess, true, false, true},
        RecoveryCase{"ProcessMachine", config::Durability::kProcess, false, false, false},
        RecoveryCase{"ProcessClean", config::Durability::kProcess, false, true, true},
        RecoveryCase{"PowerProcess", config::Durability::kPower, true, false, true},
        RecoveryCase{"PowerMachine", config::Durability::kPower, false, false, true}),
    [](const auto& named) { return std::string(named.param.name); });

// A process dies, and the machine after it: what it had leased is written off. Returns how much.
int64_t LoseUnprovenLeases(LedgerHome* home, const std::shared_ptr<const config::Bundle>& bundle) {
  home->Start(bundle).reset();
  home->options().boot_id = "boot-2";
  RecoveryReport report;
  home->Start(bundle, &report).reset();
  EXPECT_GT(report.written_off_micros, 0);
  return report.written_off_micros;
}

TEST(LedgerRecovery, WriteOffStaysAcrossRestarts) {
  LedgerHome home;
  const auto bundle = TwoRows(1000, 100000, 9);
  const int64_t written_off = LoseUnprovenLeases(&home, bundle);
  RecoveryReport report;
  const std::unique_ptr<Ledger> ledger = home.Start(bundle, &report);  // same boot: proven
  EXPECT_EQ(report.written_off_micros, 0);
  const int64_t spent = SpentOf(*ledger, home.now());
  EXPECT_EQ(spent, written_off);
}

// The store's directory may be lost: the ledger has a note of it.
TEST(LedgerRecovery, WriteOffStaysWithoutTheLeaseStore) {
  LedgerHome home;
  const auto bundle = TwoRows(1000, 100000, 9);
  const int64_t written_off = LoseUnprovenLeases(&home, bundle);
  RecoveryReport report;
  std::filesystem::remove_all(home.lease_directory());
  const std::unique_ptr<Ledger> ledger = home.Start(bundle, &report);
  ASSERT_NE(ledger, nullptr);
  const int64_t spent = SpentOf(*ledger, home.now());
  EXPECT_EQ(spent, written_off);
  ExpectConserved(*ledger, home.now());
}

// Neither the log nor a lease store tells what was spent: only a person can say so.
TEST(LedgerRecovery, WithoutProofAndWithoutTheLeaseStoreTheStartIsRefused) {
  LedgerHome home;
  const auto bundle = TwoRows(1000, 100000, 9);
  EXPECT_TRUE(home.SpendOne(home.Start(bundle).get(), 0));
  home.options().boot_id = "boot-2";
  std::filesystem::remove_all(home.lease_directory());
  for (int start = 0; start < 2; ++start) {
    const auto ledger = home.Open(bundle);
    FULCRUM_ASSERT_OK(ledger);
    (*ledger)->OnLogged(1, home.log()[0]);
    EXPECT_THAT((*ledger)->FinishRecovery(1).status(),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr("--accept-unproven")));
  }
  home.options().accept_unproven = true;
  RecoveryReport report;
  const std::unique_ptr<Ledger> ledger = home.Start(bundle, &report);
  ASSERT_NE(ledger, nullptr);
  EXPECT_FALSE(report.proven);
  EXPECT_EQ(report.written_off_micros, 0);
  EXPECT_TRUE(home.SpendOne(ledger.get(), 0));
}

// Restored from a backup, the ledger knows less than the lease store, and nothing is taken for said
// before.
TEST(LedgerRecovery, AnOlderLedgerDirectoryStartsBesideNewerLeases) {
  LedgerHome home;
  const auto bundle = TwoRows(1000, 100000, 9);
  FULCRUM_ASSERT_OK(home.Start(bundle)->Close());
  const std::string older = home.root() + "/older";
  std::filesystem::copy(home.options().directory, older, std::filesystem::copy_options::recursive);
  {
    const std::unique_ptr<Ledger> ledger = home.Start(bundle);
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(home.SpendOne(ledger.get(), 0));
    FULCRUM_ASSERT_OK(ledger->Close());
  }
  std::filesystem::remove_all(home.options().directory);
  std::filesystem::rename(older, home.options().directory);
  auto ledger = home.Open(bundle);
  FULCRUM_ASSERT_OK(ledger);
  const auto report = (*ledger)->FinishRecovery(0, /*records_gone=*/true);
  FULCRUM_ASSERT_OK(report);
  const int64_t spent = SpentOf(**ledger, home.now());
  EXPECT_GE(spent, 2 * 3 * 4) << "what the log does not tell is written off";
  EXPECT_EQ(spent, report->written_off_micros);
}

TEST(LedgerRecovery, ALostLogTailKeepsTheCheckpointsSpend) {
  LedgerHome home;
  const auto bundle = TwoRows(1000, 100000, 9);
  {
    const std::unique_ptr<Ledger> ledger = home.Start(bundle);
    for (int i = 0; i < 5; ++i) EXPECT_TRUE(home.SpendOne(ledger.get(), 0));
    FULCRUM_ASSERT_OK(ledger->Checkpoint());
  }
  home.log().resize(2);
  home.options().boot_id = "boot-2";
  RecoveryReport report;
  {
    const std::unique_ptr<Ledger> ledger = home.Start(bundle, &report);
    EXPECT_TRUE(report.lost_tail);
    EXPECT_FALSE(report.proven);
    EXPECT_EQ(report.checkpoint_lsn, 5u);
    const auto day = ledger->Status(home.now())[0];
    EXPECT_EQ(day.spent - day.written_off, 20);
    EXPECT_EQ(ledger->UserStatus(User(1), home.now())[0].spent, 5);
    // New records take the numbers of the lost ones, and must count.
    EXPECT_TRUE(home.SpendOne(ledger.get(), 0));
    EXPECT_EQ(home.log_last(), 3u);
    const auto after = ledger->Status(home.now())[0];
    EXPECT_EQ(after.spent - after.written_off, 24);
  }
  const std::unique_ptr<Ledger> ledger = home.Start(bundle, &report);
  EXPECT_FALSE(report.lost_tail);
  EXPECT_EQ(report.checkpoint_lsn, 2u);
  const auto day = ledger->Status(home.now())[0];
  EXPECT_EQ(day.spent - day.written_off, 24);
  EXPECT_EQ(ledger->UserStatus(User(1), home.now())[0].spent, 6);
}

// A lease is synced when a checkpoint is not: it may be all that knows of the tail.
TEST(LedgerRecovery, ALeaseTellsOfALostLogTail) {
  LedgerHome home;
  home.options().durability = config::Durability::kPower;
  const auto bundle = TwoRows(1000, 100000, 1000);
  Lsn spent = 0;
  {
    const std::unique_ptr<Ledger> ledger = home.Start(bundle);
    const int64_t first = ledger->Status(home.now())[0].leased;
    while (ledger->Status(home.now())[0].leased == first) {
      ASSERT_TRUE(home.SpendOne(ledger.get(), 0));
      ++spent;
    }
  }
  ASSERT_GT(spent, 3u);
  home.log().resize(2);
  RecoveryReport report;
  {
    const std::unique_ptr<Ledger> ledger = home.Start(bundle, &report);
    EXPECT_EQ(report.checkpoint_lsn, 0u);
    EXPECT_EQ(report.lease_lsn, spent - 1);  // granted for the last one
    EXPECT_TRUE(report.lost_tail);
    EXPECT_FALSE(report.proven) << "durable records are gone, so the log proves nothing";
    const auto day = ledger->Status(home.now())[0];
    EXPECT_GE(day.spent, static_cast<int64_t>(spent) * 4);
  }
  home.Start(bundle, &report);
  EXPECT_FALSE(report.lost_tail) << "told once";
  EXPECT_EQ(report.lease_lsn, 2u);
}

// The log may be damaged: the start is refused, and the next one has to know of the crash before
// it.
TEST(LedgerRecovery, AStartThatIsRefusedLeavesNoMarkOfACleanEnd) {
  LedgerHome home;
  const auto bundle = TwoRows(1000, 100000, 9);
  EXPECT_TRUE(home.SpendOne(home.Start(bundle).get(), 0));  // and dies
  home.options().boot_id = "boot-2";
  {
    const auto refused = home.Open(bundle);
    ASSERT_THAT(refused, IsOk());
    FULCRUM_ASSERT_OK((*refused)->Close());
  }
  RecoveryReport report;
  home.Start(bundle, &report);
  EXPECT_FALSE(report.clean);
  EXPECT_GT(report.written_off_micros, 0);
}

TEST(LedgerRecovery, RecordsThatAreGoneAfterACleanCloseProveNothing) {
  LedgerHome home;
  const auto bundle = TwoRows(1000, 100000, 9);
  FULCRUM_ASSERT_OK(home.Start(bundle)->Close());
  auto ledger = home.Open(bundle);
  ASSERT_THAT(ledger, IsOk());
  const auto report = (*ledger)->FinishRecovery(0, /*records_gone=*/true);
  ASSERT_THAT(report, IsOk());
  EXPECT_TRUE(report->clean);
  EXPECT_FALSE(report->proven);
  EXPECT_GT(report->written_off_micros, 0);
}

TEST(LedgerRecovery, MissingRecordsProveNothing) {
  LedgerHome home;
  const auto bundle = TwoRows(1000, 100000, 9);
  {
    const std::unique_ptr<Ledger> ledger = home.Start(bundle);
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(home.SpendOne(ledger.get(), 0));
  }
  auto ledger = home.Open(bundle);
  FULCRUM_ASSERT_OK(ledger);
  (*ledger)->OnLogged(1, home.log()[0]);
  (*ledger)->OnLogged(3, home.log()[2]);
  const auto report = (*ledger)->FinishRecovery(3);
  FULCRUM_ASSERT_OK(report);
  EXPECT_TRUE(report->gap);
  EXPECT_FALSE(report->proven);
  EXPECT_GT(report->written_off_micros, 0);
}

TEST(LedgerRecovery, CloseWithSomethingInFlightIsNotClean) {
  LedgerHome home;
  const auto bundle = TwoRows(1000, 100000, 9);
  {
    const std::unique_ptr<Ledger> ledger = home.Start(bundle);
    const Hold hold = AcquireOrDie(ledger.get(), {0}, 1, home.now());
    EXPECT_THAT(ledger->Close(),
                StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("in flight")));
  }
  RecoveryReport report;
  home.Start(bundle, &report);
  EXPECT_FALSE(report.clean);
}

TEST(LedgerRecovery, LimitsComeFromTheBundle) {
  LedgerHome home;
  {
    const std::unique_ptr<Ledger> ledger = home.Start(TwoRows(8, 100, 2));
    EXPECT_TRUE(home.SpendOne(ledger.get(), 0));
    EXPECT_TRUE(home.SpendOne(ledger.get(), 0));
    EXPECT_FALSE(home.SpendOne(ledger.get(), 0));
  }
  {
    const std::unique_ptr<Ledger> lowered = home.Start(TwoRows(5, 100, 9));
    EXPECT_FALSE(home.SpendOne(lowered.get(), 0)) << "spent 8 of 5";
    EXPECT_EQ(lowered->Status(home.now())[0].spent, 8);
  }
  const std::unique_ptr<Ledger> raised = home.Start(TwoRows(12, 100, 9));
  EXPECT_TRUE(home.SpendOne(raised.get(), 0));
  EXPECT_FALSE(home.SpendOne(raised.get(), 0));
}

TEST(LedgerRecovery, RowsThatLeftTheBundleKeepTheirSpend) {
  LedgerHome home;
  const auto bundle = TwoRows(8, 100, 2);
  {
    const std::unique_ptr<Ledger> ledger = home.Start(bundle);
    EXPECT_TRUE(home.SpendOne(ledger.get(), 0));
  }
  BundleBuilder other;
  other.Campaign("d").Cost("d.total", Window::kTotal, 100).Action("z", 1);
  home.Start(other.Build()).reset();
  const std::unique_ptr<Ledger> ledger = home.Start(bundle);
  EXPECT_EQ(ledger->Status(home.now())[0].spent, 4);
  EXPECT_EQ(ledger->UserStatus(User(1), home.now())[0].spent, 1);
}

}  // namespace
}  // namespace fulcrum::orchestrator::testing
