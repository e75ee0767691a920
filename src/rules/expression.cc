#include "rules/expression.h"

#include <tuple>

namespace fulcrum::rules {
namespace {

auto Parts(const Expression& e) {
  return std::tie(e.kind, e.relation, e.boolean, e.number, e.text, e.numbers, e.texts,
                  e.span_seconds, e.from, e.to, e.from_minute, e.to_minute, e.weekdays);
}

}  // namespace

std::string_view RelationName(Relation relation) {
  switch (relation) {
    case Relation::kEqual:
      return "==";
    case Relation::kNotEqual:
      return "!=";
    case Relation::kLess:
      return "<";
    case Relation::kAtMost:
      return "<=";
    case Relation::kGreater:
      return ">";
    case Relation::kAtLeast:
      return ">=";
  }
  return "";
}

bool operator==(const Expression& a, const Expression& b) {
  if (Parts(a) != Parts(b) || a.children.size() != b.children.size()) return false;
  for (size_t i = 0; i < a.children.size(); ++i) {
    if (!(a.children[i] == b.children[i])) return false;
  }
  return true;
}

}  // namespace fulcrum::rules
