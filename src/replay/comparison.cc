#include "replay/comparison.h"

#include <bit>
#include <cmath>

#include "absl/strings/str_format.h"

namespace fulcrum::replay {

Comparison Differs(uint32_t position, std::string what, std::string recorded,
                   std::string recomputed) {
  return {Difference{position, std::move(what), std::move(recorded), std::move(recomputed)}, ""};
}

bool SameBits(double a, double b) {
  return std::bit_cast<uint64_t>(a) == std::bit_cast<uint64_t>(b) ||
         (std::isnan(a) && std::isnan(b));
}

std::string Exactly(double value) {
  return absl::StrFormat("%.17g", value);
}

std::optional<Comparison> CompareNumber(uint32_t position, std::string_view what, double recorded,
                                        double recomputed) {
  if (SameBits(recorded, recomputed)) return std::nullopt;
  return Differs(position, std::string(what), Exactly(recorded), Exactly(recomputed));
}

}  // namespace fulcrum::replay
