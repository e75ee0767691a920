#include "rules/parser.h"

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/strings.h"
#include "rules/calendar.h"
#include "rules/cursor.h"
#include "rules/lexer.h"
#include "rules/limits.h"
#include "rules/nearest.h"
#include "rules/window_parser.h"
#include "rules/words.h"

namespace fulcrum::rules {
namespace {

// By recursive descent: one method per line of the grammar. Each fills *out and returns true, or
// sets the fault and returns false. Enter() bounds the recursion, Begin() the tree.
class Parser : public Cursor {
 public:
  using Cursor::Cursor;

  bool Run(Expression* out) {
    if (!ParseOr(out)) return false;
    if (Now().kind == Token::Kind::kEnd) return true;
    return Expected("'and', 'or' or the end");
  }

 private:
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
      Advance();
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
    Advance();
    out->relation = relation;
    out->children.push_back(std::move(*left));
    if (!ParseOperand(&out->children.emplace_back())) return false;
    if (!RelationAt(Now())) return true;
    return Fail(Now().offset, "comparisons do not chain; write a < b and b < c");
  }

  // x is [not] known, x is unknown
  bool ParseIs(Expression* field, Expression* out) {
    const size_t offset = Now().offset;
    Advance();
    bool negated = Accept("not");
    if (!negated && Is(Now(), "unknown")) {
      negated = true;
    } else if (!Is(Now(), "known")) {
      return Expected("'known', 'not known' or 'unknown'");
    }
    Advance();
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
    if (IsWindow(*this)) return ParseWindow(this, out);
    return ParseOperand(&out->children.emplace_back());
  }

  bool ParseOperand(Expression* out) {
    const Token& token = Now();
    switch (token.kind) {
      case Token::Kind::kText:
        out->text = token.text;
        Advance();
        return Begin(Kind::kText, token.offset, out);
      case Token::Kind::kNumber:
        out->number = token.number;
        Advance();
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
    Advance();
    if (!ParseOr(out) || !Expect(")")) return false;
    Leave();
    return true;
  }

  bool ParseSet(Expression* out) {
    const size_t offset = Now().offset;
    const bool of_numbers = Next().kind == Token::Kind::kNumber;
    if (!Begin(of_numbers ? Kind::kNumberSet : Kind::kTextSet, offset, out)) return false;
    Advance();
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
    Advance();
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
      Advance();
      return Begin(Kind::kBoolean, token.offset, out);
    }
    if (Accept("now")) return Begin(Kind::kNow, token.offset, out);
    if (Is(Next(), "(")) return ParseFunction(out);
    if (IsReserved(token.source)) return Expected("a field, a literal or '('");
    return ParseField(out);
  }

  bool ParseFunction(Expression* out) {
    const Token& name = Now();
    Advance(2);
    if (Is(name, "has")) return ParseHas(name.offset, out) && Expect(")");
    if (Is(name, "date")) {
      return TakeDay(this, &out->from) && Expect(")") && Begin(Kind::kDate, name.offset, out);
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
    Advance();
    while (true) {
      if (Accept(".")) {
        if (Now().kind != Token::Kind::kWord) return Expected("a name after '.'");
        absl::StrAppend(&out->text, ".", base::ToAbsl(Now().source));
        Advance();
      } else if (Accept("[")) {
        const Token* name = nullptr;
        if (!TakeText("\"name\" or a comparison before '['", &name) || !Expect("]")) return false;
        absl::StrAppend(&out->text, ".", name->text);
      } else {
        return true;
      }
    }
  }
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
