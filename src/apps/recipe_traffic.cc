#include "apps/recipe_traffic.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <queue>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace fulcrum::apps {
namespace {

using simulation::Facts;
using simulation::Recipe;
using simulation::RecipeVisit;

// Far above anything but a hung service: a slow machine makes an answer late, not absent.
const absl::Duration kCallTimeout = absl::Seconds(60);
const absl::Duration kLookLag = absl::Seconds(2);  // from the decision to a look at it

// Something on its way to the service.
struct Report {
  absl::Time due;
  uint64_t order = 0;  // of the same instant, in the order of sending
  bool is_outcome = false;
  DecisionId decision;
  uint32_t position = 1;
  double value = 1;

  friend bool operator>(const Report& a, const Report& b) {
    return std::tie(a.due, a.order) > std::tie(b.due, b.order);
  }
};

class Player {
 public:
  Player(DecisionClient& client, const Recipe& recipe, const std::vector<Facts>& shoppers)
      : client_(client), recipe_(recipe), shoppers_(shoppers) {
    for (const simulation::Guard& guard : recipe.guards) result_.guards.push_back({guard.what});
  }

  absl::Status Play(const RecipeVisit& visit);
  absl::Status Close(absl::Time now);
  absl::Status DeliverUntil(absl::Time now);
  RecipeTraffic Take() && { return std::move(result_); }

 private:
  DecisionRequest RequestOf(const RecipeVisit& visit) const;
  void Watch(const simulation::Request& request, const Decision& decision);
  void Send(const RecipeVisit& visit, const simulation::Request& request, const Decision& decision);
  void Push(Report report);
  absl::Status Deliver(const Report& report);

  DecisionClient& client_;
  const Recipe& recipe_;
  const std::vector<Facts>& shoppers_;
  RecipeTraffic result_;
  uint64_t sent_ = 0;
  uint64_t closed_ = 0;
  std::priority_queue<Report, std::vector<Report>, std::greater<>> reports_;
};

absl::Status Player::Play(const RecipeVisit& visit) {
  FULCRUM_RETURN_IF_ERROR(DeliverUntil(visit.time));
  const auto start = std::chrono::steady_clock::now();
  FULCRUM_ASSIGN_OR_RETURN(const Decision decision, client_.Decide(RequestOf(visit), kCallTimeout));
  const auto end = std::chrono::steady_clock::now();
  ++result_.visits;
  if (decision.log_pending) ++result_.fallbacks;
  result_.server_us.push_back(decision.total_us);
  result_.client_us.push_back(
      std::chrono::duration_cast<std::chrono::microseconds>(end - start).count());
  const simulation::Request request{shoppers_[visit.shopper], visit.context, visit.time};
  Watch(request, decision);
  Send(visit, request, decision);
  return absl::OkStatus();
}

DecisionRequest Player::RequestOf(const RecipeVisit& visit) const {
  DecisionRequest request;
  request.request_id = absl::StrCat("visit-", visit.number);
  request.user_id = simulation::ShopperId(visit.shopper);
  request.surface = recipe_.surface;
  request.slate_size = recipe_.slate_size;
  request.occurred_at = visit.time;
  request.context = visit.context;
  return request;
}

void Player::Watch(const simulation::Request& request, const Decision& decision) {
  for (size_t i = 0; i < recipe_.guards.size(); ++i) {
    const simulation::Guard& guard = recipe_.guards[i];
    if (!guard.applies(request)) continue;
    ++result_.guards[i].applied;
    for (const DecidedAction& action : decision.actions) {
      const auto& forbidden = guard.actions;
      const bool broken =
          std::find(forbidden.begin(), forbidden.end(), action.action_id) != forbidden.end();
      if (broken) ++result_.guards[i].broken;
    }
  }
}

void Player::Send(const RecipeVisit& visit, const simulation::Request& request,
                  const Decision& decision) {
  for (uint32_t i = 0; i < decision.actions.size() && i < visit.places.size(); ++i) {
    const RecipeVisit::Place& place = visit.places[i];
    if (!place.looked_at) return;  // nor is what is below
    Report report;
    report.decision = decision.id;
    report.position = i + 1;
    report.due = visit.time + kLookLag;
    if (!recipe_.looked_at.empty()) Push(report);
    const simulation::Response response = recipe_.response(request, decision.actions[i].action_id);
    if (place.luck >= response.chance) continue;
    report.is_outcome = true;
    report.due += absl::Trunc(response.delay * place.delay, absl::Microseconds(1));
    const double value = response.value * (1 + response.spread * (2 * place.value - 1));
    report.value = std::round(100 * value) / 100;
    Push(report);
  }
}

void Player::Push(Report report) {
  report.order = ++sent_;
  reports_.push(report);
}

absl::Status Player::DeliverUntil(absl::Time now) {
  while (!reports_.empty() && reports_.top().due <= now) {
    const Report report = reports_.top();
    reports_.pop();
    FULCRUM_RETURN_IF_ERROR(Deliver(report));
  }
  return absl::OkStatus();
}

absl::Status Player::Deliver(const Report& report) {
  if (!report.is_outcome) {
    ++result_.exposures;
    return client_.ReportExposure(report.decision, report.position, report.due, kCallTimeout)
        .status();
  }
  ++result_.outcomes;
  DecisionClient::Outcome outcome;
  outcome.decision = report.decision;
  outcome.position = report.position;
  outcome.outcome_id = absl::StrCat(recipe_.reward_kind, "-", report.position);
  outcome.kind = recipe_.reward_kind;
  outcome.value = report.value;
  outcome.currency = recipe_.currency;
  outcome.occurred_at = report.due;
  return client_.ReportOutcome(outcome, kCallTimeout).status();
}

absl::Status Player::Close(absl::Time now) {
  FULCRUM_RETURN_IF_ERROR(DeliverUntil(now));
  DecisionRequest request;
  request.request_id = absl::StrCat(kClosingPrefix, ++closed_);
  request.user_id = request.request_id;
  request.surface = recipe_.surface;
  request.occurred_at = now;
  request.candidates = recipe_.unlimited;
  return client_.Decide(request, kCallTimeout).status();
}

}  // namespace

absl::StatusOr<RecipeTraffic> PlayRecipe(
    DecisionClient& client, const Recipe& recipe, const std::vector<Facts>& shoppers,
    absl::Span<const RecipeVisit> visits, const SettleTimes& settle,
    const std::function<void(size_t done, size_t all)>& progress) {
  Player player(client, recipe, shoppers);
  for (size_t i = 0; i < visits.size(); ++i) {
    FULCRUM_RETURN_IF_ERROR(player.Play(visits[i]));
    progress(i + 1, visits.size());
  }
  const absl::Time end = visits.empty() ? recipe.start : visits.back().time;
  const absl::Time shown = end + settle.exposure + absl::Seconds(1);
  FULCRUM_RETURN_IF_ERROR(player.Close(shown));
  FULCRUM_RETURN_IF_ERROR(player.Close(shown + settle.attribution));
  FULCRUM_RETURN_IF_ERROR(player.DeliverUntil(absl::InfiniteFuture()));
  return std::move(player).Take();
}

}  // namespace fulcrum::apps
