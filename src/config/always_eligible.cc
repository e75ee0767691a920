#include "config/always_eligible.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "config/request_key.h"

namespace fulcrum::config {
namespace {

// Whether somewhere it is asked if a value of the request is known at all: only then can a rule be
// true because it is not.
bool AsksWhatIsKnown(const rules::Expression& expression) {
  if (expression.kind == rules::Kind::kKnown) {
    const std::string_view field = expression.children[0].text;
    return field.starts_with(kUserPrefix) || field.starts_with(kContextPrefix);
  }
  return std::any_of(expression.children.begin(), expression.children.end(), AsksWhatIsKnown);
}

using Texts = std::vector<std::string>;

rules::Value ValueOf(const v1::Attribute& attribute, std::vector<Texts>* kept) {
  if (attribute.has_number()) return rules::Value::Number(attribute.number());
  if (attribute.has_text()) return rules::Value::Text(attribute.text());
  kept->push_back({attribute.texts().begin(), attribute.texts().end()});
  return rules::Value::Texts(kept->back());
}

rules::Value ValueOf(const RuleField& field, const v1::Campaign& campaign, const v1::Action& action,
                     std::vector<Texts>* kept) {
  switch (field.source) {
    case FieldSource::kActionId:
      return rules::Value::Text(action.id());
    case FieldSource::kActionCategories:
      kept->push_back({action.categories().begin(), action.categories().end()});
      return rules::Value::Texts(kept->back());
    case FieldSource::kActionCreative:
      return action.creative().empty() ? rules::Value() : rules::Value::Text(action.creative());
    case FieldSource::kActionCost:
      return rules::Value::Number(static_cast<double>(action.cost_micros()));
    case FieldSource::kActionValue:
      return rules::Value::Number(static_cast<double>(action.value_micros()));
    case FieldSource::kCampaignId:
      return rules::Value::Text(campaign.id());
    case FieldSource::kCampaignAccount:
      return rules::Value::Text(campaign.account());
    case FieldSource::kActionAttribute:
      for (const v1::Attribute& one : action.attributes()) {
        if (one.name() == field.key) return ValueOf(one, kept);
      }
      return {};
    case FieldSource::kUser:
    case FieldSource::kContext:
      return {};
  }
  return {};
}

}  // namespace

bool HoldsForAllRequests(const rules::Rule& rule, const RuleCompiler& compiler,
                         const v1::Campaign& campaign, const v1::Action& action) {
  if (rule.reads_time() || AsksWhatIsKnown(rule.expression())) return false;
  // What is true with an unknown stays true with any value in its place.
  const RuleFields& fields = compiler.fields();
  std::vector<rules::Value> values(fields.fields.size());
  std::vector<Texts> kept;
  kept.reserve(values.size());  // values point into it
  for (const uint16_t slot : rule.slots()) {
    values[slot] = ValueOf(fields.fields[slot], campaign, action, &kept);
  }
  return rule.IsEligible(values, rules::Moment());
}

}  // namespace fulcrum::config
