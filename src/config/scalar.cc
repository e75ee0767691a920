#include "config/scalar.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <limits>
#include <string>
#include <type_traits>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/strings.h"

namespace fulcrum::config {
namespace {

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

// Removes the '_' between digits; false if one stands elsewhere.
bool RemoveGrouping(std::string_view text, std::string* plain) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') {
      plain->push_back(text[i]);
    } else if (i == 0 || i + 1 == text.size() || !IsDigit(text[i - 1]) || !IsDigit(text[i + 1])) {
      return false;
    }
  }
  return true;
}

absl::Status Expected(const char* what, std::string_view text) {
  return absl::InvalidArgumentError(
      absl::StrCat("expected ", what, ", not '", base::ToAbsl(text.substr(0, 80)), "'"));
}

template <typename T>
absl::StatusOr<T> ParseInteger(std::string_view text) {
  constexpr char kWhat[] = "a whole number";
  std::string digits;
  if (!RemoveGrouping(text, &digits) || digits.empty()) return Expected(kWhat, text);
  const size_t sign = digits[0] == '-' ? 1 : 0;
  if (digits.size() == sign || !std::all_of(digits.begin() + sign, digits.end(), IsDigit)) {
    return Expected(kWhat, text);
  }
  if (digits.size() > sign + 1 && digits[sign] == '0') {
    return Expected("a whole number without leading zeros", text);
  }
  T value;
  if (!absl::SimpleAtoi(digits, &value)) {
    return absl::InvalidArgumentError(absl::StrCat("'", base::ToAbsl(text.substr(0, 80)),
                                                   "' is outside ", std::numeric_limits<T>::min(),
                                                   " to ", std::numeric_limits<T>::max()));
  }
  return value;
}

}  // namespace

bool LooksLikeOtherThanText(std::string_view text) {
  static constexpr std::string_view kWords[] = {"true", "True", "TRUE", "false", "False", "FALSE"};
  if (std::find(std::begin(kWords), std::end(kWords), text) != std::end(kWords)) return true;
  if (text.empty()) return false;
  double ignored;
  return absl::SimpleAtod(base::ToAbsl(text), &ignored) || text == ".nan" || text == ".inf" ||
         text == "-.inf";
}

bool IsUtf8(std::string_view text) {
  const auto* byte = reinterpret_cast<const unsigned char*>(text.data());
  const auto* const end = byte + text.size();
  while (byte < end) {
    const unsigned char first = *byte++;
    if (first < 0x80) continue;
    const int more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
    if (first < 0xc2 || first > 0xf4 || end - byte < more) return false;
    // The second byte alone excludes overlong forms, surrogates and what is beyond U+10FFFF.
    const unsigned char low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    const unsigned char high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (*byte < low || *byte > high) return false;
    for (int i = 1; i < more; ++i) {
      if ((byte[i] & 0xc0) != 0x80) return false;
    }
    byte += more;
  }
  return true;
}

template <>
absl::StatusOr<bool> ParseScalar<bool>(std::string_view text) {
  if (text == "true") return true;
  if (text == "false") return false;
  return Expected("true or false", text);
}

template <>
absl::StatusOr<int32_t> ParseScalar<int32_t>(std::string_view text) {
  return ParseInteger<int32_t>(text);
}
template <>
absl::StatusOr<int64_t> ParseScalar<int64_t>(std::string_view text) {
  return ParseInteger<int64_t>(text);
}
template <>
absl::StatusOr<uint32_t> ParseScalar<uint32_t>(std::string_view text) {
  return ParseInteger<uint32_t>(text);
}
template <>
absl::StatusOr<uint64_t> ParseScalar<uint64_t>(std::string_view text) {
  return ParseInteger<uint64_t>(text);
}

template <>
absl::StatusOr<double> ParseScalar<double>(std::string_view text) {
  constexpr char kWhat[] = "a finite number";
  std::string digits;
  if (!RemoveGrouping(text, &digits) || digits.empty()) return Expected(kWhat, text);
  if (digits.find_first_not_of("0123456789+-.eE") != std::string::npos) {
    return Expected(kWhat, text);
  }
  double value = 0;
  if (!absl::SimpleAtod(digits, &value) || !std::isfinite(value)) return Expected(kWhat, text);
  return value;
}

template <>
absl::StatusOr<absl::Duration> ParseScalar<absl::Duration>(std::string_view text) {
  absl::Duration value;
  if (!absl::ParseDuration(base::ToAbsl(text), &value) || value == absl::InfiniteDuration() ||
      value == -absl::InfiniteDuration()) {
    return Expected("a time span with its unit, such as 10ms, 2s or 1h30m", text);
  }
  return value;
}

template <>
absl::StatusOr<absl::Time> ParseScalar<absl::Time>(std::string_view text) {
  constexpr char kWhat[] = "a time by RFC 3339, such as 2019-11-24T00:00:00Z";
  absl::Time value;
  std::string ignored;
  if (text.size() < 20 || !IsDigit(text[0]) ||
      !absl::ParseTime(absl::RFC3339_full, base::ToAbsl(text), &value, &ignored)) {
    return Expected(kWhat, text);
  }
  // What google.protobuf.Timestamp can hold.
  if (value < absl::FromUnixSeconds(-62135596800) || value >= absl::FromUnixSeconds(253402300800)) {
    return Expected("a time in the years 1 to 9999", text);
  }
  return value;
}

}  // namespace fulcrum::config
