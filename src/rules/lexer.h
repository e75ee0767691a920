// A rule's source as tokens.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rules/rule_error.h"

namespace fulcrum::rules {

struct Token {
  enum class Kind : uint8_t { kWord, kNumber, kText, kSign, kEnd };

  Kind kind = Kind::kEnd;
  size_t offset = 0;        // of its first byte
  std::string_view source;  // as it was written
  std::string text{};       // kText: without quotes and escapes
  double number = 0;        // kNumber: finite
};

// The tokens with one kEnd at the end, or nullopt and the fault: an unknown character, a text
// without end, an escape that is none, a number without meaning, bytes that are not UTF-8. The
// tokens view `source`. Thread-safe.
std::optional<std::vector<Token>> Tokenize(std::string_view source, Fault* fault);

}  // namespace fulcrum::rules
