#include "rules/rule.h"

#include <algorithm>
#include <utility>

#include "rules/checker.h"
#include "rules/compiler.h"
#include "rules/parser.h"
#include "rules/printer.h"

namespace fulcrum::rules {
namespace {

// Whether a tree looks at the moment, and which slots it reads.
struct Reads {
  const Schema& schema;
  bool time = false;
  std::vector<uint16_t> slots{};

  void Add(const Expression& e) {
    if (e.kind == Kind::kNow || e.kind == Kind::kAgo) time = true;
    if (e.kind == Kind::kField) slots.push_back(*schema.Find(e.text));
    for (const Expression& child : e.children) Add(child);
  }

  void Tidy() {
    std::sort(slots.begin(), slots.end());
    slots.erase(std::unique(slots.begin(), slots.end()), slots.end());
  }
};

}  // namespace

std::optional<Rule> Rule::Compile(std::string_view source, const Schema& schema,
                                  const absl::TimeZone& zone, RuleError* error) {
  Fault fault;
  Rule rule;
  std::optional<Expression> expression = Parse(source, &fault);
  if (!expression || !Check(*expression, schema, &rule.cost_, &fault)) {
    *error = Locate(source, std::move(fault));
    return std::nullopt;
  }
  Reads reads{schema};
  reads.Add(*expression);
  reads.Tidy();
  rule.slots_ = std::move(reads.slots);
  rule.reads_time_ = reads.time;
  rule.program_ = Flatten(*expression, schema, zone);
  rule.zone_ = zone;
  rule.expression_ = std::move(*expression);
  return rule;
}

Truth Rule::Evaluate(absl::Span<const Value> values, const Moment& moment) const noexcept {
  if (IsEligible(values, moment)) return Truth::kTrue;
  return Run(program_, program_.is_false, values, moment) ? Truth::kFalse : Truth::kUnknown;
}

std::string Rule::ToString() const {
  return Print(expression_);
}

}  // namespace fulcrum::rules
