#include "rules/cursor.h"

#include "absl/strings/ascii.h"
#include "base/strings.h"
#include "rules/limits.h"
#include "rules/words.h"

namespace fulcrum::rules {

bool Cursor::Is(const Token& token, std::string_view source) {
  const bool fixed = token.kind == Token::Kind::kWord || token.kind == Token::Kind::kSign;
  return fixed && token.source == source;
}

bool Cursor::Accept(std::string_view source) {
  if (!Is(Now(), source)) return false;
  Advance();
  return true;
}

bool Cursor::Expect(std::string_view sign) {
  return Accept(sign) || Expected(absl::StrCat("'", base::ToAbsl(sign), "'"));
}

bool Cursor::Fail(size_t offset, std::string message) {
  *fault_ = {offset, std::move(message)};
  return false;
}

bool Cursor::Expected(const std::string& what) {
  if (Now().kind == Token::Kind::kEnd) {
    return Fail(Now().offset, absl::StrCat("expected ", what, ", but the rule ends here"));
  }
  return Fail(Now().offset,
              absl::StrCat("expected ", what, ", found ", Quoted(Now().source), SpellingHint()));
}

// For AND, In and their like.
std::string Cursor::SpellingHint() const {
  const std::string lower = absl::AsciiStrToLower(base::ToAbsl(Now().source));
  if (lower == base::ToAbsl(Now().source) || !IsReserved(lower)) return "";
  return absl::StrCat("; it is written '", lower, "'");
}

bool Cursor::TakeText(const char* example, const Token** text) {
  if (Now().kind != Token::Kind::kText) return Expected(absl::StrCat("a text like ", example));
  *text = &Now();
  Advance();
  return true;
}

bool Cursor::Enter(size_t offset) {
  if (++depth_ <= kDepthMax) return true;
  return Fail(offset, absl::StrCat("parentheses and 'not' nest deeper than the limit depth_max, ",
                                   kDepthMax, "; split the rule"));
}

bool Cursor::Begin(Kind kind, size_t offset, Expression* out) {
  if (++nodes_ > kNodesMax) {
    return Fail(offset, absl::StrCat("the rule has more fields, literals and operators than the "
                                     "limit nodes_max, ",
                                     kNodesMax, "; use sets, or split the rule"));
  }
  out->kind = kind;
  out->offset = offset;
  return true;
}

}  // namespace fulcrum::rules
