#include "simulation/recipe.h"

#include <algorithm>
#include <limits>
#include <set>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/math.h"

namespace fulcrum::simulation {
namespace {

std::vector<Recipe> AllRecipes() {
  return {HomepageRecipe(), CartOfferRecipe(), EmailReactivationRecipe()};
}

// A stream of its own for each shopper and visit: what one uses up does not move the next.
base::RandomStream StreamOf(const Recipe& recipe, uint64_t seed, const char* what,
                            uint64_t number) {
  return base::RandomStream(
      base::MixKey(absl::StrCat(recipe.name, " ", seed), what, static_cast<uint32_t>(number)));
}

absl::Time Within(const Recipe& recipe, uint64_t day, base::RandomStream* random) {
  double total = 0;
  for (const double hour : recipe.hours) total += hour;
  double place = random->NextUniform() * total;
  size_t hour = 0;
  while (hour + 1 < recipe.hours.size() && place >= recipe.hours[hour]) {
    place -= recipe.hours[hour++];
  }
  const absl::CivilDay first(absl::ToCivilSecond(recipe.start, recipe.zone));
  const absl::CivilSecond of_day(first + static_cast<int64_t>(day));
  const absl::Time at = absl::FromCivil(of_day + static_cast<int64_t>(hour) * 3600, recipe.zone);
  return at + absl::Microseconds(random->NextBelow(3'600'000'000U));
}

RecipeVisit VisitOf(const Recipe& recipe, const std::vector<Facts>& shoppers, uint64_t seed,
                    uint64_t number) {
  base::RandomStream random = StreamOf(recipe, seed, "visit", number);
  const uint64_t day = number / recipe.visits_per_day;
  RecipeVisit visit;
  visit.time = Within(recipe, day, &random);
  visit.shopper = recipe.who(day, number % recipe.visits_per_day, &random);
  visit.context = recipe.context(shoppers[visit.shopper], &random);
  bool looked_at = true;
  for (uint32_t position = 0; position < recipe.slate_size; ++position) {
    const double share = recipe.looked_at.empty() ? 1 : recipe.looked_at[position];
    looked_at = looked_at && random.NextUniform() < share;
    RecipeVisit::Place& place = visit.places.emplace_back();
    place.looked_at = looked_at;
    place.luck = random.NextUniform();
    place.value = random.NextUniform();
    place.delay = -base::Log1p(-random.NextUniform());
  }
  return visit;
}

std::string Cell(const Facts& facts, const std::string& name) {
  const auto found = facts.find(name);
  if (found == facts.end()) return "";
  if (const auto* text = std::get_if<std::string>(&found->second)) return *text;
  return absl::StrCat(std::get<double>(found->second));
}

}  // namespace

std::string TextOf(const Facts& facts, const std::string& name) {
  const auto found = facts.find(name);
  const auto* text = found == facts.end() ? nullptr : std::get_if<std::string>(&found->second);
  return text == nullptr ? "" : *text;
}

double NumberOf(const Facts& facts, const std::string& name) {
  const auto found = facts.find(name);
  const auto* number = found == facts.end() ? nullptr : std::get_if<double>(&found->second);
  return number == nullptr ? std::numeric_limits<double>::quiet_NaN() : *number;
}

std::vector<std::string> RecipeNames() {
  const std::vector<Recipe> recipes = AllRecipes();
  std::vector<std::string> names;
  names.reserve(recipes.size());
  for (const Recipe& recipe : recipes) names.push_back(recipe.name);
  return names;
}

absl::StatusOr<Recipe> FindRecipe(const std::string& name) {
  for (Recipe& recipe : AllRecipes()) {
    if (recipe.name == name) return std::move(recipe);
  }
  return absl::NotFoundError(absl::StrCat("there is no recipe '", name, "'; the recipes are ",
                                          absl::StrJoin(RecipeNames(), ", ")));
}

std::vector<Facts> ShoppersOf(const Recipe& recipe, uint64_t seed) {
  std::vector<Facts> shoppers;
  shoppers.reserve(recipe.shoppers);
  for (uint32_t number = 0; number < recipe.shoppers; ++number) {
    base::RandomStream random = StreamOf(recipe, seed, "shopper", number);
    shoppers.push_back(recipe.features(number, &random));
  }
  return shoppers;
}

std::string ShopperId(uint32_t shopper) {
  return absl::StrCat("shopper-", shopper);
}

std::string ShoppersCsv(const std::vector<Facts>& shoppers, absl::Time since) {
  std::set<std::string> names;
  for (const Facts& facts : shoppers) {
    for (const auto& [name, value] : facts) names.insert(name);
  }
  std::string csv = absl::StrCat("id,event_time,", absl::StrJoin(names, ","), "\n");
  const std::string time = absl::FormatTime(absl::RFC3339_full, since, absl::UTCTimeZone());
  for (uint32_t number = 0; number < shoppers.size(); ++number) {
    const Facts& facts = shoppers[number];
    if (facts.empty()) continue;
    absl::StrAppend(&csv, ShopperId(number), ",", time);
    for (const std::string& name : names) absl::StrAppend(&csv, ",", Cell(facts, name));
    csv.push_back('\n');
  }
  return csv;
}

std::vector<RecipeVisit> VisitsOf(const Recipe& recipe, const std::vector<Facts>& shoppers,
                                  uint64_t seed) {
  std::vector<RecipeVisit> visits;
  visits.reserve(recipe.visits());
  for (uint64_t number = 0; number < recipe.visits(); ++number) {
    visits.push_back(VisitOf(recipe, shoppers, seed, number));
  }
  std::stable_sort(visits.begin(), visits.end(),
                   [](const RecipeVisit& a, const RecipeVisit& b) { return a.time < b.time; });
  absl::Time last = absl::InfinitePast();
  for (size_t i = 0; i < visits.size(); ++i) {
    visits[i].number = i;
    visits[i].time = std::max(visits[i].time, last + absl::Microseconds(1));
    last = visits[i].time;
  }
  return visits;
}

}  // namespace fulcrum::simulation
