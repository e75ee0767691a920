// The words of the language and what may be a name. Thread-safe, as all of it is pure.
#pragma once

#include <string_view>
#include <vector>

namespace fulcrum::rules {

// A letter or underscore, then letters, digits and underscores, all ASCII.
bool IsWord(std::string_view text);

// A word that has a meaning of its own where a field could begin. After a dot any word is a name.
bool IsReserved(std::string_view word);

// What can be called: has(..), date(..) and so on, in the order of the documentation.
const std::vector<std::string_view>& Functions();

// Control characters of ASCII, which no text and no name may have.
bool IsControl(char byte);

}  // namespace fulcrum::rules
