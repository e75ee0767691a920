// Why a rule was refused, and where.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace fulcrum::rules {

// What the stages of the compiler hand to each other. The offset is in bytes of the source.
struct Fault {
  size_t offset = 0;
  std::string message;
};

// A place as an editor shows it: lines and columns count from 1, columns in characters (code
// points of UTF-8, a tab is one). The message names the thing and the remedy.
struct RuleError {
  int line = 1;
  int column = 1;
  std::string message;

  std::string ToString() const;  // "column 7: ..", from the second line on "line 2, column 7: .."
};

// `fault.offset` may be the source's size: the place after its last character.
RuleError Locate(std::string_view source, Fault fault);

// `text` in single quotes, for a message: what is too long for one is cut between characters.
std::string Quoted(std::string_view text);

}  // namespace fulcrum::rules
