// The 128-bit name of a decision.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace fulcrum {

// 128 bits in the layout of a version 7 UUID (RFC 9562, section 5.7): 48 bits of Unix milliseconds,
// so that ids sort by time, and 74 random bits. Made by the server only. A plain value: copying and
// comparing are safe from any thread.
class DecisionId {
 public:
  constexpr DecisionId() = default;
  constexpr DecisionId(uint64_t high, uint64_t low) : high_(high), low_(low) {}

  // An id for `time` (>= 1970) from 128 random bits, of which 74 are used.
  static DecisionId FromTimeAndRandom(absl::Time time, uint64_t random_high, uint64_t random_low);

  // The canonical UUID text, 36 characters, either case. INVALID_ARGUMENT if it is anything else.
  static absl::StatusOr<DecisionId> Parse(std::string_view text);

  // 16 bytes, big-endian. INVALID_ARGUMENT if the length differs.
  static absl::StatusOr<DecisionId> FromBytes(std::string_view bytes);

  std::string ToString() const;  // canonical, lower case
  std::string ToBytes() const;   // 16 bytes, big-endian

  constexpr uint64_t high() const { return high_; }
  constexpr uint64_t low() const { return low_; }

  friend constexpr auto operator<=>(const DecisionId&, const DecisionId&) = default;

  template <typename H>
  friend H AbslHashValue(H h, const DecisionId& id) {
    return H::combine(std::move(h), id.high_, id.low_);
  }

 private:
  uint64_t high_ = 0;
  uint64_t low_ = 0;
};

}  // namespace fulcrum
