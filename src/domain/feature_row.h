// Feature values as the store keeps them and the models see them.
#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "base/strings.h"

namespace fulcrum::domain {

enum class EntityKind : uint8_t { kUser = 1, kSession = 2, kItem = 3, kCampaign = 4, kSegment = 5 };

// monostate = missing. Numbers are float64; a NaN is stored as missing.
using FeatureValue = std::variant<std::monostate, double, std::string>;

// All feature values of one entity in one feature view at one time.
struct FeatureRow {
  uint32_t schema_version = 0;
  int64_t event_time_us = 0;  // when the values were true
  base::StringMap<FeatureValue> values;
};

}  // namespace fulcrum::domain
