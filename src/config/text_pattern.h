// A regular expression that finds what must not be logged, with bounds on what it may cost.
//
// Immutable and thread-safe. Time is linear in the text (RE2), and texts are short.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace fulcrum::config {

class TextPattern {
 public:
  static constexpr size_t kBytesMax = 512;  // of the expression
  static constexpr size_t kReplacementBytesMax = 64;
  static constexpr size_t kTextBytesMax = 64;  // as much as the API lets in

  // INVALID_ARGUMENT if `expression` is none, is too large, or matches the empty text.
  static absl::StatusOr<std::shared_ptr<const TextPattern>> Compile(std::string_view expression);
  ~TextPattern();

  // Whether `replacement` can take the place of a match: it names no group that there is not, and,
  // if it names none at all, is not itself something that matches.
  absl::Status CheckReplacement(std::string_view replacement) const;

  bool Matches(std::string_view text) const;

  // Every match gives way to what `make` says. False if that cannot be: the text is too long before
  // or after, or not UTF-8, or a match is empty; then `text` is as it was.
  bool ReplaceEach(const std::function<std::string(std::string_view match)>& make,
                   std::string* text) const;
  // The same with a checked replacement.
  bool ReplaceEach(std::string_view replacement, std::string* text) const;

  const std::string& expression() const;

 private:
  struct Compiled;
  explicit TextPattern(std::unique_ptr<const Compiled> compiled);

  std::unique_ptr<const Compiled> compiled_;
};

}  // namespace fulcrum::config
