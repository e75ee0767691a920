// Which fields rules may read. What the fields mean is the caller's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "base/strings.h"
#include "rules/value.h"

namespace fulcrum::rules {

// "number", "text", "boolean", "text set" or "time".
std::string_view TypeName(Type type);

struct Field {
  std::string name;  // "scope.name", such as "user.age"; the name may be anything, dots included
  Type type = Type::kNumber;
};

// A field's index in the schema is its slot: where evaluation finds its value. Immutable and
// thread-safe.
class Schema {
 public:
  // INVALID_ARGUMENT: a name without scope or without name, a scope that is not a word of ASCII
  // letters, digits and underscores or is a word of the language, a name that is not UTF-8 or has
  // control characters, one name twice, more than kFieldsMax.
  static absl::StatusOr<Schema> Make(std::vector<Field> fields);

  std::optional<uint16_t> Find(std::string_view name) const;
  const Field& field(uint16_t slot) const { return fields_[slot]; }
  size_t size() const { return fields_.size(); }
  const std::vector<Field>& fields() const { return fields_; }

 private:
  std::vector<Field> fields_;
  base::StringMap<uint16_t> slots_;
};

}  // namespace fulcrum::rules
