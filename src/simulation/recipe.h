// Shoppers for the recipes of configs/recipes: who they are, when they come and with what, and what
// follows what they are shown. All of it is made up; the service sees features and contexts, never
// the rates.
//
// What a visit brings is settled by its number before anybody decides, so a seed's visits are the
// same whatever the service does.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/random.h"

namespace fulcrum::simulation {

// What is known of a shopper or sent with a request, by name. What is absent is not known.
using Facts = std::map<std::string, std::variant<double, std::string>>;

std::string TextOf(const Facts& facts, const std::string& name);  // empty: not known
double NumberOf(const Facts& facts, const std::string& name);     // NaN: not known

// What would follow an action that is looked at.
struct Response {
  double chance = 0;  // of an outcome
  double value = 1;   // of it, on average
  double spread = 0;  // the value is uniform within this share of it, either way
  absl::Duration delay = absl::Minutes(2);  // from the decision to the outcome, on average
};

// Who asks for what, when.
struct Request {
  const Facts& shopper;
  const Facts& context;
  absl::Time time;
};

// Something that must never be shown to some, told independently of the bundle.
struct Guard {
  std::string what;                  // in words
  std::vector<std::string> actions;  // that it forbids
  std::function<bool(const Request&)> applies;
};

struct Recipe {
  std::string name;
  std::string what;         // a sentence for people
  std::string surface;      // that the requests are for
  uint32_t slate_size = 1;  // that they ask for
  std::string reward_kind;  // of the outcomes
  std::string unit;         // what a reward is, in the plural: "clicks", "EUR of margin"
  std::string currency;     // of the outcomes; empty: they count
  // How likely a position is looked at, given the ones before it were: each exposure is reported.
  // Empty: exposure is assumed, and everything is looked at.
  std::vector<double> looked_at;
  // Candidates of a request that only lets time pass: actions that no limit counts.
  std::vector<std::string> unlimited;

  absl::Time start;
  absl::TimeZone zone;  // of the hours
  uint64_t days = 1;
  uint64_t visits_per_day = 1000;
  std::vector<double> hours;  // how busy each hour of the day is, in any unit
  uint32_t shoppers = 1;

  // Whoever comes as the visit `number` of day `day`; an index below `shoppers`.
  std::function<uint32_t(uint64_t day, uint64_t number, base::RandomStream*)> who;
  std::function<Facts(uint32_t shopper, base::RandomStream*)> features;
  std::function<Facts(const Facts& shopper, base::RandomStream*)> context;
  // `action` may be the neutral one.
  std::function<Response(const Request&, const std::string& action)> response;
  std::vector<Guard> guards;

  uint64_t visits() const { return days * visits_per_day; }
};

// All recipes by name, and one of them. NOT_FOUND names those that exist.
std::vector<std::string> RecipeNames();
absl::StatusOr<Recipe> FindRecipe(const std::string& name);

// One recipe each (recipe_homepage.cc, ..).
Recipe HomepageRecipe();
Recipe CartOfferRecipe();
Recipe EmailReactivationRecipe();

// Everybody who may come. The same for the same seed; a shopper without facts has never been seen.
std::vector<Facts> ShoppersOf(const Recipe& recipe, uint64_t seed);
std::string ShopperId(uint32_t shopper);
// `id,event_time,` and the features by name, for `fulcrum load`: everybody who has been seen.
std::string ShoppersCsv(const std::vector<Facts>& shoppers, absl::Time since);

struct RecipeVisit {
  struct Place {
    bool looked_at = false;
    double luck = 0;   // [0, 1): an outcome follows if this is below its chance
    double value = 0;  // [0, 1): where in its spread the value is
    double delay = 0;  // in means: exponential
  };

  uint64_t number = 0;  // from 0
  absl::Time time;
  uint32_t shopper = 0;
  Facts context;
  std::vector<Place> places;  // by position
};

// A seed's visits in order of time, none at the same microsecond.
std::vector<RecipeVisit> VisitsOf(const Recipe& recipe, const std::vector<Facts>& shoppers,
                                  uint64_t seed);

}  // namespace fulcrum::simulation
