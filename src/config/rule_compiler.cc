#include "config/rule_compiler.h"

#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/strings.h"
#include "base/utf8.h"
#include "config/request_key.h"
#include "rules/parser.h"

namespace fulcrum::config {
namespace {

constexpr std::string_view kActionPrefix = "action.";

struct BuiltIn {
  std::string_view name;
  rules::Type type;
  FieldSource source;
};

constexpr std::array<BuiltIn, 7> kBuiltIns = {{
    {"action.id", rules::Type::kText, FieldSource::kActionId},
    {"action.categories", rules::Type::kTexts, FieldSource::kActionCategories},
    {"action.creative", rules::Type::kText, FieldSource::kActionCreative},
    {"action.cost_micros", rules::Type::kNumber, FieldSource::kActionCost},
    {"action.value_micros", rules::Type::kNumber, FieldSource::kActionValue},
    {"campaign.id", rules::Type::kText, FieldSource::kCampaignId},
    {"campaign.account", rules::Type::kText, FieldSource::kCampaignAccount},
}};

bool CanBeSpelled(std::string_view key) {
  return !key.empty() && base::IsUtf8(key) && std::none_of(key.begin(), key.end(), [](char c) {
    return (c >= 0 && c < ' ') || c == '\x7f';
  });
}

rules::Type TypeOf(v1::ValueType type) {
  return type == v1::VALUE_TYPE_TEXT ? rules::Type::kText : rules::Type::kNumber;
}

bool IsPrefix(const v1::ContextKey& key) {
  return !key.name().empty() && key.name().back() == '*';
}

void AddFieldNames(const rules::Expression& expression, std::set<std::string>* names) {
  if (expression.kind == rules::Kind::kField) names->insert(expression.text);
  for (const rules::Expression& child : expression.children) AddFieldNames(child, names);
}

// What all rules of the bundle read, declared or not.
std::set<std::string> FieldsNamed(const v1::Bundle& bundle) {
  std::set<std::string> names;
  const auto add = [&](const std::string& source) {
    rules::Fault fault;
    if (source.empty()) return;
    if (const auto tree = rules::Parse(source, &fault); tree) AddFieldNames(*tree, &names);
  };
  for (const v1::Campaign& campaign : bundle.campaigns()) {
    add(campaign.eligible());
    for (const v1::Action& action : campaign.actions()) add(action.eligible());
  }
  for (const v1::Jurisdiction& one : bundle.jurisdictions()) add(one.eligible());
  return names;
}

class FieldList {
 public:
  void Add(std::string_view prefix, std::string_view key, rules::Type type, FieldSource source) {
    std::string name = absl::StrCat(base::ToAbsl(prefix), base::ToAbsl(key));
    if (!CanBeSpelled(key) || !known_.insert(name).second) return;
    fields_.push_back({std::move(name), type});
    found_.fields.push_back({source, std::string(key)});
  }

  void AddOfRequest(const v1::Bundle& bundle) {
    for (const v1::FeatureView& view : bundle.feature_views()) {
      if (view.entity() != v1::ENTITY_USER) continue;
      for (const v1::Feature& one : view.features()) {
        Add(kUserPrefix, one.name(), TypeOf(one.type()), FieldSource::kUser);
      }
    }
    std::vector<const v1::ContextKey*> prefixes;
    for (const v1::ContextKey& key : bundle.context_keys()) {
      if (IsPrefix(key)) {
        prefixes.push_back(&key);
      } else {
        Add(kContextPrefix, key.name(), TypeOf(key.type()), FieldSource::kContext);
      }
    }
    if (!prefixes.empty()) AddUnderPrefixes(bundle, std::move(prefixes));
    found_.of_request = fields_.size();
  }

  void AddOfActions(const v1::Bundle& bundle) {
    for (const BuiltIn& one : kBuiltIns) Add(one.name, one.type, one.source);
    for (const v1::Campaign& campaign : bundle.campaigns()) {
      for (const v1::Action& action : campaign.actions()) {
        for (const v1::Attribute& one : action.attributes()) {
          Add(kActionPrefix, one.name(), config::TypeOf(one), FieldSource::kActionAttribute);
        }
      }
    }
  }

  std::vector<rules::Field>& fields() { return fields_; }
  RuleFields& found() { return found_; }

 private:
  void Add(std::string_view name, rules::Type type, FieldSource source) {
    const size_t dot = name.find('.') + 1;
    Add(name.substr(0, dot), name.substr(dot), type, source);
  }

  // A prefix declares any number of keys; only those that a rule names matter. Where several
  // prefixes fit, the first by name counts, as it does for requests.
  void AddUnderPrefixes(const v1::Bundle& bundle, std::vector<const v1::ContextKey*> prefixes) {
    std::sort(prefixes.begin(), prefixes.end(),
              [](const auto* a, const auto* b) { return a->name() < b->name(); });
    for (const std::string& name : FieldsNamed(bundle)) {
      if (!name.starts_with(kContextPrefix)) continue;
      const std::string_view key = std::string_view(name).substr(kContextPrefix.size());
      const auto fits = [&](const v1::ContextKey* one) {
        return key.starts_with(std::string_view(one->name()).substr(0, one->name().size() - 1));
      };
      const auto declared = std::find_if(prefixes.begin(), prefixes.end(), fits);
      if (declared == prefixes.end()) continue;
      Add(kContextPrefix, key, TypeOf((*declared)->type()), FieldSource::kContext);
    }
  }

  std::vector<rules::Field> fields_;
  RuleFields found_;
  base::StringSet known_;
};

}  // namespace

RuleCompiler::RuleCompiler(rules::Schema schema, RuleFields fields)
    : schema_(std::move(schema)), fields_(std::move(fields)) {}

absl::StatusOr<RuleCompiler> RuleCompiler::Make(const v1::Bundle& bundle) {
  FieldList list;
  list.AddOfRequest(bundle);
  list.AddOfActions(bundle);
  auto schema = rules::Schema::Make(std::move(list.fields()));
  if (!schema.ok()) return schema.status();
  return RuleCompiler(*std::move(schema), std::move(list.found()));
}

bool IsBuiltInActionField(std::string_view name) {
  return std::any_of(kBuiltIns.begin(), kBuiltIns.end(), [&](const BuiltIn& one) {
    return one.name.starts_with(kActionPrefix) && one.name.substr(kActionPrefix.size()) == name;
  });
}

rules::Type TypeOf(const v1::Attribute& attribute) {
  if (attribute.has_number()) return rules::Type::kNumber;
  return attribute.has_text() ? rules::Type::kText : rules::Type::kTexts;
}

}  // namespace fulcrum::config
