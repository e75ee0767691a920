// The worlds and their visitors, before any service.
#include "simulation/world.h"

#include <cmath>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "simulation/bundle_text.h"
#include "simulation/oracle.h"
#include "simulation/truth.h"
#include "simulation/visits.h"
#include "tests/support/status_matchers.h"

namespace fulcrum::simulation {
namespace {

using ::fulcrum::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class EachWorld : public ::testing::TestWithParam<std::string> {
 protected:
  void ExpectRates(const Rates& rates) const {
    ASSERT_EQ(rates.size(), world.cells.size());
    for (const std::vector<double>& row : rates) {
      ASSERT_EQ(row.size(), world.arms.size() + 1);
      for (const double rate : row) {
        EXPECT_GT(rate, 0);
        EXPECT_LT(rate, 1);
      }
    }
  }

  const World world = *FindWorld(GetParam());
};

INSTANTIATE_TEST_SUITE_P(All, EachWorld, ::testing::ValuesIn(WorldNames()),
                         [](const auto& test) { return test.param; });

TEST_P(EachWorld, HoldsTogether) {
  EXPECT_EQ(world.name, GetParam());
  double share = 0;
  for (const Cell& cell : world.cells) share += cell.share;
  EXPECT_NEAR(share, 1, 1e-12);
  ExpectRates(world.conversion);
  for (const Change& change : world.changes) ExpectRates(change.conversion);
  for (size_t i = 1; i < world.arms.size(); ++i) EXPECT_LT(world.arms[i - 1].id, world.arms[i].id);
  for (size_t i = 1; i < world.changes.size(); ++i) {
    EXPECT_LT(world.changes[i - 1].from, world.changes[i].from);
  }
  if (world.period > absl::ZeroDuration()) {
    EXPECT_EQ(world.changes.front().from, absl::ZeroDuration());
    EXPECT_LT(world.changes.back().from, world.period);
  }
  EXPECT_EQ(world.positions.front(), 1);
  EXPECT_TRUE(std::is_sorted(world.positions.rbegin(), world.positions.rend()));
  // What the oracle can do exactly (judge.h).
  EXPECT_TRUE(world.budgeted.empty() || world.IsStatic());
  if (world.fatigue != 1) {
    EXPECT_LT(world.fatigue, 1);
    EXPECT_TRUE(world.changes.empty());
    EXPECT_EQ(world.positions.size(), 1u);
    EXPECT_EQ(world.segments().size(), world.cells.size()) << "a user's rates do not vary";
  }
}

// Earned conversions of random slates against the textbook's expectation, in every respect that the
// rates depend on.
TEST_P(EachWorld, VisitsFollowTheTruth) {
  constexpr int kVisits = 200'000;
  constexpr uint32_t kUsers = 20'000;
  struct Group {
    double earned = 0, expected = 0, variance = 0;
  };
  std::map<std::string, Group> groups;
  std::map<std::pair<uint32_t, size_t>, uint32_t> seen;
  std::vector<double> of_cell(world.cells.size());
  double shown = 0;
  Visits visits(world, 7, kUsers);
  base::RandomStream choices(8);
  for (int i = 0; i < kVisits; ++i) {
    const Visit visit = visits.Next();
    ++of_cell[visit.cell];
    if (!visit.shown) continue;
    ++shown;
    const absl::Duration since = visit.time - WorldStart();
    const absl::Duration clock = world.period > absl::ZeroDuration() ? since % world.period : since;
    const Rates* rates = &world.conversion;
    for (const Change& change : world.changes) {
      if (change.from <= clock) rates = &change.conversion;
    }
    for (size_t position = 0; position < world.positions.size(); ++position) {
      const size_t arm = choices.NextBelow(static_cast<uint32_t>(world.arms.size()) + 1);
      const uint32_t before = arm == world.neutral() ? 0 : seen[{visit.user, arm}]++;
      const absl::Duration mean =
          arm != world.neutral() && world.arms[arm].outcome_delay > absl::ZeroDuration()
              ? world.arms[arm].outcome_delay
              : world.timing.outcome_delay;
      const double rate =
          (*rates)[visit.cell][arm] * world.positions[position] * std::pow(world.fatigue, before) *
          (1 - std::exp(-absl::FDivDuration(world.timing.attribution_window, mean)));
      const std::string keys[] = {
          "all",
          absl::StrCat("cell ", visit.cell),
          absl::StrCat("arm ", arm),
          absl::StrCat("position ", position),
          absl::StrCat("seen ", before),
          absl::StrCat("hour ", std::min<int64_t>(clock / absl::Hours(1), 24))};
      for (const std::string& key : keys) {
        Group& group = groups[key];
        group.earned += visit.Earns(world, arm, {position, before}) ? 1 : 0;
        group.expected += rate;
        group.variance += rate * (1 - rate);
      }
    }
  }
  const auto near = [](double count, double of, double rate) {
    EXPECT_NEAR(count / of, rate, 5 * std::sqrt(rate * (1 - rate) / of));
  };
  near(shown, kVisits, world.timing.shown);
  for (size_t cell = 0; cell < world.cells.size(); ++cell) {
    near(of_cell[cell], kVisits, world.cells[cell].share);
  }
  for (const auto& [key, group] : groups) {
    EXPECT_NEAR(group.earned, group.expected, 5 * std::sqrt(group.variance) + 1) << key;
  }
}

TEST_P(EachWorld, SameSeedSameVisits) {
  Visits first(world, 3, 100), again(world, 3, 100), other(world, 4, 100);
  int different = 0;
  for (int i = 0; i < 100; ++i) {
    const Visit a = first.Next(), b = again.Next(), c = other.Next();
    EXPECT_EQ(a.time, b.time);
    EXPECT_EQ(a.exposure_lag, b.exposure_lag);
    ASSERT_EQ(a.positions.size(), world.positions.size());
    for (size_t position = 0; position < world.positions.size(); ++position) {
      EXPECT_EQ(a.positions[position].luck, b.positions[position].luck);
      EXPECT_EQ(a.positions[position].outcome_lag, b.positions[position].outcome_lag);
    }
    different += a.positions[0].luck != c.positions[0].luck ? 1 : 0;
  }
  EXPECT_GT(different, 90);
}

// Other policies can be played on the same visits from the export alone.
TEST_P(EachWorld, ExportsItsVisits) {
  const std::string csv = VisitsCsv(world, 3, 100, 20);
  EXPECT_THAT(csv, StartsWith("number,time_s,user,cell,x,shown,luck_1,delay_1"));
  Visits visits(world, 3, 100);
  for (int i = 0; i < 20; ++i) {
    const Visit visit = visits.Next();
    EXPECT_THAT(csv, HasSubstr(absl::StrCat("\n", i, ",")));
    EXPECT_THAT(csv, HasSubstr(absl::StrFormat("%.17g,%.17g", visit.positions.back().luck,
                                               visit.positions.back().delay)));
  }
}

TEST(Worlds, RatesChangeWhenTheyAreSaidTo) {
  const World shifting = *FindWorld("shifting");
  const auto rate = [&shifting](absl::Duration since) {
    return shifting.Conversion(WorldStart() + since, 0, 2);
  };
  EXPECT_EQ(rate(absl::ZeroDuration()), 0.08);
  EXPECT_EQ(rate(absl::Minutes(30) - absl::Microseconds(1)), 0.08);
  EXPECT_EQ(rate(absl::Minutes(30)), 0.22);
  EXPECT_EQ(rate(absl::Hours(1)), 0.10);
  EXPECT_EQ(rate(absl::Hours(200)), 0.10);
}

TEST(Worlds, SeasonsComeBackAndRequestsTellThem) {
  const World seasonal = *FindWorld("seasonal");
  for (const int day : {0, 1, 30}) {
    const absl::Time midnight = WorldStart() + day * absl::Hours(24);
    EXPECT_EQ(seasonal.ContextAt(midnight, 0), -1);
    EXPECT_EQ(seasonal.ContextAt(midnight + absl::Hours(12), 0), 1);
    EXPECT_EQ(seasonal.ContextAt(midnight + absl::Hours(18), 1), 0);
    EXPECT_NEAR(seasonal.Conversion(midnight + absl::Minutes(30), 0, 0), 0.06, 1e-12);
    EXPECT_NEAR(seasonal.Conversion(midnight + absl::Minutes(779), 0, 0), 0.26, 1e-12);
  }
}

TEST(Worlds, AnUnknownNameIsToldWhatThereIs) {
  EXPECT_THAT(FindWorld("atlantis").status(),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("stationary, contextual, shifting")));
}

// Two worlds that differ in the truth alone look the same to the service.
TEST_P(EachWorld, TheServiceIsToldNothingOfTheTruth) {
  World other = world;
  for (std::vector<double>& row : other.conversion) {
    for (double& rate : row) rate = 0.5 * rate + 0.01;
  }
  for (Change& change : other.changes) {
    for (std::vector<double>& row : change.conversion) {
      for (double& rate : row) rate *= 0.5;
    }
    change.from *= 2;
  }
  for (Arm& arm : other.arms) arm.outcome_delay += absl::Minutes(1);
  for (size_t i = 1; i < other.positions.size(); ++i) other.positions[i] /= 2;
  other.fatigue /= 2;
  other.timing.outcome_delay *= 2;
  other.timing.shown /= 2;
  BundleOptions options;
  options.budget_micros = BudgetOf(world, 1000);
  EXPECT_EQ(BundleYaml(world, options), BundleYaml(other, options));
  EXPECT_EQ(UsersCsv(world, 50), UsersCsv(other, 50));
  const Oracle oracle = SolveOracle(world, 0);
  EXPECT_NE(TruthJson(world, oracle), TruthJson(other, oracle));
  for (const double rate : world.conversion[0]) {
    EXPECT_THAT(TruthJson(world, oracle), HasSubstr(absl::StrFormat("%.15g", rate)));
  }
}

}  // namespace
}  // namespace fulcrum::simulation
