// Windows that move with the clock, as limits count in them.
//
// What is drawn counts in the step of its time, and a step counts as long as any of it is within
// the span. So a limit holds in every window of that length, and in some that are longer by up to a
// step.
#pragma once

#include <cstdint>

namespace fulcrum::domain {

// How many steps a moving span has.
inline constexpr int64_t kStepsPerSpan = 32;

// Length of one, for a span of at least 1 us.
constexpr int64_t StepUs(int64_t span_us) {
  return span_us / kStepsPerSpan + (span_us % kStepsPerSpan != 0 ? 1 : 0);
}

// Start of the step that holds `time_us`, for a span of at least 1 us.
constexpr int64_t StepStartUs(int64_t span_us, int64_t time_us) {
  const int64_t step_us = StepUs(span_us);
  const int64_t rest = time_us % step_us;
  return time_us - (rest < 0 ? rest + step_us : rest);
}

}  // namespace fulcrum::domain
