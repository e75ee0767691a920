#include "fulcrum/decision_id.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_format.h"
#include "base/strings.h"

namespace fulcrum {
namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool IsDash(size_t index) {
  return index == 8 || index == 13 || index == 18 || index == 23;
}

}  // namespace

DecisionId DecisionId::FromTimeAndRandom(absl::Time time, uint64_t random_high,
                                         uint64_t random_low) {
  const uint64_t millis = static_cast<uint64_t>(absl::ToUnixMillis(time));
  const uint64_t high = (millis << 16) | (uint64_t{7} << 12) | (random_high & 0xfff);
  const uint64_t low = (uint64_t{2} << 62) | (random_low >> 2);
  return DecisionId(high, low);
}

absl::StatusOr<DecisionId> DecisionId::Parse(std::string_view text) {
  const auto refuse = [&] {
    return absl::InvalidArgumentError(
        absl::StrCat("'", absl::CHexEscape(base::ToAbsl(text.substr(0, 64))),
                     "' is not a decision id: expected a UUID such as "
                     "01890a5d-ac96-774b-bcce-b302099a8057"));
  };
  if (text.size() != 36) return refuse();
  uint64_t words[2] = {0, 0};
  int digits = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (IsDash(i)) {
      if (text[i] != '-') return refuse();
      continue;
    }
    const int digit = HexDigit(text[i]);
    if (digit < 0) return refuse();
    words[digits / 16] = (words[digits / 16] << 4) | static_cast<uint64_t>(digit);
    ++digits;
  }
  return DecisionId(words[0], words[1]);
}

absl::StatusOr<DecisionId> DecisionId::FromBytes(std::string_view bytes) {
  if (bytes.size() != 16) {
    return absl::InvalidArgumentError(
        absl::StrCat("a decision id has 16 bytes, not ", bytes.size()));
  }
  uint64_t words[2] = {0, 0};
  for (size_t i = 0; i < 16; ++i) {
    words[i / 8] = (words[i / 8] << 8) | static_cast<unsigned char>(bytes[i]);
  }
  return DecisionId(words[0], words[1]);
}

std::string DecisionId::ToString() const {
  return absl::StrFormat("%08x-%04x-%04x-%04x-%012x", high_ >> 32, (high_ >> 16) & 0xffff,
                         high_ & 0xffff, low_ >> 48, low_ & 0xffffffffffffULL);
}

std::string DecisionId::ToBytes() const {
  std::string bytes(16, '\0');
  for (size_t i = 0; i < 8; ++i) {
    bytes[i] = static_cast<char>(high_ >> (56 - 8 * i));
    bytes[8 + i] = static_cast<char>(low_ >> (56 - 8 * i));
  }
  return bytes;
}

}  // namespace fulcrum
