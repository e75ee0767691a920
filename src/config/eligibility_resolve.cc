#include "config/eligibility_resolve.h"

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/strings.h"
#include "config/action_index.h"
#include "config/proto_time.h"
#include "config/request_key.h"
#include "config/rule_compiler.h"

namespace fulcrum::config {
namespace {

class Resolver {
 public:
  Resolver(const RuleCompiler& compiler, Bundle* to) : compiler_(compiler), to_(*to) {
    to_.rule_fields = compiler.fields();
  }

  void Run(const v1::Bundle& from) {
    for (const v1::Campaign& one : from.campaigns()) {
      const int32_t index = to_.campaign_index.find(one.id())->second;
      Campaign& campaign = to_.campaigns[static_cast<size_t>(index)];
      campaign.eligible = Compile(one.eligible(), campaign.time_zone);
      for (const v1::Action& action : one.actions()) ResolveAction(action, campaign.time_zone);
    }
    for (const v1::Jurisdiction& one : from.jurisdictions()) {
      to_.jurisdictions.push_back({one.id(),
                                   {one.regions().begin(), one.regions().end()},
                                   Compile(one.eligible(), absl::UTCTimeZone())});
    }
    for (Surface& surface : to_.surfaces) ResolveSurface(&surface);
    to_.rule_fields.read.assign(read_.begin(), read_.end());
  }

 private:
  using Required = std::vector<RequiredTexts>;

  RulePtr Compile(const std::string& source, const absl::TimeZone& zone) {
    if (source.empty()) return nullptr;
    rules::RuleError error;
    auto rule = compiler_.Compile(source, zone, &error);
    FULCRUM_CHECK(rule.has_value());  // validated
    for (const uint16_t slot : rule->slots()) {
      if (slot < to_.rule_fields.of_request) read_.insert(slot);
    }
    return std::make_shared<const rules::Rule>(*std::move(rule));
  }

  void ResolveAction(const v1::Action& from, const absl::TimeZone& zone) {
    const int32_t index = to_.action_index.find(from.id())->second;
    Action& action = to_.actions[static_cast<size_t>(index)];
    action.eligible = Compile(from.eligible(), zone);
    // Canonical: approved is not written.
    action.approved = from.approval() == v1::APPROVAL_UNSPECIFIED;
    if (from.has_expires()) action.expires = TimeOf(from.expires());
    action.regions = {from.regions().begin(), from.regions().end()};
  }

  bool MayBeRefused(const Action& action) const {
    return action.eligible != nullptr || CampaignOf(action).eligible != nullptr ||
           !action.approved || action.expires != absl::InfiniteFuture() || !action.regions.empty();
  }

  const Campaign& CampaignOf(const Action& action) const {
    return to_.campaigns[static_cast<size_t>(action.campaign)];
  }

  void ResolveSurface(Surface* surface) {
    FindRegion(surface);
    const auto refused = [&](int32_t action) {
      return MayBeRefused(to_.actions[static_cast<size_t>(action)]);
    };
    if (to_.jurisdictions.empty() &&
        std::none_of(surface->actions.begin(), surface->actions.end(), refused)) {
      return;
    }
    surface->filed_actions = std::make_shared<const ActionIndex>(Filed(*surface));
  }

  void FindRegion(Surface* surface) {
    const bool of_user = !surface->region_feature.empty();
    if (!of_user && surface->region_context_key.empty()) return;
    const auto slot = compiler_.Find(
        of_user ? absl::StrCat(base::ToAbsl(kUserPrefix), surface->region_feature)
                : absl::StrCat(base::ToAbsl(kContextPrefix), surface->region_context_key));
    if (!slot) return;  // a name that cannot be spelled: nowhere
    surface->region_slot = *slot;
    read_.insert(*slot);
  }

  std::vector<FiledAction> Filed(const Surface& surface) {
    std::vector<FiledAction> filed;
    for (const int32_t index : surface.actions) {
      const Action& action = to_.actions[static_cast<size_t>(index)];
      FiledAction& one = filed.emplace_back();
      one.action = index;
      AddRequired(CampaignOf(action).eligible.get(), &one);
      AddRequired(action.eligible.get(), &one);
      AddRegions(action, surface, &one);
      if (!action.approved) one.required.push_back(&never_);
    }
    return filed;
  }

  void AddRequired(const rules::Rule* rule, FiledAction* to) {
    if (rule == nullptr) return;
    for (const RequiredTexts& one : RequiredOf(*rule)) to->required.push_back(&one);
  }

  void AddRegions(const Action& action, const Surface& surface, FiledAction* to) {
    if (action.regions.empty()) return;
    if (surface.region_slot < 0) return to->required.push_back(&never_);
    regions_.push_back({static_cast<uint16_t>(surface.region_slot),
                        {action.regions.begin(), action.regions.end()}});
    to->required.push_back(&regions_.back());
  }

  // Of each text of the request that the rule reads; made once, however many actions have the rule.
  const Required& RequiredOf(const rules::Rule& rule) {
    const auto [entry, fresh] = required_.try_emplace(&rule);
    if (!fresh) return entry->second;
    for (const uint16_t slot : rule.slots()) {
      const rules::Field& field = compiler_.schema().field(slot);
      if (slot >= to_.rule_fields.of_request || field.type != rules::Type::kText) continue;
      auto values = rule.RequiredValues(field.name);
      if (values) entry->second.push_back({slot, *std::move(values)});
    }
    return entry->second;
  }

  const RuleCompiler& compiler_;
  Bundle& to_;
  std::set<uint16_t> read_;
  const RequiredTexts never_{};
  std::map<const rules::Rule*, Required> required_;
  std::deque<RequiredTexts> regions_;  // keeps its elements where they are
};

}  // namespace

void ResolveEligibility(const v1::Bundle& from, Bundle* to) {
  const auto compiler = RuleCompiler::Make(from);
  FULCRUM_CHECK(compiler.ok());  // validated
  Resolver(*compiler, to).Run(from);
}

void CanonicaliseEligibility(v1::Bundle* bundle) {
  for (v1::Campaign& campaign : *bundle->mutable_campaigns()) {
    for (v1::Action& action : *campaign.mutable_actions()) {
      std::sort(action.mutable_regions()->begin(), action.mutable_regions()->end());
      // Left out, so that a bundle of before there were approvals keeps its version.
      if (action.approval() == v1::APPROVAL_APPROVED) action.clear_approval();
      for (v1::Attribute& one : *action.mutable_attributes()) {
        std::sort(one.mutable_texts()->begin(), one.mutable_texts()->end());
      }
    }
  }
  for (v1::Jurisdiction& one : *bundle->mutable_jurisdictions()) {
    std::sort(one.mutable_regions()->begin(), one.mutable_regions()->end());
  }
  std::sort(bundle->mutable_jurisdictions()->begin(), bundle->mutable_jurisdictions()->end(),
            [](const auto& a, const auto& b) { return a.id() < b.id(); });
}

}  // namespace fulcrum::config
