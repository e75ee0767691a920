// Values of single fields from their YAML text. Strict: no surrounding blanks, nothing that YAML
// or the C library would read otherwise (hexadecimal, octal, yes/no, inf, nan).
#pragma once

#include <cstdint>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace fulcrum::config {

// Whether an unquoted scalar would be taken as a number or a truth value by YAML readers; as a
// value of a text field it must be quoted.
bool LooksLikeOtherThanText(std::string_view text);

// Whether `text` is UTF-8 (RFC 3629): no overlong forms, no surrogates.
bool IsUtf8(std::string_view text);

// One of bool, int32_t, int64_t, uint32_t, uint64_t, double, absl::Duration, absl::Time.
// Integers may group digits by single '_'. Durations need a unit ("10ms", "1h30m") and are finite;
// times are RFC 3339. INVALID_ARGUMENT says what was expected.
template <typename T>
absl::StatusOr<T> ParseScalar(std::string_view text);

}  // namespace fulcrum::config
