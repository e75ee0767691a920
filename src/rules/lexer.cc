#include "rules/lexer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <system_error>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/strings.h"
#include "base/utf8.h"
#include "rules/words.h"

namespace fulcrum::rules {
namespace {

// Longer ones first: "<=" must not be read as "<".
constexpr std::array<std::string_view, 15> kSigns = {"==", "!=", "<=", ">=", "&&", "||", "<", ">",
                                                     "!",  "(",  ")",  "[",  "]",  ",",  "."};

bool IsDigit(char byte) {
  return absl::ascii_isdigit(static_cast<unsigned char>(byte));
}
bool IsWordByte(char byte) {
  return byte == '_' || absl::ascii_isalnum(static_cast<unsigned char>(byte));
}

// Bytes of the UTF-8 character at the start of `text`, 0 if there is none.
size_t CharacterBytes(std::string_view text) {
  for (size_t bytes = 1; bytes <= std::min<size_t>(text.size(), 4); ++bytes) {
    if (base::IsUtf8(text.substr(0, bytes))) return bytes;
  }
  return 0;
}

// What people bring along from other languages, and what it is called here.
std::string_view Remedy(std::string_view rest) {
  if (rest.starts_with("<>")) return "; write !=";
  switch (rest[0]) {
    case '=':
      return "; compare with ==";
    case '&':
      return "; write 'and'";
    case '|':
      return "; write 'or'";
    case '-':
      return "; there is no arithmetic, and a name with '-' is written scope[\"name\"]";
    case '+':
    case '*':
    case '/':
    case '%':
      return "; there is no arithmetic: provide the result as a field";
    case '{':
      return "; sets are written with [ and ]";
    default:
      return "; texts and unusual names stand in double or single quotes";
  }
}

class Lexer {
 public:
  Lexer(std::string_view source, Fault* fault) : source_(source), fault_(fault) {}

  bool Run(std::vector<Token>* tokens) {
    while (true) {
      SkipSpace();
      Token token;
      token.offset = at_;
      if (at_ == source_.size()) {
        tokens->push_back(std::move(token));
        return true;
      }
      if (!Take(&token)) return false;
      token.source = source_.substr(token.offset, at_ - token.offset);
      tokens->push_back(std::move(token));
    }
  }

 private:
  std::string_view rest() const { return source_.substr(at_); }
  char Peek(size_t ahead = 0) const {
    return at_ + ahead < source_.size() ? source_[at_ + ahead] : '\0';
  }

  bool Fail(size_t offset, std::string message) {
    *fault_ = {offset, std::move(message)};
    return false;
  }

  void SkipSpace() {
    while (at_ < source_.size() &&
           absl::string_view(" \t\r\n").find(source_[at_]) != absl::string_view::npos) {
      ++at_;
    }
  }

  bool Take(Token* token) {
    const char first = Peek();
    if (first == '"' || first == '\'') return TakeText(first, token);
    if (IsDigit(first) || (first == '-' && IsDigit(Peek(1)))) return TakeNumber(token);
    if (IsWordByte(first)) {
      token->kind = Token::Kind::kWord;
      while (IsWordByte(Peek())) ++at_;
      return true;
    }
    return TakeSign(token);
  }

  bool TakeSign(Token* token) {
    token->kind = Token::Kind::kSign;
    for (const std::string_view sign : kSigns) {
      if (!rest().starts_with(sign) || rest().starts_with("<>")) continue;
      at_ += sign.size();
      return true;
    }
    const size_t bytes = CharacterBytes(rest());
    if (bytes == 0) return Fail(at_, "the rule is not UTF-8; save the file as UTF-8");
    if (IsControl(Peek())) return Fail(at_, "control characters are not part of the language");
    const size_t shown = rest().starts_with("<>") ? 2 : bytes;
    return Fail(at_, absl::StrCat(Quoted(rest().substr(0, shown)), " is not part of the language",
                                  base::ToAbsl(Remedy(rest()))));
  }

  // -12.5e3: digits on both sides of a point, so that a point after a number is an error and not
  // half a number.
  bool TakeNumber(Token* token) {
    token->kind = Token::Kind::kNumber;
    const size_t start = at_;
    if (Peek() == '-') ++at_;
    SkipDigits();
    if (Peek() == '.' && IsDigit(Peek(1))) {
      ++at_;
      SkipDigits();
    }
    const bool sign = Peek(1) == '-' || Peek(1) == '+';
    if ((Peek() == 'e' || Peek() == 'E') && IsDigit(Peek(sign ? 2 : 1))) {
      at_ += sign ? 2 : 1;
      SkipDigits();
    }
    const std::string_view written = source_.substr(start, at_ - start);
    if (IsWordByte(Peek()) || Peek() == '.') {
      return Fail(start, "a number is written like 18, -2.5 or 1e6; texts stand in quotes");
    }
    const auto [end, problem] =
        std::from_chars(written.data(), written.data() + written.size(), token->number);
    if (problem != std::errc() || !std::isfinite(token->number)) {
      return Fail(start,
                  absl::StrCat("the number ", Quoted(written),
                               " does not fit a double; its size must be 0 or 1e-308 to 1e308"));
    }
    return true;
  }

  void SkipDigits() {
    while (IsDigit(Peek())) ++at_;
  }

  bool TakeText(char quote, Token* token) {
    token->kind = Token::Kind::kText;
    const size_t start = at_++;
    while (Peek() != quote) {
      if (at_ == source_.size()) return Fail(start, "the text that begins here has no end quote");
      if (!TakeCharacter(&token->text)) return false;
    }
    ++at_;
    return true;
  }

  bool TakeCharacter(std::string* text) {
    if (Peek() == '\\') return TakeEscape(text);
    if (IsControl(Peek())) {
      return Fail(at_, "a text has no control characters and ends on its line; write \\n or \\t");
    }
    const size_t bytes = CharacterBytes(rest());
    if (bytes == 0) return Fail(at_, "the rule is not UTF-8; save the file as UTF-8");
    text->append(rest().substr(0, bytes));
    at_ += bytes;
    return true;
  }

  bool TakeEscape(std::string* text) {
    constexpr std::string_view kEscapes = "\\\"'nt";
    constexpr std::string_view kMeanings = "\\\"'\n\t";
    const size_t index = at_ + 1 < source_.size() ? kEscapes.find(Peek(1)) : kEscapes.npos;
    if (index == kEscapes.npos) {
      return Fail(at_, "after \\ stands one of \\ \" ' n t; a backslash itself is written \\\\");
    }
    text->push_back(kMeanings[index]);
    at_ += 2;
    return true;
  }

  const std::string_view source_;
  Fault* const fault_;
  size_t at_ = 0;
};

}  // namespace

std::optional<std::vector<Token>> Tokenize(std::string_view source, Fault* fault) {
  std::vector<Token> tokens;
  if (!Lexer(source, fault).Run(&tokens)) return std::nullopt;
  return tokens;
}

}  // namespace fulcrum::rules
