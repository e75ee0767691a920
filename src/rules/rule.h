// Eligibility rules: a small total language over context, users, items and actions. This is the
// room's main header; docs/eligibility.md is the language for those who write rules, and
// docs/adr/0013 says why it is one of our own.
//
// All that can fail fails when a rule is compiled: fields that do not exist, types that do not fit,
// limits (rules/limits.h). Evaluation is a pure function of values and moment: it ends after a
// bounded number of comparisons, allocates nothing and throws nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "absl/types/span.h"
#include "rules/expression.h"
#include "rules/moment.h"
#include "rules/program.h"
#include "rules/required.h"
#include "rules/rule_error.h"
#include "rules/schema.h"
#include "rules/value.h"

namespace fulcrum::rules {

// Immutable and thread-safe. Owns all it needs: schema and source may go.
class Rule {
 public:
  // nullopt and *error if the rule is refused. Days and clock times are those of `zone`.
  static std::optional<Rule> Compile(std::string_view source, const Schema& schema,
                                     const absl::TimeZone& zone, RuleError* error);

  // Whether the rule is true; an unknown is not. `values` are by slot of the schema the rule was
  // compiled for; only those of slots() are read, and one beyond the end is unknown. `moment` must
  // be of zone(); it is not looked at unless reads_time().
  bool IsEligible(absl::Span<const Value> values, const Moment& moment) const noexcept {
    return Run(program_, program_.is_true, values, moment);
  }

  // Which of the three it is, to explain a refusal. Up to twice the cost.
  Truth Evaluate(absl::Span<const Value> values, const Moment& moment) const noexcept;

  const std::vector<uint16_t>& slots() const { return slots_; }  // ascending, each once
  bool reads_time() const { return reads_time_; }
  const absl::TimeZone& zone() const { return zone_; }

  // Comparisons of two values that IsEligible() needs at most, [0, kCostMax].
  uint32_t cost() const { return cost_; }

  // For an index: rules/required.h. `field` is a qualified name; one that the rule does not read
  // gives nullopt, unless the rule is never true.
  std::optional<std::set<std::string>> RequiredValues(std::string_view field) const {
    return rules::RequiredValues(expression_, field);
  }

  // In canonical form: compiles to a rule that is equal, if its limits allow (rules/printer.h).
  std::string ToString() const;
  const Expression& expression() const { return expression_; }

 private:
  Rule() = default;

  Expression expression_;
  Program program_;
  std::vector<uint16_t> slots_;
  bool reads_time_ = false;
  uint32_t cost_ = 0;
  absl::TimeZone zone_;
};

}  // namespace fulcrum::rules
