// The worlds themselves.
#include <array>
#include <cstdlib>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/types/span.h"
#include "simulation/world.h"

namespace fulcrum::simulation {
namespace {

// ad-1, ad-2, ...; with leading zeros where that keeps them in order.
void AddArms(int count, const std::string& prefix, const std::string& campaign, World* world) {
  const int digits = static_cast<int>(absl::StrCat(count).size());
  for (int number = 1; number <= count; ++number) {
    world->arms.push_back({absl::StrFormat("%s%0*d", prefix, digits, number), campaign});
  }
}

// An arm's rate where the model of the linear posteriors holds.
struct Line {
  double base, regular, slope;
};

std::vector<double> RatesOn(absl::Span<const Line> lines, bool regular, double x) {
  std::vector<double> rates;
  rates.reserve(lines.size() + 1);
  for (const Line& line : lines) {
    rates.push_back(line.base + (regular ? line.regular : 0) + line.slope * x);
  }
  rates.push_back(0.05);
  return rates;
}

// Three segments that like different things; the offers convert best, cost money, and there is
// money for a quarter of the visits.
World Stationary() {
  World world;
  world.name = "stationary";
  world.what = "three segments, six arms, a budget for a quarter of the visits, lost exposures";
  for (const char* id : {"banner-1", "banner-2", "banner-3"})
    world.arms.push_back({id, "banner", 0});
  for (const char* id : {"offer-1", "offer-2", "offer-3"}) {
    world.arms.push_back({id, "offer", 1'000'000});
  }
  world.cells = {{"new", 0, 0.5}, {"regular", 0, 0.3}, {"loyal", 0, 0.2}};
  world.conversion = {
      {0.06, 0.10, 0.04, 0.16, 0.12, 0.08, 0.02},
      {0.12, 0.05, 0.08, 0.14, 0.24, 0.10, 0.05},
      {0.10, 0.08, 0.18, 0.20, 0.16, 0.32, 0.12},
  };
  world.budgeted = "offer";
  world.budget_share = 0.25;
  return world;
}

// Two segments and a context value on a grid; each arm's conversion is linear in them, so that the
// model of the linear posteriors holds.
World Contextual() {
  constexpr Line kLines[] = {{0.20, 0.00, 0.12},
                             {0.18, 0.10, -0.06},
                             {0.22, -0.06, 0.02},
                             {0.15, 0.05, -0.10},
                             {0.10, 0.02, 0.04}};
  World world;
  world.name = "contextual";
  world.what = "two segments, five arms, conversions linear in segment and context";
  world.has_context = world.linear = true;
  AddArms(std::size(kLines), "ad-", "ads", &world);
  for (const char* segment : {"new", "regular"}) {
    for (const double x : {-1.0, -0.5, 0.0, 0.5, 1.0}) {
      world.cells.push_back({segment, x, 0.1});
      world.conversion.push_back(RatesOn(kLines, world.cells.back().segment == "regular", x));
    }
  }
  return world;
}

// The favourite of each segment changes after half an hour and after an hour, all at once.
World Shifting() {
  World world;
  world.name = "shifting";
  world.what = "two segments, five arms; the best arm changes after half an hour and after an hour";
  AddArms(5, "ad-", "ads", &world);
  world.cells = {{"new", 0, 0.6}, {"loyal", 0, 0.4}};
  world.conversion = {{0.20, 0.12, 0.08, 0.06, 0.10, 0.02}, {0.10, 0.24, 0.16, 0.08, 0.06, 0.05}};
  world.changes = {
      {absl::Minutes(30),
       {{0.06, 0.12, 0.22, 0.08, 0.10, 0.02}, {0.10, 0.08, 0.16, 0.26, 0.06, 0.05}}},
      {absl::Minutes(60),
       {{0.08, 0.06, 0.10, 0.12, 0.24, 0.02}, {0.22, 0.10, 0.06, 0.08, 0.12, 0.05}}},
  };
  return world;
}

// Conversions are linear in the segment and in how near noon it is, which the request says; visits
// are half a minute apart, so that a run takes days.
World Seasonal() {
  constexpr int kHours = 24;
  constexpr Line kLines[] = {{0.16, 0.02, 0.10},
                             {0.18, 0.00, -0.10},
                             {0.17, -0.04, 0.00},
                             {0.12, 0.06, 0.04},
                             {0.10, 0.02, -0.04}};
  World world;
  world.name = "seasonal";
  world.what = "two segments, five arms; rates follow the hour of the day, which requests say";
  world.has_context = world.linear = true;
  world.timing.visit_gap = absl::Seconds(30);
  // A window ends when a later decision says so: long enough that one always does.
  world.timing.exposure_window = absl::Minutes(10);
  AddArms(std::size(kLines), "ad-", "ads", &world);
  world.cells = {{"new", 0, 0.5}, {"regular", 0, 0.5}};
  world.period = absl::Hours(kHours);
  for (int hour = 0; hour < kHours; ++hour) {
    // From -1 at midnight to 1 at noon.
    const double noon = 1 - std::abs(hour - kHours / 2) / (kHours / 4.0);
    Change change{absl::Hours(hour), {}, noon};
    for (const Cell& cell : world.cells) {
      change.conversion.push_back(RatesOn(kLines, cell.segment == "regular", noon));
    }
    world.changes.push_back(std::move(change));
  }
  world.conversion = world.changes.front().conversion;
  return world;
}

// Each time a user is shown an arm, a quarter of its appeal to that user is gone. The service's
// posteriors do not know that: what they learn is the mean over the users' histories.
World Fatigue() {
  World world;
  world.name = "fatigue";
  world.what = "two segments, six arms; an arm loses a quarter of its rate each time it is shown";
  AddArms(6, "ad-", "ads", &world);
  world.cells = {{"new", 0, 0.5}, {"loyal", 0, 0.5}};
  world.conversion = {{0.36, 0.28, 0.22, 0.16, 0.12, 0.08, 0.03},
                      {0.10, 0.14, 0.20, 0.26, 0.34, 0.40, 0.06}};
  world.fatigue = 0.75;
  return world;
}

// The best arm's conversions are the slowest: half an hour on average, one in seven after the hour
// for which they are credited.
World Delayed() {
  World world;
  world.name = "delayed";
  world.what = "one segment, four arms; conversions take up to half an hour, the best arm's most";
  AddArms(4, "ad-", "ads", &world);
  for (size_t i = 0; i < world.arms.size(); ++i) {
    world.arms[i].outcome_delay = absl::Minutes(std::array{30, 3, 10, 1}[i]);
  }
  world.cells = {{"all", 0, 1}};
  world.conversion = {{0.24, 0.16, 0.13, 0.10, 0.03}};
  world.timing.visit_gap = absl::Seconds(3);
  world.timing.attribution_window = absl::Hours(1);
  return world;
}

// Rates from 0.02 to 0.2, few of them high, in an order that says nothing.
World ManyArms() {
  constexpr int kArms = 200;
  constexpr int kStride = 77;  // has no factor in common with kArms: visits every rank once
  World world;
  world.name = "many_arms";
  world.what = "one segment, 200 arms, few of them good";
  AddArms(kArms, "ad-", "ads", &world);
  world.cells = {{"all", 0, 1}};
  std::vector<double>& rates = world.conversion.emplace_back();
  rates.reserve(kArms + 1);
  for (int arm = 0; arm < kArms; ++arm) {
    const double rank = (arm * kStride % kArms + 0.5) / kArms;
    rates.push_back(0.02 + 0.18 * rank * rank * rank);
  }
  rates.push_back(0.02);
  return world;
}

// Three positions; each converts by itself, the lower ones less often.
World Slates() {
  World world;
  world.name = "slates";
  world.what = "two segments, eight arms, three positions; lower ones convert less, each by itself";
  AddArms(8, "ad-", "ads", &world);
  world.cells = {{"new", 0, 0.6}, {"loyal", 0, 0.4}};
  world.conversion = {{0.20, 0.16, 0.12, 0.10, 0.08, 0.06, 0.05, 0.04, 0.02},
                      {0.05, 0.08, 0.22, 0.06, 0.18, 0.04, 0.14, 0.10, 0.02}};
  world.positions = {1, 0.6, 0.35};
  return world;
}

struct Named {
  const char* name;
  World (*make)();
};

constexpr Named kWorlds[] = {
    {"stationary", Stationary}, {"contextual", Contextual}, {"shifting", Shifting},
    {"seasonal", Seasonal},     {"fatigue", Fatigue},       {"delayed", Delayed},
    {"many_arms", ManyArms},    {"slates", Slates},
};

}  // namespace

std::vector<std::string> WorldNames() {
  std::vector<std::string> names;
  names.reserve(std::size(kWorlds));
  for (const Named& world : kWorlds) names.emplace_back(world.name);
  return names;
}

absl::StatusOr<World> FindWorld(const std::string& name) {
  for (const Named& world : kWorlds) {
    if (name == world.name) return world.make();
  }
  return absl::NotFoundError(absl::StrCat("there is no world '", name,
                                          "'; there are: ", absl::StrJoin(WorldNames(), ", ")));
}

}  // namespace fulcrum::simulation
