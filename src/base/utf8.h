// Unicode text as bytes.
#pragma once

#include <string_view>

namespace fulcrum::base {

// Whether `text` is well-formed UTF-8 (RFC 3629): shortest forms only, no surrogates, nothing above
// U+10FFFF. Thread-safe.
bool IsUtf8(std::string_view text);

}  // namespace fulcrum::base
