#include "rules/printer.h"

#include <charconv>
#include <cstddef>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/strings.h"
#include "rules/calendar.h"
#include "rules/words.h"

namespace fulcrum::rules {
namespace {

// The shortest that reads back as the same double.
std::string PrintNumber(double number) {
  char text[32];
  const auto result = std::to_chars(text, text + sizeof(text), number);
  return std::string(text, result.ptr);
}

std::string PrintText(std::string_view text) {
  std::string quoted = "\"";
  for (const char byte : text) {
    if (byte == '\n') {
      quoted += "\\n";
    } else if (byte == '\t') {
      quoted += "\\t";
    } else {
      if (byte == '"' || byte == '\\') quoted += '\\';
      quoted += byte;
    }
  }
  return quoted + '"';
}

template <typename Member, typename PrintMember>
std::string PrintSet(const std::vector<Member>& members, PrintMember print) {
  return absl::StrCat("[",
                      absl::StrJoin(members, ", ",
                                    [print](std::string* out, const Member& member) {
                                      out->append(print(member));
                                    }),
                      "]");
}

std::string PrintWeekdays(uint8_t weekdays) {
  std::string days;
  for (int day = 0; day < 7; ++day) {
    if ((weekdays >> day & 1) == 0) continue;
    absl::StrAppend(&days, days.empty() ? "" : ", ", PrintText(PrintWeekday(day)));
  }
  return days;
}

std::string Call(std::string_view name, std::string_view argument) {
  return absl::StrCat(base::ToAbsl(name), "(", PrintText(argument), ")");
}

// `or` binds loosest, then `and`, then `not`. A chain in a chain keeps its parentheses, or it
// would be read as one chain.
std::string PrintLink(const Expression& link, Kind chain) {
  const bool loose = link.kind == Kind::kOr || (link.kind == Kind::kAnd && chain != Kind::kOr);
  return loose ? absl::StrCat("(", Print(link), ")") : Print(link);
}

std::string PrintChain(const Expression& chain) {
  return absl::StrJoin(chain.children, chain.kind == Kind::kAnd ? " and " : " or ",
                       [&chain](std::string* out, const Expression& link) {
                         out->append(PrintLink(link, chain.kind));
                       });
}

std::string PrintPair(const Expression& e, std::string_view between) {
  return absl::StrCat(Print(e.children[0]), " ", base::ToAbsl(between), " ", Print(e.children[1]));
}

std::string PrintWindow(const Expression& e, std::string_view in) {
  std::string window;
  if (e.kind == Kind::kHours) {
    window = absl::StrCat("hours(", PrintText(PrintClock(e.from_minute)), ", ",
                          PrintText(PrintClock(e.to_minute)), ")");
  } else if (e.kind == Kind::kWeekdays) {
    window = absl::StrCat("weekdays(", PrintWeekdays(e.weekdays), ")");
  } else {
    window = absl::StrCat("dates(", PrintText(PrintDay(absl::CivilDay(e.from))), ", ",
                          PrintText(PrintDay(absl::CivilDay(e.to))), ")");
  }
  return absl::StrCat(Print(e.children[0]), " ", base::ToAbsl(in), " ", window);
}

// Where there is a form that nests nothing it is taken, so that printing never makes a rule deeper
// than its source was.
std::string PrintNot(const Expression& child) {
  switch (child.kind) {
    case Kind::kIn:
      return PrintPair(child, "not in");
    case Kind::kHours:
    case Kind::kWeekdays:
    case Kind::kDates:
      return PrintWindow(child, "not in");
    case Kind::kKnown:
      return absl::StrCat(Print(child.children[0]), " is not known");
    default:
      return absl::StrCat("not ", PrintLink(child, Kind::kNot));
  }
}

std::string PrintCondition(const Expression& e) {
  switch (e.kind) {
    case Kind::kNot:
      return PrintNot(e.children[0]);
    case Kind::kAnd:
    case Kind::kOr:
      return PrintChain(e);
    case Kind::kCompare:
      return PrintPair(e, RelationName(e.relation));
    case Kind::kIn:
      return PrintPair(e, "in");
    case Kind::kIntersects:
      return PrintPair(e, "intersects");
    case Kind::kKnown:
      return absl::StrCat("has(", Print(e.children[0]), ")");
    case Kind::kHours:
    case Kind::kWeekdays:
    case Kind::kDates:
      return PrintWindow(e, "in");
    default:
      return "";
  }
}

std::string PrintOperand(const Expression& e) {
  switch (e.kind) {
    case Kind::kBoolean:
      return e.boolean ? "true" : "false";
    case Kind::kNumber:
      return PrintNumber(e.number);
    case Kind::kText:
      return PrintText(e.text);
    case Kind::kNumberSet:
      return PrintSet(e.numbers, PrintNumber);
    case Kind::kTextSet:
      return PrintSet(e.texts, PrintText);
    case Kind::kField:
      return PrintField(e.text);
    case Kind::kNow:
      return "now";
    case Kind::kAgo:
      return Call("ago", PrintSpan(e.span_seconds));
    case Kind::kDate:
      return Call("date", PrintDay(absl::CivilDay(e.from)));
    case Kind::kTime:
      return Call("time", PrintMinute(e.from));
    default:
      return "";
  }
}

}  // namespace

std::string Print(const Expression& expression) {
  return expression.IsOperand() ? PrintOperand(expression) : PrintCondition(expression);
}

std::string PrintField(std::string_view name) {
  const size_t dot = name.find('.');
  if (dot == std::string_view::npos) return std::string(name);
  const std::string_view rest = name.substr(dot + 1);
  for (const absl::string_view part : absl::StrSplit(base::ToAbsl(rest), '.')) {
    if (IsWord(base::FromAbsl(part))) continue;
    return absl::StrCat(base::ToAbsl(name.substr(0, dot)), "[", PrintText(rest), "]");
  }
  return std::string(name);
}

}  // namespace fulcrum::rules
