#include "rules/required.h"

#include <utility>

namespace fulcrum::rules {
namespace {

// nullopt: any value, or none.
using Values = std::optional<std::set<std::string>>;

class Requirements {
 public:
  explicit Requirements(std::string_view field) : field_(field) {}

  // Values without which `e` is not `wanted`.
  Values Of(const Expression& e, bool wanted) const {
    switch (e.kind) {
      case Kind::kBoolean:
        if (e.boolean == wanted) return std::nullopt;
        return std::set<std::string>();
      case Kind::kNot:
        return Of(e.children[0], !wanted);
      case Kind::kAnd:
      case Kind::kOr:
        return (e.kind == Kind::kAnd) == wanted ? OfAll(e, wanted) : OfAny(e, wanted);
      case Kind::kCompare:
        return e.relation == (wanted ? Relation::kEqual : Relation::kNotEqual) ? OfPair(e)
                                                                               : std::nullopt;
      case Kind::kIn:
      case Kind::kIntersects:
        return wanted ? OfPair(e) : std::nullopt;
      default:
        return std::nullopt;
    }
  }

 private:
  bool IsTheField(const Expression& e) const { return e.kind == Kind::kField && e.text == field_; }

  static Values Literals(const Expression& e) {
    if (e.kind == Kind::kText) return std::set<std::string>{e.text};
    if (e.kind == Kind::kTextSet) return std::set<std::string>(e.texts.begin(), e.texts.end());
    return std::nullopt;
  }

  // Of two sides that are equal or have a member in common.
  Values OfPair(const Expression& e) const {
    if (IsTheField(e.children[0])) return Literals(e.children[1]);
    return IsTheField(e.children[1]) ? Literals(e.children[0]) : std::nullopt;
  }

  // Each link's statement holds, so the one that leaves the fewest values may be taken. Not what
  // they have in common: of a set that must contain "a" and "b" that would be nothing.
  Values OfAll(const Expression& e, bool wanted) const {
    Values fewest;
    for (const Expression& link : e.children) {
      Values values = Of(link, wanted);
      if (values && (!fewest || values->size() < fewest->size())) fewest = std::move(values);
    }
    return fewest;
  }

  Values OfAny(const Expression& e, bool wanted) const {
    std::set<std::string> all;
    for (const Expression& link : e.children) {
      const Values values = Of(link, wanted);
      if (!values) return std::nullopt;
      all.insert(values->begin(), values->end());
    }
    return all;
  }

  const std::string_view field_;
};

}  // namespace

std::optional<std::set<std::string>> RequiredValues(const Expression& expression,
                                                    std::string_view field) {
  return Requirements(field).Of(expression, /*wanted=*/true);
}

}  // namespace fulcrum::rules
