// Which vector instructions hand-vectorised code uses. The levels differ in speed only: code behind
// this switch gives the same bits at each (docs/choice_probabilities.md), which a test or a replay
// shows by forcing them in turn. Thread-safe.
#pragma once

#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace fulcrum::base {

// Ascending: a processor that has one has those before it. kSse2 is two doubles at a time, which
// every supported processor has; other architectures than x86-64 have this one only.
enum class SimdLevel { kSse2, kAvx2, kAvx512 };

// The highest that the processor and the operating system support.
SimdLevel DetectedSimdLevel();

// What is in use: the detected level until one is forced.
SimdLevel ActiveSimdLevel();

// From now on, for the whole process. UNAVAILABLE, naming what there is, if the processor lacks it;
// then nothing changes.
absl::Status ForceSimdLevel(SimdLevel level);

// The same by a word that ParseSimdLevel knows: what a start option `--simd` does.
absl::Status ForceSimdLevel(std::string_view word);

// "sse2", "avx2" or "avx512".
std::string_view SimdLevelName(SimdLevel level);

// The inverse; "auto" is the detected level. INVALID_ARGUMENT for any other word. Does not ask
// whether the processor has it.
absl::StatusOr<SimdLevel> ParseSimdLevel(std::string_view word);

}  // namespace fulcrum::base
