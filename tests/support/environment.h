// How long a study or a fault test runs: short forms by default, longer ones for `make soak`.
#pragma once

#include <cstdlib>
#include <type_traits>

namespace fulcrum::testing {

// The variable's whole number, or `otherwise` if it is not set.
template <typename Integer>
Integer FromEnvironment(const char* name, Integer otherwise) {
  const char* const given = std::getenv(name);
  if (given == nullptr) return otherwise;
  if constexpr (std::is_unsigned_v<Integer>) {
    return static_cast<Integer>(std::strtoull(given, nullptr, 10));
  } else {
    return static_cast<Integer>(std::strtoll(given, nullptr, 10));
  }
}

}  // namespace fulcrum::testing
