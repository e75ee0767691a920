// Counter-based randomness: the same key and counter give the same bits on every machine, so a draw
// can be repeated from the log alone.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "fulcrum/decision_id.h"

namespace fulcrum::base {

// Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011, section 3).
std::array<uint32_t, 4> Philox4x32(const std::array<uint32_t, 4>& counter,
                                   const std::array<uint32_t, 2>& key);

// The 32 random bits of a decision's draw: the first word of Philox4x32-10, the counter being the
// decision id {low 32 bits of low, high of low, low of high, high of high} and the key the seed
// {low, high}. Part of the log format: never changes.
uint32_t DrawUniform(const DecisionId& id, uint64_t seed);

// A 64-bit Philox key from (salt, purpose, position). FNV-1a over the text, then a 64-bit
// finaliser; the mapping is part of the log format and never changes.
uint64_t MixKey(std::string_view salt, std::string_view purpose, uint32_t position);

// A stream of random bits for set-up work, simulation and tests; not for draws. Not thread-safe.
class RandomStream {
 public:
  explicit RandomStream(uint64_t seed) : seed_(seed) {}
  uint32_t Next32();
  uint64_t Next64();
  double NextUniform();                // [0, 1), 53 bits
  uint32_t NextBelow(uint32_t bound);  // [0, bound), without bias; bound > 0

 private:
  uint64_t seed_;
  uint64_t counter_ = 0;
  std::array<uint32_t, 4> block_{};
  int used_ = 4;
};

}  // namespace fulcrum::base
