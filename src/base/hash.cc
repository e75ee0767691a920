#include "base/hash.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include <cstring>

#include "base/check.h"

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace fulcrum::base {
namespace {

constexpr uint32_t kCastagnoliReversed = 0x82f63b78;

constexpr std::array<uint32_t, 256> MakeTable() {
  std::array<uint32_t, 256> table{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t value = byte;
    for (int bit = 0; bit < 8; ++bit) {
      value = (value >> 1) ^ ((value & 1) != 0 ? kCastagnoliReversed : 0);
    }
    table[byte] = value;
  }
  return table;
}

constexpr std::array<uint32_t, 256> kTable = MakeTable();

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) uint32_t ExtendByInstruction(uint32_t crc,
                                                               std::string_view data) {
  uint64_t value = crc;
  while (data.size() >= sizeof(uint64_t)) {
    uint64_t word;
    std::memcpy(&word, data.data(), sizeof(word));
    value = _mm_crc32_u64(value, word);
    data.remove_prefix(sizeof(word));
  }
  uint32_t narrow = static_cast<uint32_t>(value);
  for (const char c : data) narrow = _mm_crc32_u8(narrow, static_cast<unsigned char>(c));
  return narrow;
}
#endif

using Extend = uint32_t (*)(uint32_t, std::string_view);

Extend ChooseExtend() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("sse4.2")) return ExtendByInstruction;
#endif
  return internal::ExtendByTable;
}

const unsigned char* Bytes(std::string_view data) {
  return reinterpret_cast<const unsigned char*>(data.data());
}

}  // namespace

namespace internal {

uint32_t ExtendByTable(uint32_t crc, std::string_view data) {
  for (const char c : data) {
    crc = (crc >> 8) ^ kTable[(crc ^ static_cast<unsigned char>(c)) & 0xff];
  }
  return crc;
}

}  // namespace internal

uint32_t Crc32c(std::string_view data, uint32_t crc) {
  static const Extend extend = ChooseExtend();
  return ~extend(~crc, data);
}

Sha256Digest Sha256(std::string_view data) {
  Sha256Digest digest;
  FULCRUM_CHECK(
      EVP_Digest(data.data(), data.size(), digest.data(), nullptr, EVP_sha256(), nullptr) == 1);
  return digest;
}

struct Sha256Stream::State {
  EVP_MD_CTX* running = EVP_MD_CTX_new();
  EVP_MD_CTX* copy = EVP_MD_CTX_new();  // what ends a digest takes no more data
  ~State() {
    EVP_MD_CTX_free(running);
    EVP_MD_CTX_free(copy);
  }
};

Sha256Stream::Sha256Stream() : state_(std::make_unique<State>()) {
  FULCRUM_CHECK(state_->running != nullptr && state_->copy != nullptr);
  Restart();
}
Sha256Stream::~Sha256Stream() = default;

void Sha256Stream::Restart() {
  FULCRUM_CHECK(EVP_DigestInit_ex(state_->running, EVP_sha256(), nullptr) == 1);
}

void Sha256Stream::Update(std::string_view data) {
  FULCRUM_CHECK(EVP_DigestUpdate(state_->running, data.data(), data.size()) == 1);
}

Sha256Digest Sha256Stream::Digest() const {
  Sha256Digest digest;
  FULCRUM_CHECK(EVP_MD_CTX_copy_ex(state_->copy, state_->running) == 1);
  FULCRUM_CHECK(EVP_DigestFinal_ex(state_->copy, digest.data(), nullptr) == 1);
  return digest;
}

Sha256Digest HmacSha256(std::string_view key, std::string_view data) {
  Sha256Digest digest;
  unsigned int length = 0;
  // A null key would mean "the key of last time" to OpenSSL.
  const char* bytes = key.empty() ? "" : key.data();
  FULCRUM_CHECK(HMAC(EVP_sha256(), bytes, static_cast<int>(key.size()), Bytes(data), data.size(),
                     digest.data(), &length) != nullptr);
  FULCRUM_CHECK(length == digest.size());
  return digest;
}

std::string ToHex(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(2 * bytes.size());
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text += kDigits[byte >> 4];
    text += kDigits[byte & 0xf];
  }
  return text;
}

uint64_t ShortDigest(const Sha256Digest& digest) {
  uint64_t value = 0;
  for (size_t i = 0; i < 8; ++i) value = (value << 8) | digest[i];
  return value;
}

}  // namespace fulcrum::base
