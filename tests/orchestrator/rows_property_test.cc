// Rows as an algebra: random campaigns, scopes and spends; what one more row may change, and that
// their order changes nothing.
#include <algorithm>
#include <numeric>

#include "base/random.h"
#include "tests/orchestrator/ledger_fixture.h"

namespace fulcrum::orchestrator::testing {
namespace {

using config::Resource;
using config::Window;

constexpr int kActions = 8;
constexpr int64_t kHourUs = int64_t{3600} * 1'000'000;

config::Constraint RandomRow(const std::string& id, base::RandomStream* random) {
  config::Constraint row;
  row.id = id;
  row.resource = random->NextBelow(2) == 0 ? Resource::kCost : Resource::kExposures;
  row.per_user = random->NextBelow(3) == 0;
  row.window = static_cast<Window>(random->NextBelow(4));
  if (row.window == Window::kRolling) row.span_us = (1 + random->NextBelow(5)) * kHourUs;
  row.limit = random->NextBelow(row.resource == Resource::kCost ? 60 : 12);
  for (int32_t action = 0; action < kActions; ++action) {
    if (random->NextBelow(2) == 0) row.actions.push_back(action);
  }
  if (row.actions.empty()) row.actions = {0};
  return row;
}

std::shared_ptr<config::Bundle> Shop(std::vector<config::Constraint> rows) {
  BundleBuilder builder;
  builder.Campaign("c");
  for (int i = 0; i < kActions; ++i) builder.Action(std::string(1, static_cast<char>('a' + i)), i);
  auto bundle = builder.Build();
  bundle->constraints = std::move(rows);
  config::IndexUses(bundle.get());
  return bundle;
}

std::vector<int32_t> SomeActions(base::RandomStream* random) {
  std::vector<int32_t> actions;
  for (int32_t i = 0; i < kActions; ++i) {
    if (random->NextBelow(3) != 0) actions.push_back(i);
  }
  return actions;
}

// A ledger that has shown a few actions to a few users.
std::unique_ptr<Ledger> Used(LedgerHome* home, std::shared_ptr<const config::Bundle> bundle,
                             uint64_t seed) {
  base::RandomStream random(seed);
  auto ledger = home->Start(std::move(bundle));
  for (int i = 0; i < 12; ++i) {
    home->clock().Advance(absl::Minutes(random.NextBelow(90)));
    home->SpendOne(ledger.get(), static_cast<int32_t>(random.NextBelow(kActions)),
                   User(static_cast<uint8_t>(random.NextBelow(3))));
  }
  return ledger;
}

// Another ledger with the same past.
struct Recovery {
  std::unique_ptr<LedgerHome> home = std::make_unique<LedgerHome>();
  std::unique_ptr<Ledger> ledger;
};

Recovery Recovered(LedgerHome& from, std::shared_ptr<const config::Bundle> bundle) {
  Recovery recovery;
  recovery.home->log() = from.log();
  recovery.home->clock().Advance(from.now() - recovery.home->now());
  recovery.ledger = recovery.home->Start(std::move(bundle));
  return recovery;
}

std::vector<bool> Secured(Ledger* ledger, const std::vector<int32_t>& actions, size_t draws,
                          uint8_t user, absl::Time now) {
  const auto hold = ledger->Acquire(actions, draws, User(user), now, domain::Wait::kMayWait);
  EXPECT_THAT(hold, ::fulcrum::testing::IsOk());
  return hold->secured();
}

// From the same past, one more hard row never lets an action be drawn that could not be before.
TEST(RowsProperty, OneMoreHardRowAddsNoExposure) {
  base::RandomStream random(21);
  int taken = 0;
  for (int round = 0; round < 24; ++round) {
    std::vector<config::Constraint> rows;
    for (int i = 0; i < 4; ++i) rows.push_back(RandomRow("r" + std::to_string(i), &random));
    const auto before = Shop(rows);
    rows.push_back(RandomRow("r9", &random));
    const auto after = Shop(rows);
    LedgerHome home;
    const uint64_t seed = random.NextBelow(1 << 20);
    Used(&home, before, seed).reset();
    const auto one = Recovered(home, before);
    const auto other = Recovered(home, after);
    for (int i = 0; i < 20; ++i) {
      const std::vector<int32_t> actions = SomeActions(&random);
      const auto user = static_cast<uint8_t>(random.NextBelow(3));
      const std::vector<bool> was = Secured(one.ledger.get(), actions, 1, user, home.now());
      const std::vector<bool> is = Secured(other.ledger.get(), actions, 1, user, home.now());
      for (size_t j = 0; j < actions.size(); ++j) {
        EXPECT_TRUE(was[j] || !is[j]) << round << ": " << actions[j];
        taken += was[j] && !is[j] ? 1 : 0;
      }
    }
  }
  EXPECT_GT(taken, 8) << "the rows that were added took nothing";
}

// Whatever the order in which rows stand in the bundle, the same candidates are secured, for slates
// too.
TEST(RowsProperty, TheirOrderChangesNothing) {
  base::RandomStream random(22);
  int masked = 0;
  for (int round = 0; round < 24; ++round) {
    std::vector<config::Constraint> rows;
    for (int i = 0; i < 5; ++i) {
      rows.push_back(RandomRow("r" + std::to_string(i), &random));
      if (random.NextBelow(3) == 0) rows.back().relaxation = 1 + random.NextBelow(2);
    }
    LedgerHome home;
    const uint64_t seed = random.NextBelow(1 << 20);
    const auto one = Used(&home, Shop(rows), seed);
    for (size_t i = rows.size(); i > 1; --i) std::swap(rows[i - 1], rows[random.NextBelow(i)]);
    LedgerHome other_home;
    const auto other = Used(&other_home, Shop(rows), seed);
    ASSERT_EQ(home.log_last(), other_home.log_last());
    for (int i = 0; i < 20; ++i) {
      const std::vector<int32_t> actions = SomeActions(&random);
      const size_t draws = 1 + random.NextBelow(3);
      const auto user = static_cast<uint8_t>(random.NextBelow(3));
      const std::vector<bool> a = Secured(one.get(), actions, draws, user, home.now());
      EXPECT_EQ(a, Secured(other.get(), actions, draws, user, other_home.now()));
      masked += static_cast<int>(std::count(a.begin(), a.end(), false));
    }
  }
  EXPECT_GT(masked, 60) << "the rows limit nothing";
}

}  // namespace
}  // namespace fulcrum::orchestrator::testing
