#include "rules/words.h"

#include <algorithm>

#include "absl/strings/ascii.h"

namespace fulcrum::rules {

bool IsWord(std::string_view text) {
  if (text.empty() || absl::ascii_isdigit(static_cast<unsigned char>(text[0]))) return false;
  return std::all_of(text.begin(), text.end(), [](char byte) {
    return byte == '_' || absl::ascii_isalnum(static_cast<unsigned char>(byte));
  });
}

const std::vector<std::string_view>& Functions() {
  static const auto* const kFunctions =
      new std::vector<std::string_view>{"has", "date", "time", "ago", "hours", "weekdays", "dates"};
  return *kFunctions;
}

bool IsReserved(std::string_view word) {
  static const auto* const kWords = new std::vector<std::string_view>{
      "and", "or", "not", "in", "intersects", "is", "known", "unknown", "true", "false", "now"};
  const auto holds = [word](const std::vector<std::string_view>& words) {
    return std::find(words.begin(), words.end(), word) != words.end();
  };
  return holds(*kWords) || holds(Functions());
}

bool IsControl(char byte) {
  return absl::ascii_iscntrl(static_cast<unsigned char>(byte));
}

}  // namespace fulcrum::rules
