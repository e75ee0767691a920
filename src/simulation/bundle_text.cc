#include "simulation/bundle_text.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace fulcrum::simulation {
namespace {

constexpr size_t kCandidatesDefault = 100;  // candidates_max of a surface that does not say

std::string Micros(absl::Duration span) {
  return absl::StrCat(absl::ToInt64Milliseconds(span), "ms");
}

std::string SurfaceYaml(const World& world, const BundleOptions& options) {
  std::vector<std::string> campaigns;
  for (const Arm& arm : world.arms) {
    if (std::find(campaigns.begin(), campaigns.end(), arm.campaign) == campaigns.end()) {
      campaigns.push_back(arm.campaign);
    }
  }
  const absl::Duration attribution = options.attribution_window > absl::ZeroDuration()
                                         ? options.attribution_window
                                         : world.timing.attribution_window;
  // A simulated world is about choices, not about speed: no answer is given up for being late.
  std::string text = absl::StrCat(
      "surfaces:\n  - id: ", kSurface, "\n    campaigns: [", absl::StrJoin(campaigns, ", "),
      "]\n    latency_budget: 10s\n    exploration_floor: ", options.exploration_floor,
      "\n    model_strength: ", options.model_strength, "\n    segment_feature: ", kSegmentFeature,
      "\n    policy_salt: ", world.name,
      "\n    baseline: {alpha: 1, beta: 1}\n    reward_kind: ", kRewardKind,
      "\n    attribution_window: ", Micros(attribution), "\n");
  if (world.arms.size() > kCandidatesDefault) {
    absl::StrAppend(&text, "    candidates_max: ", world.arms.size(), "\n");
  }
  if (world.positions.size() > 1) {
    absl::StrAppend(&text, "    slate_size_max: ", world.positions.size(), "\n");
  }
  if (!options.policy.empty()) absl::StrAppend(&text, "    policy: ", options.policy, "\n");
  if (options.exposure_required) {
    absl::StrAppend(&text, "    exposure: required\n    exposure_window: ",
                    Micros(world.timing.exposure_window), "\n");
  }
  if (world.linear) {
    const std::vector<std::string> segments = world.segments();
    // The first segment is the constant term.
    absl::StrAppend(&text, "    linear:\n      noise_sd: ", kLinearNoiseSd,
                    "\n      prior_sd: ", kLinearPriorSd, "\n      segments: [",
                    absl::StrJoin(segments.begin() + 1, segments.end(), ", "), "]\n");
    if (world.has_context) {
      absl::StrAppend(&text, "      context_keys: [", kContextKey, "]\n");
    }
  }
  return text;
}

std::string CampaignsYaml(const World& world, const BundleOptions& options) {
  std::string text = "campaigns:\n";
  std::string campaign;
  for (const Arm& arm : world.arms) {
    if (arm.campaign != campaign) {
      campaign = arm.campaign;
      absl::StrAppend(&text, "  - id: ", campaign, "\n    account: shop\n    currency: EUR\n");
      if (campaign == world.late_campaign && options.late_from > absl::InfinitePast()) {
        absl::StrAppend(
            &text, "    start: ",
            absl::FormatTime(absl::RFC3339_full, options.late_from, absl::UTCTimeZone()), "\n");
      }
      absl::StrAppend(&text, "    actions:\n");
    }
    absl::StrAppend(&text, "      - {id: ", arm.id, ", cost_micros: ", arm.cost_micros, "}\n");
  }
  return text;
}

}  // namespace

std::string BundleYaml(const World& world, const BundleOptions& options) {
  std::string text = absl::StrCat(
      "# The world '", world.name, "' as the service knows it. Written by `fulcrum simulate`.\n",
      "server: {listen: '127.0.0.1:0', metrics_listen: '127.0.0.1:0', data_dir: data}\n",
      SurfaceYaml(world, options), CampaignsYaml(world, options));
  if (options.budget_micros > 0 || options.user_cap > 0 || !options.rows.empty()) {
    absl::StrAppend(&text, "constraints:\n");
  }
  for (const std::string& row : options.rows) absl::StrAppend(&text, "  - ", row, "\n");
  if (options.user_cap > 0) {
    absl::StrAppend(&text, "  - {id: ", world.budgeted, "-cap, campaign: ", world.budgeted,
                    ", resource: exposures, per: user, window: day, limit: ", options.user_cap,
                    "}\n");
  }
  if (options.budget_micros > 0) {
    absl::StrAppend(&text, "  - {id: ", world.budgeted, "-budget, campaign: ", world.budgeted,
                    ", resource: cost, window: total, limit: ", options.budget_micros, "}\n");
  }
  absl::StrAppend(&text, "feature_views:\n  - name: user_profile\n    entity: user\n",
                  "    features:\n      - {name: ", kSegmentFeature, ", type: text}\n");
  if (world.has_context) {
    absl::StrAppend(&text, "context_keys:\n  - {name: ", kContextKey, ", type: number}\n");
  }
  if (!options.model_manifest.empty()) {
    absl::StrAppend(&text, "model:\n  manifest: ", options.model_manifest, "\n");
  }
  return text;
}

std::string UsersCsv(const World& world, uint32_t users) {
  const std::vector<std::string> segments = world.segments();
  std::string text = absl::StrCat("id,event_time,", kSegmentFeature, "\n");
  const std::string born = absl::FormatTime(absl::RFC3339_full, WorldStart(), absl::UTCTimeZone());
  for (uint32_t user = 0; user < users; ++user) {
    absl::StrAppend(&text, UserIdOf(user), ",", born, ",", segments[world.SegmentOf(user, users)],
                    "\n");
  }
  return text;
}

int64_t BudgetOf(const World& world, uint64_t decisions) {
  if (world.budgeted.empty()) return 0;
  int64_t dearest = 0;
  for (const Arm& arm : world.arms) {
    if (arm.campaign == world.budgeted) dearest = std::max(dearest, arm.cost_micros);
  }
  const double exposures = world.budget_share * static_cast<double>(decisions);
  return static_cast<int64_t>(exposures) * dearest;
}

}  // namespace fulcrum::simulation
