// A stable 64-bit fingerprint of bytes: the same on every machine and in every version, for hashes
// that are written down. Not for secrets.
#pragma once

#include <cstdint>
#include <string_view>

namespace fulcrum::base {

inline constexpr uint64_t kFingerprintStart = 0xcbf29ce484222325ULL;

// FNV-1a (Fowler, Noll, Vo), continued from `start`.
inline uint64_t Fingerprint(std::string_view bytes, uint64_t start = kFingerprintStart) {
  uint64_t hash = start;
  for (const char c : bytes) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  }
  return hash;
}

}  // namespace fulcrum::base
