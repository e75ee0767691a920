#include "rules/checker.h"

#include <bit>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/strings.h"
#include "rules/limits.h"
#include "rules/nearest.h"
#include "rules/printer.h"

namespace fulcrum::rules {
namespace {

absl::string_view Name(Type type) {
  return base::ToAbsl(TypeName(type));
}

// "user.age is a number"
std::string Is(const Expression& operand, Type type) {
  std::string printed = Print(operand);
  constexpr size_t kShown = 40;
  if (printed.size() > kShown) printed = Quoted(printed.substr(0, kShown));
  return absl::StrCat(printed, " is a ", Name(type));
}

class Checker {
 public:
  Checker(const Schema& schema, Fault* fault) : schema_(schema), fault_(fault) {}

  uint32_t cost() const { return cost_; }

  bool CheckCondition(const Expression& e) {
    switch (e.kind) {
      case Kind::kNot:
      case Kind::kAnd:
      case Kind::kOr:
        for (const Expression& child : e.children) {
          if (!CheckCondition(child)) return false;
        }
        return true;
      case Kind::kCompare:
        return CheckCompare(e);
      case Kind::kIn:
        return CheckIn(e);
      case Kind::kIntersects:
        return CheckIntersects(e);
      case Kind::kKnown:
        return TypeOf(e.children[0]) && Spend(e, 1);
      case Kind::kHours:
      case Kind::kWeekdays:
        if (e.children[0].kind == Kind::kNow) return Spend(e, 1);
        return Fail(e.children[0], "hours and weekdays are those of now; write now in ..");
      case Kind::kDates:
        return CheckIs(e.children[0], Type::kTime, "dates hold times") && Spend(e, 2);
      default:
        return CheckBareOperand(e);
    }
  }

 private:
  bool Fail(const Expression& at, std::string message) {
    *fault_ = {at.offset, std::move(message)};
    return false;
  }

  bool Spend(const Expression& at, uint32_t comparisons) {
    cost_ += comparisons;  // fits: kNodesMax times the largest single cost is under 2^32
    if (cost_ <= kCostMax) return true;
    return Fail(at, absl::StrCat("up to here the rule may need ", cost_,
                                 " comparisons, more than the limit cost_max, ", kCostMax,
                                 "; compare fewer sets that fields hold"));
  }

  bool CheckBareOperand(const Expression& e) {
    if (e.kind == Kind::kNumberSet) return FailSet(e, "is no condition");
    const auto type = TypeOf(e);
    if (!type) return false;
    if (*type == Type::kBoolean) return Spend(e, 1);
    return Fail(e, absl::StrCat(Is(e, *type), " and no condition; compare it with something"));
  }

  // nullopt: the fault is set.
  std::optional<Type> TypeOf(const Expression& e) {
    switch (e.kind) {
      case Kind::kBoolean:
        return Type::kBoolean;
      case Kind::kNumber:
        return Type::kNumber;
      case Kind::kText:
        return Type::kText;
      case Kind::kTextSet:
        return Type::kTexts;
      case Kind::kField:
        return TypeOfField(e);
      case Kind::kNow:
      case Kind::kAgo:
      case Kind::kDate:
      case Kind::kTime:
        return Type::kTime;
      case Kind::kNumberSet:
        FailSet(e, "stands after 'in' only");
        return std::nullopt;
      default:
        Fail(
            e,
            "only fields and literals are compared; combine conditions with 'and', 'or' and 'not'");
        return std::nullopt;
    }
  }

  bool FailSet(const Expression& e, const char* what) {
    return Fail(e, absl::StrCat("a set of numbers ", what, "; write user.age in [18, 19]"));
  }

  std::optional<Type> TypeOfField(const Expression& e) {
    if (const auto slot = schema_.Find(e.text)) return schema_.field(*slot).type;
    if (e.text == "null" || e.text == "NULL" || e.text == "None" || e.text == "nil") {
      Fail(e, "there is no null; ask has(field), or write: field is known");
      return std::nullopt;
    }
    std::vector<std::string_view> names;
    for (const Field& field : schema_.fields()) names.push_back(field.name);
    const std::string hint = NearestHint(e.text, names);
    Fail(e, absl::StrCat("there is no field ", Quoted(e.text), hint));
    return std::nullopt;
  }

  bool CheckIs(const Expression& e, Type wanted, const char* reason) {
    const auto type = TypeOf(e);
    if (!type) return false;
    if (*type == wanted) return true;
    return Fail(e, absl::StrCat(reason, ", and ", Is(e, *type)));
  }

  bool CheckCompare(const Expression& e) {
    const auto left = TypeOf(e.children[0]);
    if (!left) return false;
    const auto right = TypeOf(e.children[1]);
    if (!right) return false;
    if (*left != *right) {
      return Fail(e, absl::StrCat("both sides of ", base::ToAbsl(RelationName(e.relation)),
                                  " must have one type, but ", Is(e.children[0], *left), " and ",
                                  Is(e.children[1], *right)));
    }
    const bool equality = e.relation == Relation::kEqual || e.relation == Relation::kNotEqual;
    if (*left == Type::kTexts) {
      return Fail(e, "sets are not compared; write a intersects b, or \"text\" in a");
    }
    if (*left == Type::kTime && equality) {
      return Fail(e,
                  "times hardly ever are equal to the microsecond; compare with < <= > >=, or "
                  "write now in dates(..)");
    }
    if (*left != Type::kNumber && *left != Type::kTime && !equality) {
      return Fail(e, absl::StrCat("values of type ", Name(*left),
                                  " have no order; compare with == != or in"));
    }
    return Spend(e, 1);
  }

  bool CheckIn(const Expression& e) {
    const Expression& member = e.children[0];
    const Expression& set = e.children[1];
    if (set.kind == Kind::kNumberSet) {
      return CheckIs(member, Type::kNumber, "the set has numbers") &&
             Spend(e, SearchCost(set.numbers.size()));
    }
    if (!TypeOf(member) || !CheckIs(set, Type::kTexts, "the right side of 'in' is a set")) {
      return false;
    }
    if (!CheckIs(member, Type::kText, "the set has texts")) return false;
    return Spend(e, set.kind == Kind::kTextSet ? SearchCost(set.texts.size()) : kFieldSetSizeMax);
  }

  // Of the binary search in a sorted literal set.
  static uint32_t SearchCost(size_t size) { return static_cast<uint32_t>(std::bit_width(size)); }

  bool CheckIntersects(const Expression& e) {
    const char* const kReason = "both sides of 'intersects' are sets of texts";
    uint32_t cost = kFieldSetSizeMax;
    const Expression* literal = nullptr;
    for (const Expression& side : e.children) {
      if (!CheckIs(side, Type::kTexts, kReason)) return false;
      if (side.kind != Kind::kTextSet) continue;
      if (literal != nullptr) return Fail(e, "one side of 'intersects' must be a field");
      literal = &side;
    }
    cost *= literal == nullptr ? kFieldSetSizeMax : SearchCost(literal->texts.size());
    return Spend(e, cost);
  }

  const Schema& schema_;
  Fault* const fault_;
  uint32_t cost_ = 0;
};

}  // namespace

bool Check(const Expression& expression, const Schema& schema, uint32_t* cost, Fault* fault) {
  Checker checker(schema, fault);
  if (!checker.CheckCondition(expression)) return false;
  *cost = checker.cost();
  return true;
}

}  // namespace fulcrum::rules
