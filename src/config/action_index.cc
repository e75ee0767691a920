#include "config/action_index.h"

#include <algorithm>
#include <map>

namespace fulcrum::config {
namespace {

// How many actions could be filed under each value.
using Crowds = std::map<uint16_t, base::StringMap<size_t>>;

Crowds CountCrowds(const std::vector<FiledAction>& actions) {
  Crowds crowds;
  for (const FiledAction& one : actions) {
    for (const RequiredTexts* const required : one.required) {
      for (const std::string& value : required->values) ++crowds[required->slot][value];
    }
  }
  return crowds;
}

// The most actions that a request would meet under one of the values.
size_t CrowdOf(const RequiredTexts& required, const Crowds& crowds) {
  size_t most = 0;
  for (const std::string& value : required.values) {
    most = std::max(most, crowds.at(required.slot).at(value));
  }
  return most;
}

const RequiredTexts* FewestCompany(const FiledAction& action, const Crowds& crowds) {
  const RequiredTexts* best = nullptr;
  size_t best_crowd = 0;
  for (const RequiredTexts* const one : action.required) {
    const size_t crowd = CrowdOf(*one, crowds);
    if (best != nullptr && crowd >= best_crowd) continue;
    best = one;
    best_crowd = crowd;
  }
  return best;
}

}  // namespace

ActionIndex::ActionIndex(const std::vector<FiledAction>& actions) {
  const Crowds crowds = CountCrowds(actions);
  for (const FiledAction& one : actions) {
    const RequiredTexts* const under = FewestCompany(one, crowds);
    if (under == nullptr) {
      always_.push_back(one.action);
      continue;
    }
    auto field = std::find_if(fields_.begin(), fields_.end(),
                              [&](const Field& known) { return known.slot == under->slot; });
    if (field == fields_.end()) field = fields_.insert(field, Field{under->slot, {}});
    for (const std::string& value : under->values) field->actions[value].push_back(one.action);
  }
}

std::vector<int32_t> ActionIndex::Find(absl::Span<const rules::Value> values) const {
  std::vector<int32_t> found = always_;
  bool sorted = true;
  for (const Field& field : fields_) {
    if (!values[field.slot].IsText()) continue;
    const auto filed = field.actions.find(values[field.slot].text());
    if (filed == field.actions.end()) continue;
    sorted = found.empty();
    found.insert(found.end(), filed->second.begin(), filed->second.end());
  }
  if (!sorted) std::sort(found.begin(), found.end());
  return found;
}

}  // namespace fulcrum::config
