// The ledger's directory after a power loss at any operation, rebuilt by the faulty file system:
// it opens, and whatever the disk kept, spent (log) <= leased (ledger) <= limit.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>

#include "base/random.h"
#include "orchestrator/ledger_store.h"
#include "tests/orchestrator/ledger_fixture.h"
#include "tests/support/faulty_file_system.h"

namespace fulcrum::orchestrator::testing {
namespace {

using config::Durability;
using config::Window;
using domain::Wait;
using ::fulcrum::testing::FaultyFileSystem;
using ::fulcrum::testing::FileFault;
using ::fulcrum::testing::FileOperation;
using ::fulcrum::testing::PowerLoss;

constexpr int kStates = 200;  // per durability
constexpr int kUsers = 40;

std::shared_ptr<config::Bundle> ManyRows() {
  BundleBuilder builder;
  for (int i = 0; i < 6; ++i) {
    const std::string id = absl::StrCat("campaign", i);
    builder.Campaign(id)
        .Cost(id + ".day", Window::kDay, 3000)
        .Cost(id + ".total", Window::kTotal, 9000)
        .Cap(id + ".user", Window::kDay, 1000)
        .Action(absl::StrCat("action", i), 3 + i);
  }
  return builder.Build();
}

// A run of a ledger whose every file operation is recorded.
struct Recorded {
  std::vector<size_t> logged_at;  // by LSN - 1: operations done when the record was logged
  size_t first = 0;               // operations of the directory's creation
  size_t operations = 0;
};

Recorded RunAndRecord(FaultyFileSystem* files, LedgerHome* home,
                      const std::shared_ptr<config::Bundle>& bundle) {
  Recorded recorded;
  files->Record(true);
  const std::unique_ptr<Ledger> ledger = home->Start(bundle);
  recorded.first = files->operations();
  base::RandomStream random(3);
  for (int i = 0; i < 4000; ++i) {
    const auto action = static_cast<int32_t>(random.NextBelow(6));
    const UserRef user = User(static_cast<uint8_t>(random.NextBelow(kUsers)));
    if (home->SpendOne(ledger.get(), action, user)) {
      recorded.logged_at.push_back(files->operations());
    }
    if (random.NextBelow(40) == 0) {
      FULCRUM_EXPECT_OK(ledger->Checkpoint());
    }
  }
  recorded.operations = files->operations();
  files->Record(false);
  return recorded;
}

using Spend = std::map<std::string, int64_t>;

// Of the first `records`: rows that are not per user.
Spend SpendOf(const std::vector<LogEvent>& log, size_t records) {
  Spend spend;
  for (size_t i = 0; i < records; ++i) {
    for (const Debit& debit : AllDebits(std::get<DecisionRecord>(log[i]))) {
      if (!debit.per_user) spend[debit.row] += debit.amount;
    }
  }
  return spend;
}

// Of the first `records`: rows per user.
std::map<UserRef, Spend> UserSpendOf(const std::vector<LogEvent>& log, size_t records) {
  std::map<UserRef, Spend> spend;
  for (size_t i = 0; i < records; ++i) {
    const auto& record = std::get<DecisionRecord>(log[i]);
    for (const Debit& debit : AllDebits(record)) {
      if (debit.per_user) spend[record.user_ref][debit.row] += debit.amount;
    }
  }
  return spend;
}

void ExpectUsersAre(const Ledger& ledger, std::map<UserRef, Spend> spend, const LedgerHome& home) {
  for (uint8_t user = 0; user < kUsers; ++user) {
    for (const Ledger::RowStatus& row : ledger.UserStatus(User(user), home.now())) {
      EXPECT_EQ(row.spent, spend[User(user)][row.row]) << row.row << " of user " << int{user};
    }
  }
}

class PowerLossOfTheLedger : public ::testing::TestWithParam<Durability> {};

TEST_P(PowerLossOfTheLedger, SpentIsLeasedIsWithinTheLimit) {
  const bool power = GetParam() == Durability::kPower;
  const auto bundle = ManyRows();
  FaultyFileSystem files;
  LedgerHome home;
  home.options().files = &files;
  home.options().durability = GetParam();
  home.options().user_counters_max = 20;  // of 240
  const Recorded recorded = RunAndRecord(&files, &home, bundle);
  ASSERT_GT(recorded.logged_at.size(), 1000u);

  base::RandomStream random(power ? 11 : 12);
  int lossy = 0, torn = 0, written_off = 0, behind = 0;
  uint64_t evicted = 0;
  for (int state = 0; state < kStates; ++state) {
    const size_t cut =
        recorded.first +
        random.NextBelow(static_cast<uint32_t>(recorded.operations - recorded.first + 1));
    SCOPED_TRACE(absl::StrCat("power lost after operation ", cut, " of ", recorded.operations));
    LedgerHome after;
    const PowerLoss loss = files.LosePower(cut, random.Next64(), home.root(), after.root());
    lossy += loss.sectors_lost > 0 ? 1 : 0;
    torn += loss.torn ? 1 : 0;
    const size_t served = static_cast<size_t>(
        std::upper_bound(recorded.logged_at.begin(), recorded.logged_at.end(), cut) -
        recorded.logged_at.begin());
    const size_t kept = power ? served : random.NextBelow(static_cast<uint32_t>(served) + 1);
    after.log().assign(home.log().begin(), home.log().begin() + static_cast<ptrdiff_t>(kept));
    Spend spend = SpendOf(home.log(), served);

    {
      const auto store = LedgerStore::Open(after.options().files, after.options().directory);
      FULCRUM_ASSERT_OK(store) << "refused to start";
      const auto image = (*store)->ReadAll();
      FULCRUM_ASSERT_OK(image);
      behind += image->fold.lsn < served ? 1 : 0;
      const auto charges = leases::RocksDbLeaseStore::ReadCharges(
          after.options().files, after.lease_directory(), kReplica);
      FULCRUM_ASSERT_OK(charges);
      Spend leased;
      for (const leases::Charge& charge : charges->charges) {
        leased[charge.budget.row] = charge.amount + charge.written_off;
      }
      for (const config::Constraint& row : bundle->constraints) {
        if (row.per_user) continue;
        EXPECT_LE(spend[row.id], leased[row.id]) << row.id;
        EXPECT_LE(leased[row.id], row.limit) << row.id;
      }
    }
    after.options().boot_id = "boot-2";
    after.options().durability = GetParam();
    after.options().user_counters_max = 20;
    RecoveryReport report;
    const std::unique_ptr<Ledger> ledger = after.Start(bundle, &report);
    ASSERT_NE(ledger, nullptr);
    EXPECT_EQ(report.proven, power);
    written_off += report.written_off_micros > 0 ? 1 : 0;
    ExpectConserved(*ledger, home.now());
    for (const Ledger::RowStatus& row : ledger->Status(home.now())) {
      EXPECT_GE(row.spent, spend[row.row]) << row.row;
      if (power) {
        EXPECT_EQ(row.spent, spend[row.row]) << row.row;
      }
    }
    if (power || kept == served) ExpectUsersAre(*ledger, UserSpendOf(home.log(), served), home);
    evicted += ledger->user_counters().evicted + (ledger->user_counters().in_memory >= 20 ? 1 : 0);
    if (HasFailure()) return;
  }
  // The states were worth looking at.
  EXPECT_GT(lossy, kStates / 5);
  EXPECT_GT(torn, kStates / 5);
  EXPECT_GT(behind, kStates / 2);
  EXPECT_EQ(written_off > 0, !power);
  EXPECT_GT(evicted, static_cast<uint64_t>(kStates / 2));
}

INSTANTIATE_TEST_SUITE_P(Durabilities, PowerLossOfTheLedger,
                         ::testing::Values(Durability::kProcess, Durability::kPower),
                         [](const auto& named) {
                           return named.param == Durability::kPower ? "Power" : "Process";
                         });

// Bytes that were synced and then changed must be refused: their leases would be forgotten.
TEST(LedgerDamage, OfWhatWasSyncedIsRefused) {
  const auto bundle = ManyRows();
  int logs = 0;
  for (int part = 1; part <= 8; ++part) {
    LedgerHome home;
    {
      const std::unique_ptr<Ledger> ledger = home.Start(bundle);
      for (int i = 0; i < 300; ++i) home.SpendOne(ledger.get(), i % 6);
      FULCRUM_ASSERT_OK(ledger->Checkpoint());
      home.clock().Advance(absl::Hours(24));
      for (int i = 0; i < 6; ++i) EXPECT_TRUE(home.SpendOne(ledger.get(), i));
    }
    for (const auto& entry : std::filesystem::directory_iterator(home.lease_directory())) {
      if (entry.path().extension() != ".log" || entry.file_size() == 0) continue;
      std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
      const auto at = static_cast<std::streamoff>(entry.file_size()) * part / 10;
      file.seekg(at);
      const auto byte = static_cast<char>(file.get());
      file.seekp(at);
      file.put(static_cast<char>(byte ^ 0x10));
      ++logs;
    }
    EXPECT_THAT(home.Open(bundle), ::fulcrum::testing::StatusIs(absl::StatusCode::kDataLoss,
                                                                ::testing::HasSubstr("backup")))
        << part;
  }
  EXPECT_GE(logs, 8);
}

// A lease that cannot be synced is not spent from.
TEST(LedgerDisk, FailingSyncMasksInsteadOfSpending) {
  BundleBuilder builder;
  builder.Campaign("c").Cost("c.day", Window::kDay, 1000).Action("a", 1).Action("b", 0);
  for (const FileOperation operation : {FileOperation::kAppend, FileOperation::kSync}) {
    for (const char* path : {".log", "fulcrum-synced"}) {
      SCOPED_TRACE(path);
      FaultyFileSystem files;
      LedgerHome home;
      home.options().files = &files;
      const std::unique_ptr<Ledger> ledger = home.Start(builder.Build());
      EXPECT_TRUE(home.SpendOne(ledger.get(), 0));
      home.clock().Advance(absl::Hours(24));
      files.AddFault({operation, path, 1, /*sticky=*/true, FileFault::kIoError});
      const auto hold = ledger->Acquire({0, 1}, 1, User(1), home.now(), Wait::kMayWait);
      FULCRUM_ASSERT_OK(hold);
      EXPECT_GE(files.faults_fired(), 1);
      EXPECT_THAT(hold->reasons(),
                  ::testing::ElementsAre(MaskReason::kLedgerUnavailable, MaskReason::kNone));
      EXPECT_EQ(ledger->Status(home.now())[0].leased, 0);
      // What is leased can still be spent.
      const auto earlier =
          ledger->Acquire({0}, 1, User(1), home.now() - absl::Hours(24), Wait::kMayWait);
      FULCRUM_ASSERT_OK(earlier);
      EXPECT_TRUE(earlier->secured()[0]);
    }
  }
}

TEST(LedgerDisk, FailedCheckpointIsWrittenByTheNextProcess) {
  const auto bundle = ManyRows();
  FaultyFileSystem files;
  LedgerHome home;
  home.options().files = &files;
  {
    const std::unique_ptr<Ledger> ledger = home.Start(bundle);
    for (int i = 0; i < 12; ++i) EXPECT_TRUE(home.SpendOne(ledger.get(), i % 6));
    files.AddFault({FileOperation::kAppend, ".log", 1, /*sticky=*/true, FileFault::kNoSpace});
    EXPECT_FALSE(ledger->Checkpoint().ok());
    EXPECT_FALSE(ledger->Close().ok());
    EXPECT_GE(files.faults_fired(), 1);
  }
  files.ClearFaults();
  RecoveryReport report;
  const std::unique_ptr<Ledger> ledger = home.Start(bundle, &report);
  EXPECT_EQ(report.checkpoint_lsn, 0u);
  EXPECT_EQ(report.written_off_micros, 0);
  const int64_t spent = SpentOf(*ledger, home.now());
  EXPECT_EQ(spent, 2 * 2 * (3 + 4 + 5 + 6 + 7 + 8));
  EXPECT_EQ(ledger->UserStatus(User(1), home.now())[0].spent, 2);
}

}  // namespace
}  // namespace fulcrum::orchestrator::testing
