#include "simulation/recipe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "fulcrum/decision_record.h"
#include "tests/support/status_matchers.h"

namespace fulcrum::simulation {
namespace {

using ::testing::HasSubstr;

std::vector<Recipe> All() {
  const std::vector<std::string> names = RecipeNames();
  std::vector<Recipe> recipes;
  recipes.reserve(names.size());
  for (const std::string& name : names) recipes.push_back(*FindRecipe(name));
  return recipes;
}

bool Same(const RecipeVisit& a, const RecipeVisit& b) {
  if (a.time != b.time || a.shopper != b.shopper || a.context != b.context) return false;
  return std::equal(a.places.begin(), a.places.end(), b.places.begin(), b.places.end(),
                    [](const RecipeVisit::Place& x, const RecipeVisit::Place& y) {
                      return x.looked_at == y.looked_at && x.luck == y.luck && x.value == y.value &&
                             x.delay == y.delay;
                    });
}

TEST(Recipe, AnUnknownNameListsThoseThatExist) {
  const auto recipe = FindRecipe("hompage");
  EXPECT_EQ(recipe.status().code(), absl::StatusCode::kNotFound);
  for (const std::string& name : RecipeNames()) {
    EXPECT_THAT(std::string(recipe.status().message()), HasSubstr(name));
  }
}

TEST(Recipe, TheSameSeedBringsTheSameShoppersAndVisitsAndAnotherSeedOthers) {
  for (const Recipe& recipe : All()) {
    const std::vector<Facts> shoppers = ShoppersOf(recipe, 7);
    EXPECT_EQ(shoppers, ShoppersOf(recipe, 7)) << recipe.name;
    EXPECT_NE(shoppers, ShoppersOf(recipe, 8)) << recipe.name;
    const std::vector<RecipeVisit> visits = VisitsOf(recipe, shoppers, 7);
    const std::vector<RecipeVisit> again = VisitsOf(recipe, shoppers, 7);
    EXPECT_TRUE(std::equal(visits.begin(), visits.end(), again.begin(), again.end(), Same));
    EXPECT_NE(visits.front().time, VisitsOf(recipe, shoppers, 8).front().time) << recipe.name;
  }
}

TEST(Recipe, VisitsAreInOrderWithinTheDaysAndTheBusyHours) {
  for (const Recipe& recipe : All()) {
    const std::vector<Facts> shoppers = ShoppersOf(recipe, 1);
    const std::vector<RecipeVisit> visits = VisitsOf(recipe, shoppers, 1);
    ASSERT_EQ(visits.size(), recipe.visits());
    ASSERT_EQ(recipe.hours.size(), 24u);
    EXPECT_GE(visits.front().time, recipe.start) << recipe.name;
    const absl::CivilDay first(absl::ToCivilSecond(recipe.start, recipe.zone));
    const absl::CivilDay last(absl::ToCivilSecond(visits.back().time, recipe.zone));
    EXPECT_EQ(static_cast<uint64_t>(last - first) + 1, recipe.days) << recipe.name;
    for (size_t i = 0; i < visits.size(); ++i) {
      ASSERT_EQ(visits[i].number, i);
      if (i > 0) {
        ASSERT_LT(visits[i - 1].time, visits[i].time);
      }
      ASSERT_LT(visits[i].shopper, recipe.shoppers);
      ASSERT_EQ(visits[i].places.size(), recipe.slate_size);
      const int hour = absl::ToCivilSecond(visits[i].time, recipe.zone).hour();
      ASSERT_GT(recipe.hours[static_cast<size_t>(hour)], 0) << recipe.name;
    }
  }
}

// What is not looked at hides what is below it.
TEST(Recipe, LooksGoFromTheTopDown) {
  const Recipe recipe = *FindRecipe("homepage");
  uint64_t looks = 0;
  for (const RecipeVisit& visit : VisitsOf(recipe, ShoppersOf(recipe, 1), 1)) {
    for (size_t i = 0; i < visit.places.size(); ++i) {
      looks += visit.places[i].looked_at ? 1 : 0;
      if (i > 0 && visit.places[i].looked_at) {
        ASSERT_TRUE(visit.places[i - 1].looked_at);
      }
    }
  }
  const double expected = 0.95 * (1 + 0.75 + 0.75 * 0.75);
  EXPECT_NEAR(static_cast<double>(looks) / static_cast<double>(recipe.visits()), expected, 0.05);
}

// A guard that never has something to say would guard nothing.
TEST(Recipe, EveryGuardForbidsSomethingToSomebody) {
  for (const Recipe& recipe : All()) {
    const std::vector<Facts> shoppers = ShoppersOf(recipe, 1);
    const std::vector<RecipeVisit> visits = VisitsOf(recipe, shoppers, 1);
    ASSERT_FALSE(recipe.guards.empty());
    for (const Guard& guard : recipe.guards) {
      EXPECT_TRUE(
          std::any_of(visits.begin(), visits.end(),
                      [&](const RecipeVisit& visit) {
                        return guard.applies({shoppers[visit.shopper], visit.context, visit.time});
                      }))
          << recipe.name << ": " << guard.what;
    }
  }
}

TEST(Recipe, ChancesAreProbabilitiesAndTheNeutralActionKeepsItsOwn) {
  for (const Recipe& recipe : All()) {
    const std::vector<Facts> shoppers = ShoppersOf(recipe, 1);
    std::set<std::string> actions = {kNeutralActionId};
    for (const Guard& guard : recipe.guards) {
      actions.insert(guard.actions.begin(), guard.actions.end());
    }
    for (const RecipeVisit& visit : VisitsOf(recipe, shoppers, 1)) {
      const Request request{shoppers[visit.shopper], visit.context, visit.time};
      const double alone = recipe.response(request, kNeutralActionId).chance;
      for (const std::string& action : actions) {
        const double chance = recipe.response(request, action).chance;
        ASSERT_GE(chance, alone) << recipe.name << ", " << action;
        ASSERT_LE(chance, 1) << recipe.name << ", " << action;
      }
    }
  }
  EXPECT_GT(EmailReactivationRecipe()
                .response({{{"lapsed", "month"}}, {}, absl::UnixEpoch()}, kNeutralActionId)
                .chance,
            0);
}

TEST(Recipe, TheCsvHasWhoHasBeenSeenAndLeavesOutWhatIsNotKnown) {
  const std::vector<Facts> shoppers = {
      {{"age", 30.0}, {"kind", std::string("new")}}, {}, {{"kind", std::string("old")}}};
  EXPECT_EQ(ShoppersCsv(shoppers, absl::UnixEpoch()),
            "id,event_time,age,kind\n"
            "shopper-0,1970-01-01T00:00:00+00:00,30,new\n"
            "shopper-2,1970-01-01T00:00:00+00:00,,old\n");
}

TEST(Recipe, FactsThatAreNotKnownAreEmptyOrNan) {
  const Facts facts = {{"age", 30.0}, {"kind", std::string("new")}};
  EXPECT_EQ(TextOf(facts, "kind"), "new");
  EXPECT_EQ(TextOf(facts, "age"), "");
  EXPECT_EQ(TextOf(facts, "gone"), "");
  EXPECT_EQ(NumberOf(facts, "age"), 30);
  EXPECT_TRUE(std::isnan(NumberOf(facts, "kind")));
  EXPECT_TRUE(std::isnan(NumberOf(facts, "gone")));
}

}  // namespace
}  // namespace fulcrum::simulation
