#include "config/resolve.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <utility>

#include "base/check.h"
#include "config/choice_resolve.h"
#include "config/constraint_check.h"
#include "config/constraint_resolve.h"
#include "config/eligibility_resolve.h"
#include "config/parity.h"
#include "config/proto_time.h"

namespace fulcrum::config {
namespace {

template <typename List, typename Key>
void SortBy(List* list, Key key) {
  std::sort(list->begin(), list->end(),
            [&](const auto& a, const auto& b) { return key(a) < key(b); });
}

template <typename T>
const std::string& IdOf(const T& value) {
  return value.id();
}
template <typename T>
const std::string& NameOf(const T& value) {
  return value.name();
}

std::string ResolvePath(const std::string& directory, const std::string& path) {
  return (std::filesystem::path(directory) / path).lexically_normal().string();
}

Durability DurabilityOf(v1::Durability durability) {
  switch (durability) {
    case v1::DURABILITY_NONE:
      return Durability::kNone;
    case v1::DURABILITY_POWER:
      return Durability::kPower;
    default:
      return Durability::kProcess;
  }
}

LogPressure LogPressureOf(v1::LogPressure pressure) {
  switch (pressure) {
    case v1::LOG_PRESSURE_BLOCK:
      return LogPressure::kBlock;
    case v1::LOG_PRESSURE_DEGRADE:
      return LogPressure::kDegrade;
    default:
      return LogPressure::kDropDetail;
  }
}

Server ResolveServer(const v1::Server& from, const std::string& directory) {
  Server to;
  to.listen = from.listen();
  to.metrics_listen = from.metrics_listen();
  to.data_dir = ResolvePath(directory, from.data_dir());
  to.durability = DurabilityOf(from.durability());
  to.log_segment_bytes = from.log_segment_bytes();
  to.log_queue_max = from.log_queue_max();
  to.waiting_threads = from.waiting_threads();
  to.waiting_requests_max = from.waiting_requests_max();
  to.inflight_max = from.inflight_max();
  to.reflection = from.reflection();
  to.idempotency_window = DurationOf(from.idempotency_window());
  to.idempotency_requests_max = from.idempotency_requests_max();
  to.checkpoint_interval = DurationOf(from.checkpoint_interval());
  to.ledger_audit_interval = DurationOf(from.ledger_audit_interval());
  to.user_counters_max = from.user_counters_max();
  return to;
}

MaskingAction ActionOf(v1::MaskingAction action) {
  switch (action) {
    case v1::MASKING_ACTION_ROUND:
      return MaskingAction::kRound;
    case v1::MASKING_ACTION_HASH:
      return MaskingAction::kHash;
    case v1::MASKING_ACTION_REPLACE:
      return MaskingAction::kReplace;
    default:
      return MaskingAction::kDrop;
  }
}

MaskingRule ResolveRule(const v1::MaskingRule& from) {
  MaskingRule to;
  to.name = from.name();
  to.fields = {from.fields().begin(), from.fields().end()};
  to.action = ActionOf(from.action());
  to.replacement = from.replacement();
  to.step = from.step();
  if (from.pattern().empty()) return to;
  auto pattern = TextPattern::Compile(from.pattern());
  FULCRUM_CHECK(pattern.ok());  // validated
  to.pattern = *std::move(pattern);
  return to;
}

Masking ResolveMasking(const v1::Masking& from, const std::string& directory) {
  Masking to;
  if (!from.salt_file().empty()) to.salt_file = ResolvePath(directory, from.salt_file());
  for (const v1::MaskingRule& rule : from.rules()) to.rules.push_back(ResolveRule(rule));
  return to;
}

Log ResolveLog(const v1::LogConfig& from, const std::string& directory) {
  Log to;
  to.decisions_retention = DurationOf(from.decisions_retention());
  to.features_retention = DurationOf(from.features_retention());
  to.disk_reserve_bytes = from.disk_reserve_bytes();
  to.ballast_bytes = from.ballast_bytes();
  to.compress = from.compression() != v1::COMPRESSION_NONE;
  to.masking = ResolveMasking(from.masking(), directory);
  return to;
}

FeatureView ResolveView(const v1::FeatureView& from) {
  FeatureView to;
  to.name = from.name();
  to.entity = static_cast<domain::EntityKind>(from.entity());
  if (from.has_max_age()) to.max_age = DurationOf(from.max_age());
  for (const v1::Feature& feature : from.features()) {
    to.features.push_back({feature.name(), feature.type() == v1::VALUE_TYPE_NUMBER});
  }
  return to;
}

Campaign ResolveCampaign(const v1::Campaign& from) {
  Campaign to;
  to.id = from.id();
  to.account = from.account();
  to.currency = from.currency();
  FULCRUM_CHECK(absl::LoadTimeZone(from.time_zone(), &to.time_zone));  // validated
  if (from.has_start()) to.start = TimeOf(from.start());
  if (from.has_end()) to.end = TimeOf(from.end());
  for (const v1::Hours& hours : from.quiet_hours()) {
    to.quiet_hours.push_back({MinuteOf(hours.from()), MinuteOf(hours.to())});
  }
  return to;
}

Attribute AttributeOf(const v1::Attribute& from) {
  if (from.has_number()) return from.number();
  if (from.has_text()) return from.text();
  return std::vector<std::string>(from.texts().begin(), from.texts().end());
}

Action ResolveAction(const v1::Action& from, int32_t campaign) {
  Action to{from.id(), campaign, from.item_id(), from.cost_micros(), from.value_micros()};
  to.categories = {from.categories().begin(), from.categories().end()};
  std::sort(to.categories.begin(), to.categories.end());
  double squares = 0;
  for (const double one : from.vector()) squares += one * one;
  for (const double one : from.vector()) to.vector.push_back(one / std::sqrt(squares));
  to.creative = from.creative();
  for (const v1::Attribute& one : from.attributes()) {
    to.attributes.emplace(one.name(), AttributeOf(one));
  }
  return to;
}

void ResolveActions(const v1::Bundle& from, Bundle* to) {
  for (int i = 0; i < from.campaigns_size(); ++i) {
    for (const v1::Action& action : from.campaigns(i).actions()) {
      to->actions.push_back(ResolveAction(action, i));
    }
  }
  std::sort(to->actions.begin(), to->actions.end(),
            [](const Action& a, const Action& b) { return a.id < b.id; });
}

void ResolveVariants(const v1::Bundle& from, Bundle* to) {
  for (const v1::Campaign& campaign : from.campaigns()) {
    for (const v1::Action& action : campaign.actions()) {
      if (action.variant_of().empty()) continue;
      to->actions[static_cast<size_t>(to->action_index.find(action.id())->second)].variant_of =
          to->action_index.find(action.variant_of())->second;
    }
  }
}

Surface ResolveSurface(const v1::Surface& from, const Bundle& bundle) {
  Surface to;
  to.id = from.id();
  to.latency_budget = DurationOf(from.latency_budget());
  to.slate_size_max = from.slate_size_max();
  to.candidates_max = from.candidates_max();
  for (const std::string& id : from.campaigns()) {
    to.campaigns.push_back(bundle.campaign_index.find(id)->second);
  }
  for (size_t i = 0; i < bundle.actions.size(); ++i) {  // sorted by id, and so is the result
    if (std::find(to.campaigns.begin(), to.campaigns.end(), bundle.actions[i].campaign) !=
        to.campaigns.end()) {
      to.actions.push_back(static_cast<int32_t>(i));
    }
  }
  if (!from.fallback_action().empty()) {
    to.fallback_action = bundle.action_index.find(from.fallback_action())->second;
  }
  if (from.baseline().has_value()) to.baseline_value = from.baseline().value();
  to.baseline_alpha = from.baseline().alpha();
  to.baseline_beta = from.baseline().beta();
  to.model_strength = from.model_strength();
  to.segment_feature = from.segment_feature();
  to.policy_salt = from.policy_salt();
  to.exposure_required = from.exposure() == v1::EXPOSURE_REQUIRED;
  to.exposure_window = DurationOf(from.exposure_window());
  to.attribution_window = DurationOf(from.attribution_window());
  to.reward_kind = from.reward_kind();
  to.detail_share = from.detail_share();
  to.log_pressure = LogPressureOf(from.log_pressure());
  ResolveChoice(from, bundle, &to);
  to.forgetting = DurationOf(from.forgetting());
  if (from.has_pooling()) {
    to.pooling = Pooling{from.pooling().strength(), from.pooling().estimate()};
  }
  if (from.has_value()) {
    to.value = ValuePosterior{.cap = from.value().cap(),
                              .amount_mean = from.value().amount_mean(),
                              .amount_sd = from.value().amount_sd(),
                              .amount_sales = from.value().amount_sales()};
  }
  if (from.has_linear()) {
    to.linear = LinearPosterior{
        .noise_sd = from.linear().noise_sd(),
        .prior_sd = from.linear().prior_sd(),
        .segments = {from.linear().segments().begin(), from.linear().segments().end()},
        .context_keys = {from.linear().context_keys().begin(), from.linear().context_keys().end()}};
  }
  if (from.has_logistic()) {
    const v1::LogisticPosterior& logistic = from.logistic();
    to.linear = LinearPosterior{
        .noise_sd = 1,
        .prior_sd = logistic.prior_sd(),
        .segments = {logistic.segments().begin(), logistic.segments().end()},
        .context_keys = {logistic.context_keys().begin(), logistic.context_keys().end()},
        .log_odds = true};
  }
  to.position_effects = {from.position_effects().begin(), from.position_effects().end()};
  return to;
}

template <typename T>
void Index(const std::vector<T>& values, base::StringMap<int32_t>* index) {
  for (size_t i = 0; i < values.size(); ++i) {
    index->try_emplace(values[i].id, static_cast<int32_t>(i));
  }
}

}  // namespace

void Canonicalise(v1::Bundle* bundle) {
  for (v1::Campaign& campaign : *bundle->mutable_campaigns()) {
    SortBy(campaign.mutable_actions(), IdOf<v1::Action>);
    for (v1::Action& action : *campaign.mutable_actions()) {
      if (action.item_id().empty()) action.set_item_id(action.id());
      std::sort(action.mutable_categories()->begin(), action.mutable_categories()->end());
    }
  }
  for (v1::Surface& surface : *bundle->mutable_surfaces()) {
    std::sort(surface.mutable_campaigns()->begin(), surface.mutable_campaigns()->end());
    CanonicaliseChoice(&surface);
  }
  for (v1::FeatureView& view : *bundle->mutable_feature_views()) {
    SortBy(view.mutable_features(), NameOf<v1::Feature>);
  }
  if (bundle->log().has_masking()) {  // the rules themselves have an order
    for (v1::MaskingRule& rule : *bundle->mutable_log()->mutable_masking()->mutable_rules()) {
      std::sort(rule.mutable_fields()->begin(), rule.mutable_fields()->end());
    }
  }
  SortBy(bundle->mutable_surfaces(), IdOf<v1::Surface>);
  SortBy(bundle->mutable_campaigns(), IdOf<v1::Campaign>);
  CanonicaliseConstraints(bundle);
  CanonicaliseParity(bundle);
  CanonicaliseEligibility(bundle);
  SortBy(bundle->mutable_feature_views(), NameOf<v1::FeatureView>);
  SortBy(bundle->mutable_context_keys(), NameOf<v1::ContextKey>);
}

Bundle Resolve(const v1::Bundle& from, const std::string& directory) {
  Bundle to;
  to.server = ResolveServer(from.server(), directory);
  to.log = ResolveLog(from.log(), directory);
  to.schema_version = from.schema_version();
  for (const v1::FeatureView& view : from.feature_views()) {
    to.feature_views.push_back(ResolveView(view));
  }
  for (const v1::ContextKey& key : from.context_keys()) {
    to.context_keys.push_back({key.name(), key.type() == v1::VALUE_TYPE_NUMBER});
  }
  for (const v1::Campaign& campaign : from.campaigns()) {
    to.campaigns.push_back(ResolveCampaign(campaign));
  }
  ResolveActions(from, &to);
  Index(to.campaigns, &to.campaign_index);
  Index(to.actions, &to.action_index);
  ResolveVariants(from, &to);
  ResolveConstraints(from, &to);
  ResolveParity(from, &to);
  for (const v1::Surface& surface : from.surfaces()) {
    to.surfaces.push_back(ResolveSurface(surface, to));
  }
  Index(to.surfaces, &to.surface_index);
  ResolveEligibility(from, &to);
  if (from.has_model()) to.model_manifest = ResolvePath(directory, from.model().manifest());
  return to;
}

}  // namespace fulcrum::config
