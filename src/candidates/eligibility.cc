#include "candidates/eligibility.h"

#include <algorithm>
#include <functional>
#include <string>
#include <string_view>
#include <variant>

namespace fulcrum::candidates {
namespace {

using config::FieldSource;

rules::Value ValueOf(const UserValues& values, std::string_view key) {
  const auto found = values.find(key);
  if (found == values.end()) return {};
  if (const auto* number = std::get_if<double>(&found->second)) {
    return rules::Value::Number(*number);
  }
  const auto* const text = std::get_if<std::string>(&found->second);
  return text == nullptr ? rules::Value() : rules::Value::Text(*text);
}

rules::Value ValueOf(const config::Action& action, std::string_view attribute) {
  const auto found = action.attributes.find(attribute);
  if (found == action.attributes.end()) return {};
  if (const auto* number = std::get_if<double>(&found->second)) {
    return rules::Value::Number(*number);
  }
  if (const auto* text = std::get_if<std::string>(&found->second)) {
    return rules::Value::Text(*text);
  }
  return rules::Value::Texts(std::get<std::vector<std::string>>(found->second));
}

rules::Value ValueOf(const config::RuleField& field, const config::Action& action,
                     const config::Campaign& campaign) {
  switch (field.source) {
    case FieldSource::kActionId:
      return rules::Value::Text(action.id);
    case FieldSource::kActionCategories:
      return rules::Value::Texts(action.categories);
    case FieldSource::kActionCreative:
      return action.creative.empty() ? rules::Value() : rules::Value::Text(action.creative);
    case FieldSource::kActionCost:
      return rules::Value::Number(static_cast<double>(action.cost_micros));
    case FieldSource::kActionValue:
      return rules::Value::Number(static_cast<double>(action.value_micros));
    case FieldSource::kActionAttribute:
      return ValueOf(action, field.key);
    case FieldSource::kCampaignId:
      return rules::Value::Text(campaign.id);
    case FieldSource::kCampaignAccount:
      return rules::Value::Text(campaign.account);
    case FieldSource::kUser:
    case FieldSource::kContext:
      return {};
  }
  return {};
}

bool Contains(const std::vector<std::string>& sorted, std::string_view wanted) {
  return std::binary_search(sorted.begin(), sorted.end(), wanted, std::less<>());
}

}  // namespace

Eligibility::Eligibility(const config::Bundle& bundle, const config::Surface& surface,
                         const domain::DecisionContext& context, const UserValues* user)
    : bundle_(bundle), now_(context.now), values_(bundle.rule_fields.fields.size()) {
  for (const uint16_t slot : bundle.rule_fields.read) {
    const config::RuleField& field = bundle.rule_fields.fields[slot];
    const UserValues* const from = field.source == FieldSource::kUser ? user : &context.values;
    if (from != nullptr) values_[slot] = ValueOf(*from, field.key);
  }
  if (surface.region_slot >= 0) region_ = values_[static_cast<size_t>(surface.region_slot)];
  if (region_.IsText() && region_.text().empty()) region_ = rules::Value();
  FindJurisdictions();
}

// A region that is not known may be any of them.
void Eligibility::FindJurisdictions() {
  for (const config::Jurisdiction& one : bundle_.jurisdictions) {
    if (region_.IsText() && !Contains(one.regions, region_.text())) continue;
    jurisdictions_.push_back(one.eligible.get());
  }
}

bool Eligibility::IsEligible(int32_t index) {
  const config::Action& action = bundle_.actions[static_cast<size_t>(index)];
  const config::Campaign& campaign = bundle_.campaigns[static_cast<size_t>(action.campaign)];
  if (!MayBeShown(action)) return false;
  if (campaign.eligible != nullptr && !Holds(*campaign.eligible, action)) return false;
  if (action.eligible != nullptr && !Holds(*action.eligible, action)) return false;
  return std::all_of(jurisdictions_.begin(), jurisdictions_.end(),
                     [&](const rules::Rule* rule) { return Holds(*rule, action); });
}

bool Eligibility::MayBeShown(const config::Action& action) const {
  if (!action.approved || now_ >= action.expires) return false;
  return action.regions.empty() || (region_.IsText() && Contains(action.regions, region_.text()));
}

bool Eligibility::Holds(const rules::Rule& rule, const config::Action& action) {
  static const rules::Moment kAny;
  for (const uint16_t slot : rule.slots()) {
    if (slot < bundle_.rule_fields.of_request) continue;
    values_[slot] = ValueOf(bundle_.rule_fields.fields[slot], action,
                            bundle_.campaigns[static_cast<size_t>(action.campaign)]);
  }
  return rule.IsEligible(values_, rule.reads_time() ? MomentIn(rule.zone()) : kAny);
}

// Few zones, many rules.
const rules::Moment& Eligibility::MomentIn(const absl::TimeZone& zone) {
  for (const auto& [known, moment] : moments_) {
    if (known == zone) return moment;
  }
  return moments_.emplace_back(zone, rules::Moment::At(now_, zone)).second;
}

}  // namespace fulcrum::candidates
