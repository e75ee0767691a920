// Which rows count on a request. Pure functions.
//
// What is not known of a request counts as if it was what the row asks for: a limit must hold even
// where a feature is missing.
#pragma once

#include <string_view>

#include "absl/functional/function_ref.h"
#include "base/strings.h"
#include "config/bundle.h"
#include "domain/feature_row.h"

namespace fulcrum::orchestrator {

// What rows ask of a request. Views: it must outlive them.
struct RequestFacts {
  int32_t surface = -1;      // index into bundle.surfaces
  std::string_view segment;  // empty: not known, as is the region
  std::string_view region;
  const base::StringMap<domain::FeatureValue>* user = nullptr;  // features; null: none are known
  const base::StringMap<domain::FeatureValue>* context = nullptr;
};

// Apart from its dates and its actions.
bool CountsOn(const config::Constraint& row, const RequestFacts& facts);

// Whether CountsOn looks at more of a request than its surface.
bool AsksForFacts(const config::Constraint& row);

// The same question, of whoever knows the answer.
using RowFilter = absl::FunctionRef<bool(const config::Constraint&)>;

inline bool EveryRow(const config::Constraint& /*row*/) {
  return true;
}

}  // namespace fulcrum::orchestrator
