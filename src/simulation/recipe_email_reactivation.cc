// Customers of configs/recipes/email_reactivation, who stopped buying; a job asks for each of them
// every third day.
#include <utility>

#include "simulation/recipe.h"

namespace fulcrum::simulation {
namespace {

constexpr uint64_t kEvery = 3;         // days
constexpr uint64_t kCustomers = 1500;  // a multiple of that
constexpr uint64_t kStride = 197;      // coprime to a day's customers

// Three of ten have been away for half a year; one in eight has unsubscribed, of one in fifteen it
// is not known.
Facts Features(uint32_t customer, base::RandomStream* random) {
  const double place = random->NextUniform();
  const bool month = place < 0.35;
  const bool quarter = !month && place < 0.7;
  const double days = month     ? 30 + random->NextBelow(30)
                      : quarter ? 60 + random->NextBelow(60)
                                : 120 + random->NextBelow(60);
  Facts facts = {{"lapsed", std::string(month     ? "month"
                                        : quarter ? "quarter"
                                                  : "half_year")},
                 {"days_since_order", days}};
  if (customer % 15 != 14) facts["subscribed"] = std::string(customer % 8 == 7 ? "no" : "yes");
  return facts;
}

// P(an order within three days): what comes by itself, and what a mail adds.
struct Rates {
  double alone = 0;
  std::map<std::string, double> mail;
};

const std::map<std::string, Rates>& RatesBySegment() {
  static const auto* const kRates = new std::map<std::string, Rates>{
      {"month", {0.03, {{"mail_news", 0.03}, {"mail_favourites", 0.10}}}},
      {"quarter",
       {0.02, {{"mail_news", 0.015}, {"mail_favourites", 0.06}, {"mail_voucher", 0.14}}}},
      {"half_year",
       {0.008, {{"mail_news", 0.004}, {"mail_favourites", 0.015}, {"mail_voucher", 0.09}}}}};
  return *kRates;
}

Response Respond(const Request& request, const std::string& action) {
  const auto rates = RatesBySegment().find(TextOf(request.shopper, "lapsed"));
  if (rates == RatesBySegment().end()) return {};
  const auto added = rates->second.mail.find(action);
  Response response;
  response.chance = rates->second.alone + (added == rates->second.mail.end() ? 0 : added->second);
  response.delay = absl::Hours(14);
  return response;
}

std::vector<Guard> Guards(absl::TimeZone zone) {
  const std::vector<std::string> mails = {"mail_news", "mail_favourites", "mail_voucher"};
  return {
      {"a mail between 20:00 and 8:00", mails,
       [zone](const Request& request) {
         const int hour = absl::ToCivilSecond(request.time, zone).hour();
         return hour >= 20 || hour < 8;
       }},
      {"a mail to who is not known to be subscribed", mails,
       [](const Request& request) { return TextOf(request.shopper, "subscribed") != "yes"; }},
      {"a voucher to who ordered in the last 60 days",
       {"mail_voucher"},
       [](const Request& request) { return NumberOf(request.shopper, "days_since_order") < 60; }},
  };
}

}  // namespace

Recipe EmailReactivationRecipe() {
  Recipe recipe;
  recipe.name = "email_reactivation";
  recipe.what = "mails to customers who stopped buying, with a send cap and a holdout";
  recipe.surface = "reactivation_mail";
  recipe.reward_kind = "order";
  recipe.unit = "orders";
  absl::LoadTimeZone("Europe/Berlin", &recipe.zone);
  recipe.start = absl::FromCivil(absl::CivilDay(2026, 3, 2), recipe.zone);
  recipe.days = 28;
  recipe.visits_per_day = kCustomers / kEvery;
  // The job runs from 6 to 22: what it asks before 8 and after 20 finds quiet hours.
  recipe.hours = {0, 0, 0, 0, 0, 0, 1, 1, 3, 3, 3, 3, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 0, 0};
  recipe.shoppers = kCustomers;
  recipe.who = [](uint64_t day, uint64_t number, base::RandomStream*) {
    return static_cast<uint32_t>(kEvery * (number * kStride % (kCustomers / kEvery)) +
                                 day % kEvery);
  };
  recipe.features = Features;
  recipe.context = [](const Facts&, base::RandomStream*) {
    return Facts{{"channel", std::string("mail")}};
  };
  recipe.response = Respond;
  recipe.guards = Guards(recipe.zone);
  return recipe;
}

}  // namespace fulcrum::simulation
