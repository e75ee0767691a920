#include "rules/rule_error.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/strings.h"

namespace fulcrum::rules {
namespace {

bool ContinuesACharacter(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0) == 0x80;
}

}  // namespace

std::string RuleError::ToString() const {
  if (line > 1) return absl::StrCat("line ", line, ", column ", column, ": ", message);
  return absl::StrCat("column ", column, ": ", message);
}

RuleError Locate(std::string_view source, Fault fault) {
  RuleError error;
  error.message = std::move(fault.message);
  for (const char byte : source.substr(0, fault.offset)) {
    if (byte == '\n') {
      ++error.line;
      error.column = 1;
    } else if (!ContinuesACharacter(byte)) {
      ++error.column;
    }
  }
  return error;
}

std::string Quoted(std::string_view text) {
  constexpr size_t kBytesMax = 48;
  if (text.size() <= kBytesMax) return absl::StrCat("'", base::ToAbsl(text), "'");
  size_t end = kBytesMax;
  while (end > 0 && ContinuesACharacter(text[end])) --end;
  return absl::StrCat("'", base::ToAbsl(text.substr(0, end)), "...'");
}

}  // namespace fulcrum::rules
