// Compiles the eligibility rules of a bundle over the fields that it declares.
#pragma once

#include <optional>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "config/rule_fields.h"
#include "fulcrum/config/v1/bundle.pb.h"
#include "rules/rule.h"
#include "rules/schema.h"

namespace fulcrum::config {

// Immutable and thread-safe. Takes a bundle as it was read, valid or not: of two fields with one
// name the first counts, and names that no rule could spell are left out.
class RuleCompiler {
 public:
  // INVALID_ARGUMENT for more fields than a schema may have.
  static absl::StatusOr<RuleCompiler> Make(const v1::Bundle& bundle);

  // As rules::Rule::Compile.
  std::optional<rules::Rule> Compile(std::string_view source, const absl::TimeZone& zone,
                                     rules::RuleError* error) const {
    return rules::Rule::Compile(source, schema_, zone, error);
  }

  std::optional<uint16_t> Find(std::string_view name) const { return schema_.Find(name); }
  const rules::Schema& schema() const { return schema_; }
  const RuleFields& fields() const { return fields_; }  // none of them is marked as read

 private:
  RuleCompiler(rules::Schema schema, RuleFields fields);

  rules::Schema schema_;
  RuleFields fields_;
};

// Whether the name of an attribute means something else in rules.
bool IsBuiltInActionField(std::string_view name);

// The type of the first value that the attribute has.
rules::Type TypeOf(const v1::Attribute& attribute);

}  // namespace fulcrum::config
