// Shoppers of configs/recipes/cart_offer: carts of different worth, from several countries, some of
// them unknown.
#include <cmath>
#include <utility>

#include "simulation/recipe.h"

namespace fulcrum::simulation {
namespace {

constexpr char kCountry[] = "country";
constexpr char kCategory[] = "category";
constexpr char kCartValue[] = "cart_value";

// One of `names`, by their shares; the last one takes the rest.
std::string Pick(const std::vector<std::pair<const char*, double>>& names, double place) {
  for (const auto& [name, share] : names) {
    if (place < share) return name;
    place -= share;
  }
  return names.back().first;
}

// One in seven never told an age; one in twelve is under 18.
Facts Features(uint32_t shopper, base::RandomStream* random) {
  Facts facts = {{"customer_type", std::string(random->NextUniform() < 0.4 ? "new" : "returning")}};
  if (shopper % 7 == 6) return facts;
  facts["age"] = shopper % 12 == 0 ? 16.0 : 18.0 + random->NextBelow(50);
  return facts;
}

Facts Cart(const Facts&, base::RandomStream* random) {
  Facts cart;
  const std::string country =
      Pick({{"de", 0.45}, {"at", 0.15}, {"fr", 0.14}, {"se", 0.09}, {"no", 0.09}, {"", 0.08}},
           random->NextUniform());
  if (!country.empty()) cart[kCountry] = country;
  cart[kCategory] =
      Pick({{"fashion", 0.4}, {"shoes", 0.3}, {"electronics", 0.3}}, random->NextUniform());
  const double place = random->NextUniform();
  cart[kCartValue] = std::round(100 * (10 + 240 * place * place)) / 100;
  return cart;
}

// How likely an offer is taken, and what it brings in EUR, its own cost taken off.
struct Sale {
  double chance = 0;
  double margin = 0;
};

const std::map<std::string, Sale>& Sales() {
  static const auto* const kSales = new std::map<std::string, Sale>{
      {"coupon_5", {0.22, 9}},       {"coupon_2", {0.14, 7}},    {"gift_wrap", {0.12, 2.5}},
      {"care_kit", {0.13, 6}},       {"usb_charger", {0.11, 8}}, {"warranty", {0.07, 22}},
      {"warranty_plus", {0.05, 40}}, {"spring_box", {0.05, 11}}, {"wine_crate", {0.05, 18}},
      {"pay_later", {0.09, 12}}};
  return *kSales;
}

Response Respond(const Request& request, const std::string& action) {
  const auto sale = Sales().find(action);
  if (sale == Sales().end()) return {};
  const bool is_new = TextOf(request.shopper, "customer_type") == "new";
  const bool discount = action.rfind("coupon_", 0) == 0;
  Response response;
  response.chance = sale->second.chance * (is_new ? (discount ? 1.3 : 0.7) : 1);
  response.value = sale->second.margin;
  response.spread = 0.5;
  response.delay = absl::Minutes(6);
  return response;
}

bool In(const Request& request, std::initializer_list<const char*> countries) {
  const std::string country = TextOf(request.context, kCountry);
  for (const char* const one : countries) {
    if (country == one) return true;
  }
  return false;
}

std::vector<Guard> Guards(absl::TimeZone zone) {
  const absl::Time box_ends = absl::FromCivil(absl::CivilDay(2026, 3, 5), zone);
  return {
      {"wine to Norway, Sweden or who knows where",
       {"wine_crate"},
       [](const Request& request) {
         return In(request, {"no", "se", ""});
       }},
      {"wine to who is not known to be 18",
       {"wine_crate"},
       [](const Request& request) { return !(NumberOf(request.shopper, "age") >= 18); }},
      {"paying later outside Germany, Austria and France",
       {"pay_later"},
       [](const Request& request) {
         return !In(request, {"de", "at", "fr"});
       }},
      {"paying later below 100 EUR in France",
       {"pay_later"},
       [](const Request& request) {
         return In(request, {"fr"}) && NumberOf(request.context, kCartValue) < 100;
       }},
      {"an insurance outside Germany and Austria",
       {"warranty", "warranty_plus"},
       [](const Request& request) {
         return !In(request, {"de", "at"});
       }},
      {"an offer that nobody has approved", {"warranty_plus"}, [](const Request&) { return true; }},
      {"the spring box after its contract",
       {"spring_box"},
       [box_ends](const Request& request) { return request.time >= box_ends; }},
      {"a coupon on a cart below 40 EUR",
       {"coupon_5", "coupon_2"},
       [](const Request& request) { return NumberOf(request.context, kCartValue) < 40; }},
  };
}

}  // namespace

Recipe CartOfferRecipe() {
  Recipe recipe;
  recipe.name = "cart_offer";
  recipe.what = "three next-best offers below a cart, within budgets and what the law says where";
  recipe.surface = "cart";
  recipe.slate_size = 3;
  recipe.reward_kind = "margin";
  recipe.unit = "EUR of margin";
  recipe.currency = "EUR";
  absl::LoadTimeZone("Europe/Berlin", &recipe.zone);
  recipe.start = absl::FromCivil(absl::CivilDay(2026, 3, 2), recipe.zone);
  recipe.days = 5;
  recipe.visits_per_day = 1200;
  recipe.hours = {2, 1, 1, 1, 1, 1, 2, 4, 6, 7, 8, 8, 9, 8, 8, 8, 8, 9, 10, 12, 13, 11, 7, 4};
  recipe.shoppers = 2000;
  recipe.who = [count = recipe.shoppers](uint64_t, uint64_t, base::RandomStream* random) {
    return random->NextBelow(count);
  };
  recipe.features = Features;
  recipe.context = Cart;
  recipe.response = Respond;
  recipe.guards = Guards(recipe.zone);
  return recipe;
}

}  // namespace fulcrum::simulation
