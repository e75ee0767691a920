// What came of deciding once more.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace fulcrum::replay {

// The first place where a record and its replay part.
struct Difference {
  uint32_t position = 0;   // 1-based; 0 = before any position was drawn
  std::string what;        // such as "ticks of 'hat'"
  std::string recorded;    // doubles with 17 digits: unlike bits are unlike texts
  std::string recomputed;  // or, if the record is impossible, what it should have been

  friend bool operator==(const Difference&, const Difference&) = default;
};

// Replayed and the same in every bit, replayed and different, or not replayed.
struct Comparison {
  std::optional<Difference> difference;
  std::string not_replayed;  // why; empty if it was

  bool identical() const { return !difference.has_value() && not_replayed.empty(); }
};

inline Comparison NotReplayed(std::string why) {
  return {std::nullopt, std::move(why)};
}

Comparison Differs(uint32_t position, std::string what, std::string recorded,
                   std::string recomputed);

// The same bits; all NaNs are one.
bool SameBits(double a, double b);

// 17 significant digits: different doubles are different texts.
std::string Exactly(double value);

// Empty if the two are the same bits, else the difference.
std::optional<Comparison> CompareNumber(uint32_t position, std::string_view what, double recorded,
                                        double recomputed);

}  // namespace fulcrum::replay
