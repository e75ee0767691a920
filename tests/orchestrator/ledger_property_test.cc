// The ledger against a model that is too simple to be wrong: a random run of decisions, log writes,
// refusals, refunds, checkpoints, crashes and power losses.
#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <numeric>

#include "base/random.h"
#include "orchestrator/plan.h"
#include "tests/orchestrator/ledger_fixture.h"

namespace fulcrum::orchestrator::testing {
namespace {

using config::Durability;
using config::Resource;
using config::Window;
using domain::Wait;

constexpr int kUsers = 3;

std::shared_ptr<config::Bundle> RandomBundle(base::RandomStream* random) {
  BundleBuilder builder;
  int action = 10;
  for (const char* campaign : {"a", "b"}) {
    const auto limit = [&](int64_t most) { return static_cast<int64_t>(random->NextBelow(most)); };
    builder.Campaign(campaign)
        .Cost(absl::StrCat(campaign, ".day"), Window::kDay, limit(2000))
        .Cost(absl::StrCat(campaign, ".total"), Window::kTotal, limit(4000))
        .Row(absl::StrCat(campaign, ".shown"), Resource::kExposures, Window::kDay, limit(300))
        .Cap(absl::StrCat(campaign, ".user"), Window::kDay, limit(40));
    for (int i = 0; i < 3; ++i) builder.Action(absl::StrCat(action++), limit(12));
  }
  return builder.Build();
}

// Spend by (row, user or -1); one window each, as the test's clock stays within a day.
using Book = std::map<std::pair<int32_t, int>, int64_t>;

struct InFlight {
  std::vector<int32_t> actions;  // drawn
  int user = 0;
  DecisionRecord record;
  Book amounts;
};

class Simulation {
 public:
  Simulation(uint64_t seed, size_t user_counters_max)
      : random_(seed), bundle_(RandomBundle(&random_)) {
    home_.options().user_counters_max = user_counters_max;
    home_.options().durability = static_cast<Durability>(random_.NextBelow(3));
    ledger_ = home_.Start(bundle_);
  }

  void Step() {
    const uint32_t what = random_.NextBelow(100);
    if (what < 45) return Decide();
    if (what < 75) return LogOne();
    if (what < 82) return RefuseOne();
    if (what < 88) return DropOne();
    if (what < 92) return RefundOne();
    if (what < 97) return Checkpoint();
    Restart();
  }

  void Check() {
    ExpectConserved(*ledger_, home_.now());
    Book held;
    for (const InFlight& one : kept_) Add(one.amounts, &held);
    for (const InFlight& one : pending_) Add(one.amounts, &held);
    const auto rows = ledger_->Status(home_.now());
    for (const auto& row : rows) {
      const int32_t index = RowOf(row.row);
      EXPECT_EQ(row.held, (held[{index, -1}])) << row.row;
      EXPECT_EQ(row.spent, (spent_[{index, -1}])) << row.row;
      EXPECT_LE((served_[{index, -1}]), row.spent) << row.row << ": served what is not counted";
      EXPECT_LE((served_[{index, -1}]), row.limit) << row.row << ": overspent";
    }
    for (int user = 0; user < kUsers; ++user) {
      for (const auto& row : ledger_->UserStatus(User(user), home_.now())) {
        const int32_t index = RowOf(row.row);
        EXPECT_EQ(row.held, (held[{index, user}])) << row.row;
        EXPECT_EQ(row.spent, (spent_[{index, user}])) << row.row;
        EXPECT_LE(row.spent + row.held, row.limit) << row.row;
      }
    }
    EXPECT_EQ(ledger_->unheld(), 0);
  }

  void Settle() {
    holds_.clear();
    kept_.clear();
    while (!pending_.empty()) LogOne();
    Check();
  }

  int decided() const { return decided_; }
  int refused() const { return refused_; }
  int written_off() const { return written_off_; }

 private:
  int32_t RowOf(const std::string& id) const {
    for (size_t i = 0; i < bundle_->constraints.size(); ++i) {
      if (bundle_->constraints[i].id == id) return static_cast<int32_t>(i);
    }
    return -1;
  }
  static void Add(const Book& from, Book* to, int64_t sign = 1) {
    for (const auto& [key, amount] : from) (*to)[key] += sign * amount;
  }
  std::vector<int32_t> RowsOf(int32_t action) const {
    std::vector<int32_t> rows;
    for (const config::Use& use : bundle_->actions[action].uses) rows.push_back(use.row);
    return rows;
  }
  std::pair<int32_t, int> KeyOf(int32_t row, int user) const {
    return {row, bundle_->constraints[row].per_user ? user : -1};
  }

  // What `draws` of `actions` can take from each row at most.
  Book MostOf(const std::vector<int32_t>& actions, size_t draws, int user) const {
    std::map<std::pair<int32_t, int>, std::vector<int64_t>> amounts;
    for (const int32_t action : actions) {
      for (const int32_t row : RowsOf(action)) {
        amounts[KeyOf(row, user)].push_back(
            AmountOf(bundle_->actions[action], bundle_->constraints[row]));
      }
    }
    Book most;
    for (auto& [key, list] : amounts) {
      std::sort(list.begin(), list.end(), std::greater<>());
      list.resize(std::min(list.size(), draws));
      most[key] = std::accumulate(list.begin(), list.end(), int64_t{0});
    }
    return most;
  }

  // The rule of ADR 0002, from scratch for each candidate.
  std::vector<MaskReason> Expected(const std::vector<int32_t>& actions, size_t draws, int user) {
    Book used = spent_;
    for (const InFlight& one : kept_) Add(one.amounts, &used);
    for (const InFlight& one : pending_) Add(one.amounts, &used);
    std::vector<int32_t> secured;
    std::vector<MaskReason> reasons;
    for (const int32_t action : actions) {
      std::vector<int32_t> with = secured;
      with.push_back(action);
      const Book now = MostOf(secured, draws, user);
      bool fits = true;
      for (const auto& [key, most] : MostOf(with, draws, user)) {
        const auto before = now.find(key);
        if (before != now.end() && before->second == most) continue;
        if (most == 0) continue;
        fits = fits && used[key] + most <= bundle_->constraints[key.first].limit;
      }
      if (fits) secured = with;
      reasons.push_back(fits ? MaskReason::kNone : MaskReason::kNoHold);
    }
    return reasons;
  }

  void Decide() {
    std::vector<int32_t> actions;
    for (size_t i = 0; i < bundle_->actions.size(); ++i) {
      if (random_.NextBelow(3) > 0) actions.push_back(static_cast<int32_t>(i));
    }
    const size_t draws = 1 + random_.NextBelow(3);
    const int user = static_cast<int>(random_.NextBelow(kUsers));
    const std::vector<MaskReason> expected = Expected(actions, draws, user);
    absl::StatusOr<Hold> hold =
        ledger_->Acquire(actions, draws, User(user), home_.now(), Wait::kMayWait);
    ASSERT_THAT(hold, ::fulcrum::testing::IsOk());
    EXPECT_EQ(hold->reasons(), expected);
    InFlight one;
    one.user = user;
    std::vector<size_t> drawn;
    for (size_t i = 0; i < actions.size() && drawn.size() < draws; ++i) {
      if (!hold->secured()[i]) {
        ++refused_;
      } else if (random_.NextBelow(2) == 0) {
        drawn.push_back(i);
      }
    }
    for (const size_t i : drawn) one.actions.push_back(actions[i]);
    one.amounts = MostOf(one.actions, one.actions.size(), user);
    one.record = RecordOf(hold->Keep(drawn), User(user), home_.now());
    ++decided_;
    if (random_.NextBelow(4) == 0) {
      kept_.push_back(std::move(one));
      holds_.push_back(std::move(*hold));
      return;
    }
    hold->Detach();
    pending_.push_back(std::move(one));
  }

  void LogOne() {
    if (pending_.empty()) return;
    InFlight one = std::move(pending_.front());
    pending_.pop_front();
    Add(one.amounts, &spent_);
    Add(one.amounts, &served_);
    home_.Log(ledger_.get(), one.record);
    logged_.push_back(std::move(one));
  }

  void RefuseOne() {
    if (pending_.empty()) return;
    const InFlight one = std::move(pending_.front());
    pending_.pop_front();
    ledger_->Return(AllDebits(one.record), User(one.user));
  }

  void DropOne() {  // the alarm was faster: the hold is released
    if (holds_.empty()) return;
    holds_.pop_back();
    kept_.pop_back();
  }

  void RefundOne() {
    if (logged_.empty()) return;
    const InFlight one = std::move(logged_.back());
    logged_.pop_back();
    SupersededRecord superseded;
    superseded.refunds = AllDebits(one.record);
    superseded.user_ref = User(one.user);
    Add(one.amounts, &spent_, -1);
    Add(one.amounts, &served_, -1);
    home_.Log(ledger_.get(), superseded);
  }

  void Checkpoint() { FULCRUM_ASSERT_OK(ledger_->Checkpoint()); }

  void Restart() {
    const Durability before = home_.options().durability;
    const bool clean = holds_.empty() && pending_.empty() && random_.NextBelow(2) == 0;
    if (clean) {
      FULCRUM_EXPECT_OK(ledger_->Close());
    }
    holds_.clear();
    kept_.clear();
    pending_.clear();
    ledger_.reset();
    const bool power = random_.NextBelow(2) == 0;
    if (power) home_.options().boot_id = absl::StrCat("boot-", random_.Next32());
    const bool loses = before == Durability::kNone || (power && before == Durability::kProcess);
    size_t lost = 0;
    if (loses) {
      lost = std::min<size_t>(home_.log().size(), random_.NextBelow(6));
      home_.log().resize(home_.log().size() - lost);
      logged_.clear();  // whether a decision is still there is not tracked: none is refunded
    }
    home_.options().durability = static_cast<Durability>(random_.NextBelow(3));
    RecoveryReport report;
    ledger_ = home_.Start(bundle_, &report);
    EXPECT_EQ(report.proven, clean || !loses);
    Book known;
    for (const auto& row : ledger_->Status(home_.now())) {
      known[{RowOf(row.row), -1}] = row.spent;
    }
    if (report.written_off_micros + report.written_off_exposures > 0) ++written_off_;
    for (int user = 0; user < kUsers; ++user) {
      for (const auto& row : ledger_->UserStatus(User(user), home_.now())) {
        known[{RowOf(row.row), user}] = row.spent;
      }
    }
    if (report.proven) {
      for (auto& [key, amount] : spent_) EXPECT_EQ(known[key], amount) << key.first;
    }
    // Otherwise Check() still holds them against what was served.
    spent_ = known;
  }

  base::RandomStream random_;
  std::shared_ptr<config::Bundle> bundle_;
  LedgerHome home_;
  std::unique_ptr<Ledger> ledger_;
  std::vector<Hold> holds_;       // kept, not detached
  std::vector<InFlight> kept_;    // parallel
  std::deque<InFlight> pending_;  // detached, in log order
  std::vector<InFlight> logged_;
  Book spent_;   // what the ledger should say
  Book served_;  // what the world has seen
  int decided_ = 0;
  int refused_ = 0;
  int written_off_ = 0;
};

// With room for every counter per user in memory, and with next to none.
class LedgerProperty : public ::testing::TestWithParam<size_t> {};

TEST_P(LedgerProperty, AgreesWithTheModelAndConserves) {
  int decided = 0;
  int refused = 0;
  int written_off = 0;
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    Simulation run(seed, GetParam());
    for (int step = 0; step < 250; ++step) {
      run.Step();
      run.Check();
      if (::testing::Test::HasFailure()) return;
    }
    run.Settle();
    decided += run.decided();
    refused += run.refused();
    written_off += run.written_off();
  }
  // The run reached what it is for.
  EXPECT_GT(decided, 5000);
  EXPECT_GT(refused, 1000);
  EXPECT_GT(written_off, 20);
}

INSTANTIATE_TEST_SUITE_P(Bounds, LedgerProperty, ::testing::Values(1000, 1));

TEST(LedgerFold, DoesNotDependOnTheOrderOfRows) {
  base::RandomStream random(7);
  for (int round = 0; round < 20; ++round) {
    const auto bundle = RandomBundle(&random);
    std::vector<DecisionRecord> records;
    LedgerHome home;
    const int64_t day = absl::ToUnixMicros(home.now());
    for (int i = 0; i < 30; ++i) {
      std::vector<Debit> debits;
      for (const config::Constraint& row : bundle->constraints) {
        if (random.NextBelow(2) == 0) continue;
        const int64_t window =
            row.window == Window::kDay ? day : std::numeric_limits<int64_t>::min();
        debits.push_back({row.id, window, 1 + random.NextBelow(9), row.limit, row.per_user});
      }
      records.push_back(RecordOf({debits}, User(static_cast<uint8_t>(i % kUsers)), home.now()));
    }
    LedgerHome shuffled_home;
    for (const DecisionRecord& record : records) {
      home.log().push_back(record);
      DecisionRecord shuffled = record;
      std::vector<Debit>& debits = shuffled.positions[0].debits;
      for (size_t i = debits.size(); i > 1; --i) {
        std::swap(debits[i - 1], debits[random.NextBelow(static_cast<uint32_t>(i))]);
      }
      shuffled_home.log().push_back(shuffled);
    }
    const auto plain = home.Start(bundle);
    const auto other = shuffled_home.Start(bundle);
    const auto plain_rows = plain->Status(home.now());
    const auto other_rows = other->Status(home.now());
    for (size_t i = 0; i < plain_rows.size(); ++i) {
      EXPECT_EQ(plain_rows[i].spent, other_rows[i].spent);
      EXPECT_GT(plain_rows[i].spent, 0);
    }
    for (int user = 0; user < kUsers; ++user) {
      const auto a = plain->UserStatus(User(user), home.now());
      const auto b = other->UserStatus(User(user), home.now());
      for (size_t i = 0; i < a.size(); ++i) EXPECT_EQ(a[i].spent, b[i].spent);
    }
  }
}

}  // namespace
}  // namespace fulcrum::orchestrator::testing
