// Shoppers of configs/recipes/homepage: a few come many times a day, most of them seldom.
#include <utility>

#include "simulation/recipe.h"

namespace fulcrum::simulation {
namespace {

constexpr char kType[] = "visitor_type";

// The lower the number, the more often. One in ten has never been seen before.
Facts Features(uint32_t shopper, base::RandomStream* random) {
  if (shopper % 10 == 9) return {};
  const double place = random->NextUniform();
  const bool is_new = place < 0.3;
  const char* const type = is_new ? "new" : place < 0.75 ? "returning" : "loyal";
  const double orders = is_new ? 0 : 1 + random->NextBelow(12);
  return {{kType, std::string(type)}, {"orders", orders}};
}

// P(click | looked at), for visitors of whom nothing is known.
const std::map<std::string, double>& Rates() {
  static const auto* const kRates = new std::map<std::string, double>{
      {"hero_spring", 0.05},      {"hero_sneakers", 0.06}, {"hero_film", 0.09},
      {"hero_film_still", 0.05},  {"sale_dresses", 0.07},  {"sale_shoes", 0.06},
      {"welcome_shipping", 0.08}, {"stylist_call", 0.02},  {"app_teaser", 0.015},
      {"points_double", 0.09},    {"magazine", 0.03},      {"lookbook", 0.035},
      {"size_guide", 0.015}};
  return *kRates;
}

// What type of visitor likes what more or less.
double Taste(const std::string& type, const std::string& action) {
  if (type == "loyal" && action.rfind("hero_", 0) == 0) return 1.6;
  if (type == "loyal" && action.rfind("sale_", 0) == 0) return 0.7;
  if (type == "returning" && action == "sale_shoes") return 1.8;
  if (type == "new" && action == "magazine") return 0.5;
  return 1;
}

Response Respond(const Request& request, const std::string& action) {
  const auto rate = Rates().find(action);
  if (rate == Rates().end()) return {};
  Response response;
  response.chance = rate->second * Taste(TextOf(request.shopper, kType), action);
  response.delay = absl::Minutes(3);
  return response;
}

std::vector<Guard> Guards(absl::TimeZone zone) {
  return {
      {"service modules between 20:00 and 9:00",
       {"stylist_call", "app_teaser", "points_double"},
       [zone](const Request& request) {
         const int hour = absl::ToCivilSecond(request.time, zone).hour();
         return hour >= 20 || hour < 9;
       }},
      {"the welcome offer to who has ordered before",
       {"welcome_shipping"},
       [](const Request& request) { return NumberOf(request.shopper, "orders") > 0; }},
      {"the app's teaser inside the app",
       {"app_teaser"},
       [](const Request& request) { return TextOf(request.context, "device") == "app"; }},
      {"double points to who is not known to be loyal",
       {"points_double"},
       [](const Request& request) { return TextOf(request.shopper, kType) != "loyal"; }},
  };
}

}  // namespace

Recipe HomepageRecipe() {
  Recipe recipe;
  recipe.name = "homepage";
  recipe.what =
      "three modules on a homepage, with caps per visitor and editorial pages to fall "
      "back on";
  recipe.surface = "homepage";
  recipe.slate_size = 3;
  recipe.reward_kind = "click";
  recipe.unit = "clicks";
  recipe.looked_at = {0.95, 0.75, 0.75};
  recipe.unlimited = {"magazine"};
  absl::LoadTimeZone("Europe/Berlin", &recipe.zone);
  recipe.start = absl::FromCivil(absl::CivilDay(2026, 3, 2), recipe.zone);
  recipe.days = 3;
  recipe.visits_per_day = 2000;
  recipe.hours = {2, 1, 1, 1, 1, 2, 4, 6, 7, 7, 7, 7, 8, 7, 7, 7, 8, 9, 10, 11, 12, 11, 8, 4};
  recipe.shoppers = 900;
  // In proportion to the density of a square: the first tenth makes a third of the visits.
  recipe.who = [count = recipe.shoppers](uint64_t, uint64_t, base::RandomStream* random) {
    const double place = random->NextUniform();
    return static_cast<uint32_t>(place * place * count);
  };
  recipe.features = Features;
  recipe.context = [](const Facts&, base::RandomStream* random) {
    return Facts{{"device", std::string(random->NextUniform() < 0.4 ? "app" : "web")}};
  };
  recipe.response = Respond;
  recipe.guards = Guards(recipe.zone);
  return recipe;
}

}  // namespace fulcrum::simulation
