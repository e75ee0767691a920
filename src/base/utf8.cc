#include "base/utf8.h"

#include <cstddef>
#include <cstdint>

namespace fulcrum::base {
namespace {

// Bytes of the sequence that `first` begins; 0 if none may begin so.
size_t SequenceBytes(unsigned char first) {
  if (first < 0x80) return 1;
  if (first < 0xc2) return 0;
  if (first < 0xe0) return 2;
  if (first < 0xf0) return 3;
  return first < 0xf5 ? 4 : 0;
}

bool IsLegal(uint32_t point, size_t bytes) {
  if (bytes == 3) return point >= 0x800 && (point < 0xd800 || point > 0xdfff);
  if (bytes == 4) return point >= 0x10000 && point <= 0x10ffff;
  return true;
}

}  // namespace

bool IsUtf8(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    const auto first = static_cast<unsigned char>(text[at]);
    const size_t bytes = SequenceBytes(first);
    if (bytes == 0 || at + bytes > text.size()) return false;
    uint32_t point = bytes == 1 ? first : first & (0xffu >> (bytes + 1));
    for (size_t i = 1; i < bytes; ++i) {
      const auto next = static_cast<unsigned char>(text[at + i]);
      if ((next & 0xc0) != 0x80) return false;
      point = (point << 6) | (next & 0x3fu);
    }
    if (!IsLegal(point, bytes)) return false;
    at += bytes;
  }
  return true;
}

}  // namespace fulcrum::base
