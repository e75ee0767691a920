// Exit 0 if this compiler and processor give the pinned bits of the choice probabilities, at every
// vector width it has. Built and run by scripts/other_bits.sh.
#include <cinttypes>
#include <cstdio>

#include "tests/policy/choice_bits.h"

#if defined(__x86_64__)
#include "base/simd.h"
#endif

namespace fulcrum::policy::testing {
namespace {

bool Is(const char* what, uint64_t hash, uint64_t pinned) {
  std::printf("  %s %" PRIu64 "%s\n", what, hash, hash == pinned ? "" : " IS NOT THE PINNED ONE");
  return hash == pinned;
}

bool AllArePinned(const char* level) {
  std::printf("%s, %s\n", __VERSION__, level);
  const bool gauss = Is("normal", HashOfGaussChoices(), kGaussBits);
  const bool beta = Is("beta", HashOfBetaChoices(), kBetaBits);
  const bool utility = Is("utility", HashOfUtilityChoices(), kUtilityBits);
  return gauss && beta && utility;
}

bool AtEveryLevel() {
#if defined(__x86_64__)
  bool all = true;
  for (const base::SimdLevel level :
       {base::SimdLevel::kSse2, base::SimdLevel::kAvx2, base::SimdLevel::kAvx512}) {
    if (!base::ForceSimdLevel(level).ok()) continue;
    all = AllArePinned(base::SimdLevelName(level).data()) && all;
  }
  return all;
#elif defined(__aarch64__)
  return AllArePinned("arm64");
#else
  return AllArePinned("another processor");
#endif
}

}  // namespace
}  // namespace fulcrum::policy::testing

int main() {
  return fulcrum::policy::testing::AtEveryLevel() ? 0 : 1;
}
