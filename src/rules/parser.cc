#include "rules/parser.h"

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/strings.h"
#include "rules/calendar.h"
#include "rules/lexer.h"
#include "rules/limits.h"
#include "rules/nearest.h"
#include "rules/words.h"

namespace fulcrum::rules {
namespace {

// By recursive descent: one method per line of the grammar. Each fills *out and returns true, or
// sets the fault and returns false. Enter() bounds the recursion, Count() the tree.
class Parser {
 public:
  Parser(std::vector<Token> tokens, Fault* fault) : tokens_(std::move(tokens)), fault_(fault) {}

  bool Run(Expression* out) {
    if (!ParseOr(out)) return false;
    if (Now().kind == Token::Kind::kEnd) return true;
    return Expected("'and', 'or' or the end");
  }

 private:
  const Token& Now() const { return tokens_[at_]; }
  const Token& Next() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }

  static bool Is(const Token& token, std::string_view source) {
    const bool fixed = token.kind == Token::Kind::kWord || token.kind == Token::Kind::kSign;
    return fixed && token.source == source;
  }
  bool Accept(std::string_view source) {
    if (!Is(Now(), source)) return false;
    ++at_;
    return true;
  }
  bool Expect(std::string_view sign) {
    return Accept(sign) || Expected(absl::StrCat("'", base::ToAbsl(sign), "'"));
  }

  bool Fail(size_t offset, std::string message) {
    *fault_ = {offset, std::move(message)};
    return false;
  }

  bool Expected(const std::string& what) {
    if (Now().kind == Token::Kind::kEnd) {
      return Fail(Now().offset, absl::StrCat("expected ", what, ", but the rule ends here"));
    }
    return Fail(Now().offset,
                absl::StrCat("expected ", what, ", found ", Quoted(Now().source), SpellingHint()));
  }

  // For AND, In and their like.
  std::string SpellingHint() const {
    const std::string lower = absl::AsciiStrToLower(base::ToAbsl(Now().source));
    if (lower == base::ToAbsl(Now().source) || !IsReserved(lower)) return "";
    return absl::StrCat("; it is written '", lower, "'");
  }

  bool Enter(size_t offset) {
    if (++depth_ <= kDepthMax) return true;
    return Fail(offset, absl::StrCat("parentheses and 'not' nest deeper than the limit depth_max, ",
                                     kDepthMax, "; split the rule"));
  }
  void Leave() { --depth_; }

  bool Begin(Kind kind, size_t offset, Expression* out) {
    if (++nodes_ > kNodesMax) {
      return Fail(offset, absl::StrCat("the rule has more fields, literals and operators than the "
                                       "limit nodes_max, ",
                                       kNodesMax, "; use sets, or split the rule"));
    }
    out->kind = kind;
    out->offset = offset;
    return true;
  }

  bool ParseOr(Expression* out) {
    return ParseChain(Kind::kOr, "or", "||", &Parser::ParseAnd, out);
  }
  bool ParseAnd(Expression* out) {
    return ParseChain(Kind::kAnd, "and", "&&", &Parser::ParseNot, out);
  }

  bool ParseChain(Kind kind, std::string_view word, std::string_view sign,
                  bool (Parser::*parse_link)(Expression*), Expression* out) {
    Expression first;
    if (!(this->*parse_link)(&first)) return false;
    if (!Is(Now(), word) && !Is(Now(), sign)) {
      *out = std::move(first);
      return true;
    }
    if (!Begin(kind, Now().offset, out)) return false;
    out->children.push_back(std::move(first));
    while (Accept(word) || Accept(sign)) {
      if (!(this->*parse_link)(&out->children.emplace_back())) return false;
    }
    return true;
  }

  bool ParseNot(Expression* out) {
    const size_t offset = Now().offset;
    if (!Accept("not") && !Accept("!")) return ParseCondition(out);
    if (!Enter(offset) || !Begin(Kind::kNot, offset, out)) return false;
    if (!ParseNot(&out->children.emplace_back())) return false;
    Leave();
    return true;
  }

  bool ParseCondition(Expression* out) {
    Expression left;
    if (!ParseOperand(&left)) return false;
    if (const auto relation = RelationAt(Now())) return ParseCompare(*relation, &left, out);
    if (Is(Now(), "is")) return ParseIs(&left, out);
    const size_t offset = Now().offset;
    if (Is(Now(), "not") && Is(Next(), "in")) {
      ++at_;
      if (!Begin(Kind::kNot, offset, out)) return false;
      out = &out->children.emplace_back();
    }
    if (Accept("in")) return ParseIn(offset, &left, out);
    if (Accept("intersects")) {
      if (!Begin(Kind::kIntersects, offset, out)) return false;
      out->children.push_back(std::move(left));
      return ParseOperand(&out->children.emplace_back());
    }
    *out = std::move(left);
    return true;
  }

  static std::optional<Relation> RelationAt(const Token& token) {
    for (const Relation relation : {Relation::kEqual, Relation::kNotEqual, Relation::kLess,
                                    Relation::kAtMost, Relation::kGreater, Relation::kAtLeast}) {
      if (Is(token, RelationName(relation))) return relation;
    }
    return std::nullopt;
  }

  bool ParseCompare(Relation relation, Expression* left, Expression* out) {
    if (!Begin(Kind::kCompare, Now().offset, out)) return false;
    ++at_;
    out->relation = relation;
    out->children.push_back(std::move(*left));
    if (!ParseOperand(&out->children.emplace_back())) return false;
    if (!RelationAt(Now())) return true;
    return Fail(Now().offset, "comparisons do not chain; write a < b and b < c");
  }

  // x is [not] known, x is unknown
  bool ParseIs(Expression* field, Expression* out) {
    const size_t offset = Now().offset;
    ++at_;
    bool negated = Accept("not");
    if (!negated && Is(Now(), "unknown")) {
      negated = true;
    } else if (!Is(Now(), "known")) {
      return Expected("'known', 'not known' or 'unknown'");
    }
    ++at_;
    if (negated) {
      if (!Begin(Kind::kNot, offset, out)) return false;
      out = &out->children.emplace_back();
    }
    return MakeKnown(offset, std::move(*field), out);
  }

  bool MakeKnown(size_t offset, Expression field, Expression* out) {
    if (field.kind != Kind::kField) {
      return Fail(field.offset, "only a field can be asked whether it is known");
    }
    if (!Begin(Kind::kKnown, offset, out)) return false;
    out->children.push_back(std::move(field));
    return true;
  }

  bool ParseIn(size_t offset, Expression* left, Expression* out) {
    if (!Begin(Kind::kIn, offset, out)) return false;
    out->children.push_back(std::move(*left));
    if (Is(Next(), "(")) {
      if (Is(Now(), "hours")) return ParseHours(out);
      if (Is(Now(), "weekdays")) return ParseWeekdays(out);
      if (Is(Now(), "dates")) return ParseDates(out);
    }
    return ParseOperand(&out->children.emplace_back());
  }

  // The text at the current place, which must be one.
  bool TakeText(const char* example, const Token** text) {
    if (Now().kind != Token::Kind::kText) return Expected(absl::StrCat("a text like ", example));
    *text = &tokens_[at_++];
    return true;
  }

  // Reads a text by `parse`, which is one of calendar.h.
  template <typename ParseText, typename Result>
  bool TakeParsed(const char* example, const char* what, ParseText parse, Result* result) {
    const Token* token = nullptr;
    if (!TakeText(example, &token)) return false;
    const auto parsed = parse(token->text);
    if (!parsed) {
      return Fail(token->offset,
                  absl::StrCat(Quoted(token->text), " is not ", what, "; write ", example));
    }
    *result = Result(*parsed);
    return true;
  }

  bool ParseHours(Expression* out) {
    out->kind = Kind::kHours;
    at_ += 2;
    const size_t offset = Now().offset;
    if (!TakeClock(&out->from_minute) || !Expect(",") || !TakeClock(&out->to_minute)) return false;
    if (out->from_minute == out->to_minute) {
      return Fail(offset, "hours from a time to itself could be all or none; leave the window out");
    }
    if (out->from_minute == kMinutesPerDay) {
      return Fail(offset, "hours begin at 23:59 at the latest; write \"00:00\"");
    }
    return Expect(")");
  }

  bool TakeClock(int* minute) {
    return TakeParsed("\"22:00\"", "a time of the day, 00:00 to 24:00", ParseClock, minute);
  }

  bool ParseWeekdays(Expression* out) {
    out->kind = Kind::kWeekdays;
    at_ += 2;
    do {
      const Token* token = nullptr;
      if (!TakeText("\"mon\" or \"mon-fri\"", &token)) return false;
      const uint8_t days = WeekdayBits(token->text);
      if (days == 0) {
        return Fail(token->offset, absl::StrCat(Quoted(token->text),
                                                " is not a weekday; write mon, tue, wed, thu, fri, "
                                                "sat, sun or a range such as mon-fri"));
      }
      out->weekdays |= days;
    } while (Accept(","));
    return Expect(")");
  }

  // "fri", or "fri-mon", which goes past Sunday. 0 if it is neither.
  static uint8_t WeekdayBits(std::string_view text) {
    const size_t dash = text.find('-');
    const auto first = ParseWeekday(text.substr(0, dash));
    const auto last = dash == text.npos ? first : ParseWeekday(text.substr(dash + 1));
    if (!first || !last) return 0;
    uint8_t bits = static_cast<uint8_t>(1u << *last);
    for (int day = *first; day != *last; day = (day + 1) % 7)
      bits |= static_cast<uint8_t>(1u << day);
    return bits;
  }

  bool ParseDates(Expression* out) {
    out->kind = Kind::kDates;
    at_ += 2;
    const size_t offset = Now().offset;
    if (!TakeDay(&out->from) || !Expect(",") || !TakeDay(&out->to)) return false;
    if (out->to < out->from) {
      return Fail(offset, "the first of dates is after the second; both belong to the window");
    }
    return Expect(")");
  }

  bool TakeDay(absl::CivilMinute* day) {
    return TakeParsed("\"2026-12-01\"", "a day of the calendar since 1970", ParseDay, day);
  }

  bool ParseOperand(Expression* out) {
    const Token& token = Now();
    switch (token.kind) {
      case Token::Kind::kText:
        out->text = token.text;
        ++at_;
        return Begin(Kind::kText, token.offset, out);
      case Token::Kind::kNumber:
        out->number = token.number;
        ++at_;
        return Begin(Kind::kNumber, token.offset, out);
      case Token::Kind::kWord:
        return ParseWord(out);
      case Token::Kind::kSign:
        if (Is(token, "(")) return ParseParentheses(out);
        if (Is(token, "[")) return ParseSet(out);
        break;
      case Token::Kind::kEnd:
        break;
    }
    return Expected("a field, a literal or '('");
  }

  bool ParseParentheses(Expression* out) {
    if (!Enter(Now().offset)) return false;
    ++at_;
    if (!ParseOr(out) || !Expect(")")) return false;
    Leave();
    return true;
  }

  bool ParseSet(Expression* out) {
    const size_t offset = Now().offset;
    const bool of_numbers = Next().kind == Token::Kind::kNumber;
    if (!Begin(of_numbers ? Kind::kNumberSet : Kind::kTextSet, offset, out)) return false;
    ++at_;
    do {
      if (!ParseMember(of_numbers, out)) return false;
    } while (Accept(","));
    return Expect("]");
  }

  bool ParseMember(bool of_numbers, Expression* out) {
    const Token& token = Now();
    if (out->texts.size() + out->numbers.size() == kSetSizeMax) {
      return Fail(token.offset, absl::StrCat("the set has more members than the limit "
                                             "set_size_max, ",
                                             kSetSizeMax, "; provide it as a field"));
    }
    const auto twice = [&] {
      return Fail(token.offset,
                  absl::StrCat(Quoted(token.source), " is in the set twice; take one out"));
    };
    if (of_numbers && token.kind == Token::Kind::kNumber) {
      if (Has(out->numbers, token.number)) return twice();
      out->numbers.push_back(token.number);
    } else if (!of_numbers && token.kind == Token::Kind::kText) {
      if (Has(out->texts, token.text)) return twice();
      out->texts.push_back(token.text);
    } else {
      return Expected(of_numbers ? "a number, as the others of this set"
                                 : "a text; a set has texts or numbers, at least one");
    }
    ++at_;
    return true;
  }

  template <typename Member>
  static bool Has(const std::vector<Member>& members, const Member& member) {
    return std::find(members.begin(), members.end(), member) != members.end();
  }

  bool ParseWord(Expression* out) {
    const Token& token = Now();
    if (Is(token, "true") || Is(token, "false")) {
      out->boolean = Is(token, "true");
      ++at_;
      return Begin(Kind::kBoolean, token.offset, out);
    }
    if (Accept("now")) return Begin(Kind::kNow, token.offset, out);
    if (Is(Next(), "(")) return ParseFunction(out);
    if (IsReserved(token.source)) return Expected("a field, a literal or '('");
    return ParseField(out);
  }

  bool ParseFunction(Expression* out) {
    const Token& name = Now();
    at_ += 2;
    if (Is(name, "has")) return ParseHas(name.offset, out) && Expect(")");
    if (Is(name, "date")) {
      return TakeDay(&out->from) && Expect(")") && Begin(Kind::kDate, name.offset, out);
    }
    if (Is(name, "time")) {
      return TakeParsed("\"2026-12-01 08:30\"", "a minute of the calendar since 1970", ParseMinute,
                        &out->from) &&
             Expect(")") && Begin(Kind::kTime, name.offset, out);
    }
    if (Is(name, "ago")) {
      return TakeParsed("\"90m\", \"36h\" or \"30d\"", "a span up to 3660 days", ParseSpan,
                        &out->span_seconds) &&
             Expect(")") && Begin(Kind::kAgo, name.offset, out);
    }
    if (Is(name, "hours") || Is(name, "weekdays") || Is(name, "dates")) {
      return Fail(name.offset,
                  absl::StrCat(base::ToAbsl(name.source), "(..) stands after 'in'; write now in ",
                               base::ToAbsl(name.source), "(..)"));
    }
    return Fail(name.offset, absl::StrCat("there is no function ", Quoted(name.source),
                                          base::ToAbsl(NearestHint(name.source, Functions()))));
  }

  // Takes nothing but a field, so that has(has(.. does not nest.
  bool ParseHas(size_t offset, Expression* out) {
    const bool is_name = Now().kind == Token::Kind::kWord && !IsReserved(Now().source);
    if (!is_name || Is(Next(), "(")) {
      return Fail(Now().offset, "only a field can be asked whether it is known");
    }
    Expression field;
    return ParseField(&field) && MakeKnown(offset, std::move(field), out);
  }

  // scope.name, scope.a.b or scope["any name"]. Whether it exists is the checker's question.
  bool ParseField(Expression* out) {
    if (!Begin(Kind::kField, Now().offset, out)) return false;
    out->text = std::string(Now().source);
    ++at_;
    while (true) {
      if (Accept(".")) {
        if (Now().kind != Token::Kind::kWord) return Expected("a name after '.'");
        absl::StrAppend(&out->text, ".", base::ToAbsl(Now().source));
        ++at_;
      } else if (Accept("[")) {
        const Token* name = nullptr;
        if (!TakeText("\"name\" or a comparison before '['", &name) || !Expect("]")) return false;
        absl::StrAppend(&out->text, ".", name->text);
      } else {
        return true;
      }
    }
  }

  const std::vector<Token> tokens_;
  Fault* const fault_;
  size_t at_ = 0;
  int depth_ = 0;
  int nodes_ = 0;
};

}  // namespace

std::optional<Expression> Parse(std::string_view source, Fault* fault) {
  if (source.size() > kSourceBytesMax) {
    *fault = {kSourceBytesMax, absl::StrCat("the rule has ", source.size(),
                                            " bytes, more than the limit source_bytes_max, ",
                                            kSourceBytesMax, "; use sets, or split the rule")};
    return std::nullopt;
  }
  auto tokens = Tokenize(source, fault);
  if (!tokens) return std::nullopt;
  Expression expression;
  if (!Parser(std::move(*tokens), fault).Run(&expression)) return std::nullopt;
  return expression;
}

}  // namespace fulcrum::rules
