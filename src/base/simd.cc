#include "base/simd.h"

#include <atomic>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/strings.h"

namespace fulcrum::base {
namespace {

SimdLevel Detect() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") != 0) return SimdLevel::kAvx512;
  if (__builtin_cpu_supports("avx2") != 0) return SimdLevel::kAvx2;
#endif
  return SimdLevel::kSse2;
}

std::atomic<SimdLevel>& Active() {
  static std::atomic<SimdLevel> active{DetectedSimdLevel()};
  return active;
}

}  // namespace

SimdLevel DetectedSimdLevel() {
  static const SimdLevel detected = Detect();
  return detected;
}

SimdLevel ActiveSimdLevel() {
  return Active().load(std::memory_order_relaxed);
}

absl::Status ForceSimdLevel(SimdLevel level) {
  if (level > DetectedSimdLevel()) {
    return absl::UnavailableError(absl::StrCat(
        "simd level ", ToAbsl(SimdLevelName(level)), ": this processor has ",
        ToAbsl(SimdLevelName(DetectedSimdLevel())), " at most; choose that, a lower one or auto"));
  }
  Active().store(level, std::memory_order_relaxed);
  return absl::OkStatus();
}

absl::Status ForceSimdLevel(std::string_view word) {
  FULCRUM_ASSIGN_OR_RETURN(const SimdLevel level, ParseSimdLevel(word));
  return ForceSimdLevel(level);
}

std::string_view SimdLevelName(SimdLevel level) {
  switch (level) {
    case SimdLevel::kSse2:
      return "sse2";
    case SimdLevel::kAvx2:
      return "avx2";
    case SimdLevel::kAvx512:
      return "avx512";
  }
  return "unknown";
}

absl::StatusOr<SimdLevel> ParseSimdLevel(std::string_view word) {
  if (word == "auto") return DetectedSimdLevel();
  for (const SimdLevel level : {SimdLevel::kSse2, SimdLevel::kAvx2, SimdLevel::kAvx512}) {
    if (word == SimdLevelName(level)) return level;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("simd level \"", ToAbsl(word), "\": use auto, sse2, avx2 or avx512"));
}

}  // namespace fulcrum::base
