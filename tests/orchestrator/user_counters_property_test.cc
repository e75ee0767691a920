// A ledger whose counters per user mostly wait on the disk decides as one that keeps them all in
// memory: the same random requests, log records, checkpoints and crashes for both.
#include <algorithm>
#include <array>
#include <deque>
#include <limits>

#include "base/random.h"
#include "domain/user_groups.h"
#include "orchestrator/counter_change.h"
#include "tests/orchestrator/ledger_fixture.h"

namespace fulcrum::orchestrator::testing {
namespace {

using config::Resource;
using config::Window;
using domain::Wait;

constexpr uint32_t kUsers = 7;
constexpr int64_t kHourUs = int64_t{3600} * 1'000'000;

// Caps of all windows, a cost per user, and an action that excludes another.
std::shared_ptr<config::Bundle> RandomBundle(base::RandomStream* random) {
  BundleBuilder builder;
  const auto limit = [&](uint32_t most) { return static_cast<int64_t>(random->NextBelow(most)); };
  builder.Campaign("a")
      .Cap("a.day", Window::kDay, limit(12))
      .Cap("a.hour", Window::kHour, limit(6))
      .Cap("a.total", Window::kTotal, 10 + limit(60))
      .Row("a.cost", Resource::kCost, Window::kDay, limit(60), /*per_user=*/true);
  for (int i = 0; i < 3; ++i) builder.Action(std::string(1, static_cast<char>('a' + i)), limit(5));
  builder.Campaign("b").Cap("b.span", Window::kRolling, limit(9));
  builder.row().span_us = (1 + limit(4)) * kHourUs;
  builder.Cap("b.long", Window::kRolling, limit(40));
  builder.row().span_us = 100 * kHourUs;
  for (int i = 3; i < 6; ++i) builder.Action(std::string(1, static_cast<char>('a' + i)), limit(5));
  builder.Cap("x:a", Window::kRolling, config::kNoLimit);
  builder.row().span_us = 2 * kHourUs;
  builder.row().actions = {0};
  const auto bundle = builder.Build();
  bundle->actions[3].excluded_by = {static_cast<int32_t>(bundle->constraints.size()) - 1};
  return bundle;
}

// One of the two ledgers, and what is on its way.
struct Side {
  LedgerHome home;
  std::unique_ptr<Ledger> ledger;
  std::vector<Hold> held;
  std::deque<DecisionRecord> pending;
};

class Twins {
 public:
  explicit Twins(uint64_t seed) : random_(seed), bundle_(RandomBundle(&random_)) {
    for (UserRef& ref : refs_) ref = NewRef();
    bounded_.home.options().user_counters_max = 1 + random_.NextBelow(3);
    Start();
  }

  void Step() {
    const uint32_t what = random_.NextBelow(100);
    if (what < 50) return Decide();
    if (what < 75) return LogOne();
    if (what < 80) return RefuseOne();
    if (what < 84) return DropAll();
    if (what < 88) return RefundOne();
    if (what < 90) return LogUnheld();
    if (what < 97) return Checkpoint();
    if (what < 98) return random_.NextBelow(2) == 0 ? MergeTwo() : PurgeOne();
    if (what < 99) return Advance();
    Restart();
  }

  // Every user's counters; reading them changes nothing.
  void Check() {
    for (uint32_t user = 0; user < kUsers; ++user) {
      const absl::Time now = bounded_.home.now() - absl::Hours(random_.NextBelow(3));
      const auto all = whole_.ledger->UserStatus(RefOf(user), now);
      const auto some = bounded_.ledger->UserStatus(RefOf(user), now);
      ASSERT_EQ(all.size(), some.size());
      for (size_t i = 0; i < all.size(); ++i) {
        EXPECT_EQ(all[i].spent, some[i].spent) << all[i].row << " of user " << user;
        EXPECT_EQ(all[i].held, some[i].held) << all[i].row << " of user " << user;
      }
    }
    // A record of a forgotten window is counted as long as no checkpoint has dropped the window.
    if (!advanced_) {
      EXPECT_EQ(whole_.ledger->unheld(), bounded_.ledger->unheld());
    }
  }

  UserCounterStats stats() const {
    UserCounterStats stats = stats_;
    const UserCounterStats last = bounded_.ledger->user_counters();
    stats.evicted += last.evicted;
    stats.read_back += last.read_back;
    return stats;
  }
  int secured() const { return secured_; }
  int masked() const { return masked_; }
  int unavailable() const { return unavailable_; }

 private:
  UserRef RefOf(uint32_t user) const { return refs_[user]; }
  UserRef NewRef() {
    UserRef ref{};
    ref[0] = static_cast<uint8_t>(++made_ & 0xff);
    ref[1] = static_cast<uint8_t>(made_ >> 8);
    return ref;
  }

  // Both references go on being used.
  void MergeTwo() {
    const UserRef from = RefOf(random_.NextBelow(kUsers));
    const UserRef into = RefOf(random_.NextBelow(kUsers));
    if (from == into) return;
    Log(IdentityRecord{
        .user_ref = from, .into = into, .occurred_us = absl::ToUnixMicros(whole_.home.now())});
    groups_.Merge(from, into, 0);
  }

  void PurgeOne() {
    const UserRef ref = RefOf(random_.NextBelow(kUsers));
    Log(IdentityRecord{.change = IdentityChange::kPurged, .user_ref = ref});
    const std::vector<UserRef> gone = groups_.Purge(ref);
    for (UserRef& one : refs_) {
      if (std::find(gone.begin(), gone.end(), one) != gone.end()) one = NewRef();
    }
    // A refund of an erased user would make a counter that only one of the two has.
    std::erase_if(logged_, [&](const DecisionRecord& record) {
      return std::find(gone.begin(), gone.end(), record.user_ref) != gone.end();
    });
  }

  void Start() {
    whole_.ledger = whole_.home.Start(bundle_);
    bounded_.ledger = bounded_.home.Start(bundle_);
  }

  void Decide() {
    std::vector<int32_t> actions;
    for (int32_t i = 0; i < 6; ++i) {
      if (random_.NextBelow(3) > 0) actions.push_back(i);
    }
    const size_t draws = 1 + random_.NextBelow(2);
    const UserRef user = RefOf(random_.NextBelow(kUsers));
    const absl::Time now = whole_.home.now() - absl::Minutes(random_.NextBelow(100));
    auto all = whole_.ledger->Acquire(actions, draws, user, now, Wait::kMayWait);
    FULCRUM_ASSERT_OK(all);
    auto some = bounded_.ledger->Acquire(actions, draws, user, now, Wait::kNoWait);
    if (!some.ok()) {
      EXPECT_EQ(some.status().code(), absl::StatusCode::kUnavailable);
      ++unavailable_;
      some = bounded_.ledger->Acquire(actions, draws, user, now, Wait::kMayWait);
    }
    FULCRUM_ASSERT_OK(some);
    ASSERT_EQ(all->reasons(), some->reasons());
    std::vector<size_t> drawn;
    for (size_t i = 0; i < actions.size(); ++i) {
      ++(all->secured()[i] ? secured_ : masked_);
      if (all->secured()[i] && drawn.size() < draws && random_.NextBelow(2) == 0) {
        drawn.push_back(i);
      }
    }
    DecisionRecord record = RecordOf(all->Keep(drawn), user, now);
    DecisionRecord other = RecordOf(some->Keep(drawn), user, now);
    ASSERT_EQ(record, other);
    if (random_.NextBelow(5) == 0) {
      whole_.held.push_back(*std::move(all));
      bounded_.held.push_back(*std::move(some));
      return;
    }
    all->Detach();
    some->Detach();
    whole_.pending.push_back(std::move(record));
    bounded_.pending.push_back(std::move(other));
  }

  void Log(const LogEvent& event) {
    whole_.home.Log(whole_.ledger.get(), event);
    bounded_.home.Log(bounded_.ledger.get(), event);
  }

  void LogOne() {
    if (whole_.pending.empty()) return;
    Log(whole_.pending.front());
    logged_.push_back(whole_.pending.front());
    whole_.pending.pop_front();
    bounded_.pending.pop_front();
  }

  void RefuseOne() {
    if (whole_.pending.empty()) return;
    for (Side* const side : {&whole_, &bounded_}) {
      const DecisionRecord record = std::move(side->pending.front());
      side->pending.pop_front();
      side->ledger->Return(AllDebits(record), record.user_ref);
    }
  }

  void DropAll() {
    whole_.held.clear();
    bounded_.held.clear();
  }

  void RefundOne() {
    if (logged_.empty()) return;
    const DecisionRecord& one = logged_[random_.NextBelow(static_cast<uint32_t>(logged_.size()))];
    SupersededRecord superseded;  // maybe for the second time: a refund stops at 0
    superseded.refunds = AllDebits(one);
    superseded.user_ref = one.user_ref;
    Log(superseded);
  }

  // As after a restart that lost the holds, or of another build.
  void LogUnheld() {
    if (logged_.empty()) return;
    Log(logged_[random_.NextBelow(static_cast<uint32_t>(logged_.size()))]);
  }

  void Checkpoint() {
    if (random_.NextBelow(2) == 0) {
      FULCRUM_ASSERT_OK(whole_.ledger->Checkpoint());
    }
    FULCRUM_ASSERT_OK(bounded_.ledger->Checkpoint());
  }

  void Advance() {
    const absl::Duration by = absl::Minutes(20 + 90 * random_.NextBelow(20));
    advanced_ = true;
    whole_.home.clock().Advance(by);
    bounded_.home.clock().Advance(by);
  }

  void Restart() {
    DropAll();
    const UserCounterStats last = bounded_.ledger->user_counters();
    stats_.evicted += last.evicted;
    stats_.read_back += last.read_back;
    for (Side* const side : {&whole_, &bounded_}) {
      const bool idle = side->pending.empty();
      side->pending.clear();
      if (idle && random_.NextBelow(3) == 0) {
        FULCRUM_ASSERT_OK(side->ledger->Close());
      }
      side->ledger.reset();
    }
    Start();
  }

  base::RandomStream random_;
  std::shared_ptr<config::Bundle> bundle_;
  Side whole_;
  Side bounded_;
  std::vector<DecisionRecord> logged_;
  std::array<UserRef, kUsers> refs_{};
  domain::UserGroups groups_;
  int made_ = 0;
  UserCounterStats stats_;
  bool advanced_ = false;
  int secured_ = 0;
  int masked_ = 0;
  int unavailable_ = 0;
};

TEST(UserCountersProperty, EvictedCountersDecideAsThoseInMemory) {
  int secured = 0, masked = 0, unavailable = 0;
  uint64_t evicted = 0, read_back = 0;
  for (uint64_t seed = 1; seed <= 24; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    Twins twins(seed);
    for (int step = 0; step < 300; ++step) {
      twins.Step();
      if (step % 10 == 0) twins.Check();
      if (::testing::Test::HasFailure()) return;
    }
    twins.Check();
    secured += twins.secured();
    masked += twins.masked();
    unavailable += twins.unavailable();
    evicted += twins.stats().evicted;
    read_back += twins.stats().read_back;
  }
  EXPECT_GT(secured, 2000);
  EXPECT_GT(masked, 1000);
  EXPECT_GT(evicted, 1000u);
  EXPECT_GT(read_back, 500u);
  EXPECT_GT(unavailable, 0);
}

TEST(UserCountersProperty, AChangeIsTheSumOfItsParts) {
  base::RandomStream random(5);
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  const auto amount = [&] {
    const auto small = static_cast<int64_t>(random.NextBelow(9));
    return random.NextBelow(6) == 0 ? kMost - small : small;
  };
  int at_zero = 0, at_most = 0;
  for (int round = 0; round < 3000; ++round) {
    int64_t spent = amount();
    const int64_t before = spent;
    CounterChange parts[2];
    for (CounterChange& part : parts) {
      for (uint32_t i = random.NextBelow(6); i > 0; --i) {
        const int64_t by = amount();
        if (random.NextBelow(2) == 0) {
          part.Spend(by);
          spent = spent > kMost - by ? kMost : spent + by;
        } else {
          part.Refund(by);
          spent -= std::min(spent, by);
        }
      }
    }
    ASSERT_EQ(parts[1].Apply(parts[0].Apply(before)), spent);
    parts[0].Then(parts[1]);
    ASSERT_EQ(parts[0].Apply(before), spent);
    at_zero += spent == 0 ? 1 : 0;
    at_most += spent == kMost ? 1 : 0;
  }
  EXPECT_GT(at_zero, 300);
  EXPECT_GT(at_most, 300);
}

}  // namespace
}  // namespace fulcrum::orchestrator::testing
