#include "base/random.h"

namespace fulcrum::base {
namespace {

constexpr uint32_t kMultiplier0 = 0xD2511F53;
constexpr uint32_t kMultiplier1 = 0xCD9E8D57;
constexpr uint32_t kWeyl0 = 0x9E3779B9;
constexpr uint32_t kWeyl1 = 0xBB67AE85;
constexpr int kRounds = 10;

uint32_t High(uint64_t product) {
  return static_cast<uint32_t>(product >> 32);
}
uint32_t Low(uint64_t product) {
  return static_cast<uint32_t>(product);
}

class Fnv1a {
 public:
  void Add(uint8_t byte) { state_ = (state_ ^ byte) * 0x100000001b3ULL; }
  void Add(std::string_view text) {
    for (const char c : text) Add(static_cast<uint8_t>(c));
  }
  uint64_t value() const { return state_; }

 private:
  uint64_t state_ = 0xcbf29ce484222325ULL;
};

// The finaliser of MurmurHash3 (public domain): every input bit reaches every output bit.
uint64_t Finalise(uint64_t x) {
  x = (x ^ (x >> 33)) * 0xff51afd7ed558ccdULL;
  x = (x ^ (x >> 33)) * 0xc4ceb9fe1a85ec53ULL;
  return x ^ (x >> 33);
}

}  // namespace

std::array<uint32_t, 4> Philox4x32(const std::array<uint32_t, 4>& counter,
                                   const std::array<uint32_t, 2>& key) {
  std::array<uint32_t, 4> c = counter;
  uint32_t key0 = key[0];
  uint32_t key1 = key[1];
  for (int round = 0; round < kRounds; ++round) {
    const uint64_t product0 = uint64_t{kMultiplier0} * c[0];
    const uint64_t product1 = uint64_t{kMultiplier1} * c[2];
    c = {High(product1) ^ c[1] ^ key0, Low(product1), High(product0) ^ c[3] ^ key1, Low(product0)};
    key0 += kWeyl0;
    key1 += kWeyl1;
  }
  return c;
}

uint32_t DrawUniform(const DecisionId& id, uint64_t seed) {
  const std::array<uint32_t, 4> counter = {
      static_cast<uint32_t>(id.low()), static_cast<uint32_t>(id.low() >> 32),
      static_cast<uint32_t>(id.high()), static_cast<uint32_t>(id.high() >> 32)};
  return Philox4x32(counter, {static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)})[0];
}

uint64_t MixKey(std::string_view salt, std::string_view purpose, uint32_t position) {
  constexpr uint8_t kSeparator = 0xff;  // never a byte of UTF-8
  Fnv1a hash;
  hash.Add(salt);
  hash.Add(kSeparator);
  hash.Add(purpose);
  hash.Add(kSeparator);
  for (int shift = 0; shift < 32; shift += 8) hash.Add(static_cast<uint8_t>(position >> shift));
  return Finalise(hash.value());
}

uint32_t RandomStream::Next32() {
  if (used_ == 4) {
    block_ = Philox4x32({Low(counter_), High(counter_), 0, 0}, {Low(seed_), High(seed_)});
    ++counter_;
    used_ = 0;
  }
  return block_[static_cast<size_t>(used_++)];
}

uint64_t RandomStream::Next64() {
  const uint64_t low = Next32();
  return low | (uint64_t{Next32()} << 32);
}

double RandomStream::NextUniform() {
  return static_cast<double>(Next64() >> 11) * 0x1p-53;
}

uint32_t RandomStream::NextBelow(uint32_t bound) {
  // Refuse the few values that would make the first results likelier.
  const uint32_t refused = (uint32_t{0} - bound) % bound;
  for (;;) {
    const uint64_t product = uint64_t{Next32()} * bound;
    if (Low(product) >= refused) return High(product);
  }
}

}  // namespace fulcrum::base
