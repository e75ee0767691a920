// The fields that eligibility rules of a bundle read, and where their values are found.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "rules/rule.h"

namespace fulcrum::config {

using RulePtr = std::shared_ptr<const rules::Rule>;  // null: holds for everybody

enum class FieldSource : uint8_t {
  kUser,     // a feature of the user view
  kContext,  // a value that came with the request
  kActionId,
  kActionCategories,
  kActionCreative,
  kActionCost,
  kActionValue,
  kActionAttribute,
  kCampaignId,
  kCampaignAccount
};

struct RuleField {
  FieldSource source = FieldSource::kUser;
  std::string key;  // feature, context key or attribute
};

struct RuleFields {
  std::vector<RuleField> fields;  // by slot: those of the request, then those of the action
  size_t of_request = 0;          // how many are the request's
  std::vector<uint16_t> read;     // those of the request that rules or surfaces look at
};

}  // namespace fulcrum::config
