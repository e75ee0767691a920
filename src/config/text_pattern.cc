#include "config/text_pattern.h"

#include <re2/re2.h>

#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/strings.h"
#include "base/utf8.h"

namespace fulcrum::config {
namespace {

constexpr int64_t kMemoryMax = 1 << 20;  // of one compiled expression, its caches included
constexpr int kGroups = 10;              // \0 to \9

using Groups = std::array<re2::StringPiece, kGroups>;

re2::StringPiece ToPiece(std::string_view text) {
  return {text.data(), text.size()};
}
std::string_view FromPiece(const re2::StringPiece& piece) {
  return {piece.data(), piece.size()};
}

RE2::Options Options() {
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kMemoryMax);
  return options;
}

}  // namespace

struct TextPattern::Compiled {
  explicit Compiled(std::string_view expression) : re(ToPiece(expression), Options()) {}
  RE2 re;

  int groups() const { return 1 + std::min(re.NumberOfCapturingGroups(), kGroups - 1); }

  // Calls `write` for each match, with what came before it, and returns what is left after the
  // last. False if a match is empty.
  template <typename Write>
  bool Walk(std::string_view text, Write write, std::string_view* rest) const {
    Groups groups;
    size_t from = 0;
    while (re.Match(ToPiece(text), from, text.size(), RE2::UNANCHORED, groups.data(),
                    this->groups())) {
      if (groups[0].empty()) return false;
      const size_t at = static_cast<size_t>(groups[0].data() - text.data());
      if (!write(text.substr(from, at - from), groups)) return false;
      from = at + groups[0].size();
    }
    *rest = text.substr(from);
    return true;
  }

  template <typename Append>
  bool ReplaceEach(Append append, std::string* text) const {
    if (text->size() > kTextBytesMax || !base::IsUtf8(*text)) return false;
    std::string out;
    std::string_view rest;
    const auto write = [&](std::string_view before, const Groups& match) {
      absl::StrAppend(&out, base::ToAbsl(before));
      return append(match, &out) && out.size() <= kTextBytesMax;
    };
    if (!Walk(*text, write, &rest)) return false;
    if (out.size() + rest.size() > kTextBytesMax) return false;
    absl::StrAppend(&out, base::ToAbsl(rest));
    *text = std::move(out);
    return true;
  }
};

TextPattern::TextPattern(std::unique_ptr<const Compiled> compiled)
    : compiled_(std::move(compiled)) {}
TextPattern::~TextPattern() = default;

absl::StatusOr<std::shared_ptr<const TextPattern>> TextPattern::Compile(
    std::string_view expression) {
  if (expression.size() > kBytesMax) {
    return absl::InvalidArgumentError(absl::StrCat("longer than ", kBytesMax, " bytes"));
  }
  auto compiled = std::make_unique<const Compiled>(expression);
  if (!compiled->re.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("is no regular expression of RE2: ", compiled->re.error(),
                     "; see https://github.com/google/re2/wiki/Syntax"));
  }
  if (RE2::PartialMatch("", compiled->re)) {
    return absl::InvalidArgumentError(
        "matches the empty text, so it would match everywhere; ask for at least one character");
  }
  return std::shared_ptr<const TextPattern>(new TextPattern(std::move(compiled)));
}

absl::Status TextPattern::CheckReplacement(std::string_view replacement) const {
  if (replacement.size() > kReplacementBytesMax) {
    return absl::InvalidArgumentError(absl::StrCat("longer than ", kReplacementBytesMax, " bytes"));
  }
  std::string error;
  if (!compiled_->re.CheckRewriteString(ToPiece(replacement), &error)) {
    return absl::InvalidArgumentError(absl::StrCat("cannot be used: ", error));
  }
  if (RE2::MaxSubmatch(ToPiece(replacement)) == 0 && Matches(replacement)) {
    return absl::InvalidArgumentError("matches the pattern itself; choose a text that does not");
  }
  return absl::OkStatus();
}

bool TextPattern::Matches(std::string_view text) const {
  return RE2::PartialMatch(ToPiece(text), compiled_->re);
}

bool TextPattern::ReplaceEach(const std::function<std::string(std::string_view match)>& make,
                              std::string* text) const {
  return compiled_->ReplaceEach(
      [&](const Groups& match, std::string* out) {
        absl::StrAppend(out, make(FromPiece(match[0])));
        return true;
      },
      text);
}

bool TextPattern::ReplaceEach(std::string_view replacement, std::string* text) const {
  return compiled_->ReplaceEach(
      [&](const Groups& match, std::string* out) {
        return compiled_->re.Rewrite(out, ToPiece(replacement), match.data(), kGroups);
      },
      text);
}

const std::string& TextPattern::expression() const {
  return compiled_->re.pattern();
}

}  // namespace fulcrum::config
