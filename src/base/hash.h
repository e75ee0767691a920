// Checksums and cryptographic hashes. Pure functions, safe from any thread.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace fulcrum::base {

// CRC-32C (Castagnoli; RFC 3720, appendix B.4) of `data`, continued from `crc`.
uint32_t Crc32c(std::string_view data, uint32_t crc = 0);

using Sha256Digest = std::array<uint8_t, 32>;
Sha256Digest Sha256(std::string_view data);

// SHA-256 of data that comes in parts. Not thread-safe.
class Sha256Stream {
 public:
  Sha256Stream();
  ~Sha256Stream();
  Sha256Stream(const Sha256Stream&) = delete;
  Sha256Stream& operator=(const Sha256Stream&) = delete;

  void Restart();  // as new
  void Update(std::string_view data);
  Sha256Digest Digest() const;  // of all so far; more may follow

 private:
  struct State;
  std::unique_ptr<State> state_;
};

Sha256Digest HmacSha256(std::string_view key, std::string_view data);

std::string ToHex(std::string_view bytes);
template <size_t N>
std::string ToHex(const std::array<uint8_t, N>& bytes) {
  return ToHex(std::string_view(reinterpret_cast<const char*>(bytes.data()), N));
}

// The first 8 bytes, big-endian: how versions are named in records.
uint64_t ShortDigest(const Sha256Digest& digest);

namespace internal {
// The portable form behind Crc32c, without its inversions; open to tests.
uint32_t ExtendByTable(uint32_t crc, std::string_view data);
}  // namespace internal

}  // namespace fulcrum::base
