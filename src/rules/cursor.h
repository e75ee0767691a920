// Where the parser is in the tokens, and what bounds it. Methods that return bool set the fault
// before they return false. Not thread-safe.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "rules/expression.h"
#include "rules/lexer.h"
#include "rules/rule_error.h"

namespace fulcrum::rules {

class Cursor {
 public:
  // `tokens` ends with one kEnd, as Tokenize() makes them. `fault` must outlive the cursor.
  Cursor(std::vector<Token> tokens, Fault* fault) : tokens_(std::move(tokens)), fault_(fault) {}

  const Token& Now() const { return tokens_[at_]; }
  const Token& Next() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
  void Advance(size_t tokens = 1) { at_ = std::min(at_ + tokens, tokens_.size() - 1); }

  // Whether `token` is this word or sign.
  static bool Is(const Token& token, std::string_view source);

  bool Accept(std::string_view source);  // false without a fault: it is another
  bool Expect(std::string_view sign);

  bool Fail(size_t offset, std::string message);
  bool Expected(const std::string& what);  // always false: something else is here

  // The text that must be here, by one of the functions of calendar.h; `example` is what to write,
  // `what` what is written so.
  bool TakeText(const char* example, const Token** text);
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

  // Around all that nests: more than kDepthMax at a time are refused.
  bool Enter(size_t offset);
  void Leave() { --depth_; }

  // Makes *out a node, of which there are kNodesMax at most.
  bool Begin(Kind kind, size_t offset, Expression* out);

 private:
  std::string SpellingHint() const;

  const std::vector<Token> tokens_;
  Fault* const fault_;
  size_t at_ = 0;
  int depth_ = 0;
  int nodes_ = 0;
};

}  // namespace fulcrum::rules
