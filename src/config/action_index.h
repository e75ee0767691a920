// Which actions of a surface a request can be eligible for, found by the request's texts instead of
// by asking every rule.
//
// Each action is filed under one field: of the texts that its rules require, the one that is shared
// with the fewest other actions. Actions that require none are always found.
#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "base/strings.h"
#include "rules/value.h"

namespace fulcrum::config {

// Values of the field `slot` without one of which an action is not eligible; none: it never is.
struct RequiredTexts {
  uint16_t slot = 0;
  std::set<std::string> values;
};

struct FiledAction {
  int32_t action = -1;
  std::vector<const RequiredTexts*> required;  // each of them by itself
};

// Immutable and thread-safe.
class ActionIndex {
 public:
  // `actions` ascending; what they point to need not outlive the call.
  explicit ActionIndex(const std::vector<FiledAction>& actions);

  // All actions that can be eligible for a request with these values (by slot), and perhaps others;
  // ascending.
  std::vector<int32_t> Find(absl::Span<const rules::Value> values) const;

 private:
  struct Field {
    uint16_t slot = 0;
    base::StringMap<std::vector<int32_t>> actions;  // by value, ascending
  };

  std::vector<int32_t> always_;
  std::vector<Field> fields_;
};

}  // namespace fulcrum::config
