#include "apps/demo_traffic.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/random.h"
#include "base/status_macros.h"
#include "telemetry/metrics.h"

namespace fulcrum::apps {
namespace {

constexpr int kCandidates = 3;
// Far above the surfaces' own budget: a slow machine makes an answer late, not absent.
const absl::Duration kCallTimeout = absl::Seconds(5);

struct Visit {
  const DemoCampaign* campaign;
  const LoggedRow* row;
};

std::vector<Visit> InOrderOfTime(const DemoData& data) {
  std::vector<Visit> visits;
  for (const DemoCampaign& campaign : data.campaigns) {
    for (const LoggedRow& row : campaign.random) visits.push_back({&campaign, &row});
  }
  std::stable_sort(visits.begin(), visits.end(),
                   [](const Visit& a, const Visit& b) { return a.row->time < b.row->time; });
  return visits;
}

// The logged item and two others, shuffled.
std::vector<int> CandidateItems(const Visit& visit, base::RandomStream& random) {
  const auto count = static_cast<uint32_t>(visit.campaign->items.size());
  std::vector<int> items = {visit.row->item};
  while (items.size() < kCandidates) {
    const int item = static_cast<int>(random.NextBelow(count));
    if (std::find(items.begin(), items.end(), item) == items.end()) items.push_back(item);
  }
  for (size_t i = items.size() - 1; i > 0; --i) {
    std::swap(items[i], items[random.NextBelow(static_cast<uint32_t>(i) + 1)]);
  }
  return items;
}

DecisionRequest RequestOf(const Visit& visit, size_t number, base::RandomStream& random) {
  const std::string& campaign = visit.campaign->name;
  DecisionRequest request;
  request.request_id = absl::StrCat("demo-", number);
  request.user_id = UserIdOf(campaign, *visit.row);
  request.surface = absl::StrCat("shop_", campaign);
  request.occurred_at = visit.row->time;
  request.context["position"] = static_cast<double>(visit.row->position);
  request.context["hour"] = static_cast<double>(HourOf(*visit.row));
  // All of the row's affinities that say something, and the candidates' own in any case: absent
  // would mean missing, not zero.
  for (size_t item = 0; item < visit.row->affinities.size(); ++item) {
    if (visit.row->affinities[item] == 0) continue;
    request.context[absl::StrCat("affinity.", ActionIdOf(campaign, static_cast<int>(item)))] =
        visit.row->affinities[item];
  }
  for (const int item : CandidateItems(visit, random)) {
    request.candidates.push_back(ActionIdOf(campaign, item));
    request.context[absl::StrCat("affinity.", request.candidates.back())] =
        visit.row->affinities[static_cast<size_t>(item)];
  }
  return request;
}

class Player {
 public:
  Player(DecisionClient& client, uint64_t seed)
      : client_(client), lists_(seed), coins_(seed ^ 0x636f696eULL) {}

  absl::Status Play(const Visit& visit);
  TrafficResult Take() && { return std::move(result_); }

 private:
  void Note(const Decision& decision, int64_t round_trip_us);
  absl::Status Report(const Visit& visit, const Decision& decision, bool matched);

  DecisionClient& client_;
  base::RandomStream lists_;
  base::RandomStream coins_;
  TrafficResult result_;
};

absl::Status Player::Play(const Visit& visit) {
  const DecisionRequest request = RequestOf(visit, result_.rows.size(), lists_);
  const auto start = std::chrono::steady_clock::now();
  FULCRUM_ASSIGN_OR_RETURN(const Decision decision, client_.Decide(request, kCallTimeout));
  const auto end = std::chrono::steady_clock::now();
  Note(decision, std::chrono::duration_cast<std::chrono::microseconds>(end - start).count());
  const bool matched =
      decision.actions.front().action_id == ActionIdOf(visit.campaign->name, visit.row->item);
  result_.rows.push_back({matched, visit.row->clicked});
  return Report(visit, decision, matched);
}

void Player::Note(const Decision& decision, int64_t round_trip_us) {
  ++result_.decisions;
  const bool item = decision.actions.front().action_id != kNeutralActionId;
  if (decision.log_pending) {
    ++result_.fallbacks;
  } else {
    ++(item ? result_.items : result_.neutral);
  }
  if (decision.degradation != Degradation::kNone) {
    ++result_.degraded[std::string(telemetry::ToWord(decision.degradation))];
  }
  auto& latencies = result_.latencies;
  if (!decision.log_pending) {
    latencies["edge"].push_back(decision.times.edge_us);
    latencies["features"].push_back(decision.times.features_us);
    latencies["scoring"].push_back(decision.times.scoring_us);
    latencies["orchestration"].push_back(decision.times.orchestration_us);
    latencies["log"].push_back(decision.times.log_us);
  }
  latencies["total"].push_back(decision.total_us);
  latencies["client"].push_back(round_trip_us);
}

absl::Status Player::Report(const Visit& visit, const Decision& decision, bool matched) {
  const bool neutral = decision.actions.front().action_id == kNeutralActionId;
  const bool shown = neutral ? coins_.NextBelow(kCandidates) == 0 : matched;
  if (!shown) return absl::OkStatus();
  FULCRUM_RETURN_IF_ERROR(
      client_.ReportExposure(decision.id, 1, visit.row->time, kCallTimeout).status());
  ++result_.exposures;
  if (neutral || !visit.row->clicked) return absl::OkStatus();
  DecisionClient::Outcome click;
  click.decision = decision.id;
  click.position = 1;
  click.outcome_id = "click";
  click.kind = "click";
  click.occurred_at = visit.row->time;
  FULCRUM_RETURN_IF_ERROR(client_.ReportOutcome(click, kCallTimeout).status());
  ++result_.outcomes;
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<TrafficResult> PlayTraffic(
    DecisionClient& client, const DemoData& data, uint64_t seed,
    const std::function<void(size_t done, size_t all)>& progress) {
  const std::vector<Visit> visits = InOrderOfTime(data);
  Player player(client, seed);
  for (size_t i = 0; i < visits.size(); ++i) {
    FULCRUM_RETURN_IF_ERROR(player.Play(visits[i]));
    progress(i + 1, visits.size());
  }
  return std::move(player).Take();
}

}  // namespace fulcrum::apps
