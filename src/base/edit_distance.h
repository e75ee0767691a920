// How far two names are apart.
#pragma once

#include <cstddef>
#include <string_view>

namespace fulcrum::base {

// Insertions, deletions, replacements and swaps of neighbouring bytes that turn `a` into `b`, none
// of a byte that was swapped (optimal string alignment). Only the first 64 bytes of each are
// compared: names may be hostile.
size_t EditDistance(std::string_view a, std::string_view b);

}  // namespace fulcrum::base
