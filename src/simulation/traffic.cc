#include "simulation/traffic.h"

#include <algorithm>
#include <queue>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace fulcrum::simulation {
namespace {

// A report on its way to the service.
struct Report {
  absl::Time due;
  uint64_t order = 0;  // of the same instant, in the order of sending
  bool is_outcome = false;
  bool is_repeat = false;
  DecisionId id;
  uint32_t position = 1;
  absl::Time occurred;

  friend bool operator>(const Report& a, const Report& b) {
    return std::tie(a.due, a.order) > std::tie(b.due, b.order);
  }
};

class Player {
 public:
  Player(const World& world, const Oracle& oracle, uint32_t users, Endpoint& endpoint)
      : world_(world), judge_(world, oracle, users), endpoint_(endpoint) {
    result_.chosen.assign(world.arms.size() + 1, 0);
  }

  absl::Status Play(const Visit& visit);
  absl::Status DeliverUntil(absl::Time now);
  absl::Status Close(Visit* last, absl::Duration after);
  TrafficResult& result() { return result_; }

 private:
  absl::StatusOr<std::vector<size_t>> SlateOf(const Endpoint::Answer& answer) const;
  void Note(const Visit& visit, const std::vector<size_t>& slate);
  void Send(const Visit& visit, DecisionId id, const std::vector<size_t>& slate);
  void SendOutcome(const Visit& visit, DecisionId id, size_t arm, Showing showing);
  void Push(Report report, bool twice, absl::Duration repeat_after);
  absl::Status Deliver(const Report& report);

  const World& world_;
  Judge judge_;
  Endpoint& endpoint_;
  TrafficResult result_;
  uint64_t sent_ = 0;
  absl::Time newest_outcome_ = absl::InfinitePast();
  std::priority_queue<Report, std::vector<Report>, std::greater<>> reports_;
};

absl::Status Player::Play(const Visit& visit) {
  FULCRUM_RETURN_IF_ERROR(DeliverUntil(visit.time));
  FULCRUM_ASSIGN_OR_RETURN(const Endpoint::Answer answer, endpoint_.Decide(visit));
  FULCRUM_ASSIGN_OR_RETURN(const std::vector<size_t> slate, SlateOf(answer));
  if (!answer.drawn) ++result_.fallbacks;
  Send(visit, answer.id, slate);
  Note(visit, slate);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<size_t>> Player::SlateOf(const Endpoint::Answer& answer) const {
  std::vector<size_t> slate;
  slate.reserve(answer.action_ids.size());
  for (const std::string& action : answer.action_ids) {
    slate.push_back(world_.IndexOf(action));
    if (slate.back() > world_.neutral()) {
      return absl::InternalError(
          absl::StrCat("the service decided for '", action, "', which the world lacks"));
    }
  }
  if (slate.empty() || slate.size() > world_.positions.size()) {
    return absl::InternalError(absl::StrCat("the service decided ", slate.size(), " positions of ",
                                            world_.positions.size()));
  }
  return slate;
}

void Player::Note(const Visit& visit, const std::vector<size_t>& slate) {
  ++result_.decisions;
  for (const size_t arm : slate) ++result_.chosen[arm];
  if (visit.shown_late) ++result_.shown_late;
  if (!visit.shown) return;
  ++result_.shown;
  for (size_t position = 0; position < slate.size(); ++position) {
    const size_t arm = slate[position];
    if (visit.Earns(world_, arm, judge_.At(visit, arm, position))) ++result_.reward;
    if (arm != world_.neutral() && world_.arms[arm].campaign == world_.budgeted) {
      result_.spent_micros += world_.arms[arm].cost_micros;
    }
  }
  const Judge::Verdict verdict = judge_.Show(visit, slate);
  result_.expected_reward += verdict.expected;
  result_.oracle_reward += verdict.oracle;
  result_.regret += verdict.regret;
}

// A slate is seen as a whole or not at all.
void Player::Send(const Visit& visit, DecisionId id, const std::vector<size_t>& slate) {
  if (!visit.shown && !visit.shown_late) return;
  for (size_t position = 0; position < slate.size(); ++position) {
    Report exposure;
    exposure.id = id;
    exposure.position = static_cast<uint32_t>(position) + 1;
    exposure.occurred = visit.time;
    exposure.due = visit.time + visit.exposure_lag;
    Push(exposure, visit.exposure_repeated, absl::Seconds(5));
    SendOutcome(visit, id, slate[position], judge_.At(visit, slate[position], position));
  }
}

void Player::SendOutcome(const Visit& visit, DecisionId id, size_t arm, Showing showing) {
  if (!visit.Converts(world_, arm, showing)) return;
  const absl::Duration delay = visit.OutcomeDelay(world_, arm, showing.position);
  const Luck& luck = visit.positions[showing.position];
  Report outcome;
  outcome.id = id;
  outcome.position = static_cast<uint32_t>(showing.position) + 1;
  outcome.is_outcome = true;
  outcome.occurred = visit.time + delay;
  outcome.due = outcome.occurred + luck.outcome_lag;
  if (delay > world_.timing.attribution_window) ++result_.outcomes_late;
  Push(outcome, luck.outcome_repeated, absl::Seconds(30));
}

void Player::Push(Report report, bool twice, absl::Duration repeat_after) {
  report.order = ++sent_;
  reports_.push(report);
  if (!twice) return;
  report.order = ++sent_;
  report.is_repeat = true;
  report.due += repeat_after;
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
    ++(report.is_repeat ? result_.exposure_repeats : result_.exposure_reports);
    return endpoint_.ReportExposure(report.id, report.position, report.occurred);
  }
  ++(report.is_repeat ? result_.outcome_repeats : result_.outcome_reports);
  if (report.occurred < newest_outcome_) ++result_.outcomes_out_of_order;
  newest_outcome_ = std::max(newest_outcome_, report.occurred);
  return endpoint_.ReportOutcome(report.id, report.position, report.occurred);
}

absl::Status Player::Close(Visit* last, absl::Duration after) {
  last->time += after;
  ++last->number;
  FULCRUM_RETURN_IF_ERROR(DeliverUntil(last->time));
  return endpoint_.Decide(*last).status();
}

}  // namespace

absl::StatusOr<TrafficResult> PlayTraffic(const World& world, const Oracle& oracle,
                                          const TrafficOptions& options, Endpoint& endpoint,
                                          const std::function<void(uint64_t)>& progress) {
  Visits visits(world, options.seed, options.users);
  Player player(world, oracle, options.users, endpoint);
  Visit visit;
  for (uint64_t done = 1; done <= options.decisions; ++done) {
    visit = visits.Next();
    FULCRUM_RETURN_IF_ERROR(player.Play(visit));
    if (done * options.curve_points / options.decisions >
        (done - 1) * options.curve_points / options.decisions) {
      player.result().regret_curve.push_back(player.result().regret);
    }
    if (progress) progress(done);
  }
  // Exposures that are late must find their window over.
  const Timing& timing = world.timing;
  FULCRUM_RETURN_IF_ERROR(player.Close(&visit, timing.exposure_window + absl::Seconds(1)));
  FULCRUM_RETURN_IF_ERROR(player.Close(&visit, timing.attribution_window + absl::Seconds(1)));
  FULCRUM_RETURN_IF_ERROR(player.DeliverUntil(absl::InfiniteFuture()));
  return std::move(player.result());
}

}  // namespace fulcrum::simulation
