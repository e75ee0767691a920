// The windows that limits count in: the calendar day or hour of the row's time zone, a span that
// moves with the clock (domain/moving_span.h), or everything. Pure functions.
#pragma once

#include <cstdint>
#include <limits>

#include "absl/time/time.h"
#include "config/bundle.h"

namespace fulcrum::orchestrator {

// The key of the `total` window, which never ends.
inline constexpr int64_t kTotalWindow = std::numeric_limits<int64_t>::min();

// A window of the calendar is forgotten this long after its first instant, by the latest time that
// the ledger has seen: the longest day (25 h where clocks go back, up to 27 h for zones that once
// moved more) and two days for requests that come late. Depends on the key only, so that it needs
// no zone.
inline constexpr int64_t kCalendarKeptUs = int64_t{27 + 48} * 3600 * 1'000'000;

// First instant of the window of `row` that holds `now`, in microseconds since 1970 UTC. A day
// whose midnight is skipped by summer time starts at the jump; of two midnights the first counts,
// and an hour that the clocks repeat is one window. Of a moving span: the start of its step.
int64_t WindowStartUs(const config::Constraint& row, absl::Time now);

// First instant of the calendar's window after the one that holds `now`; of others INT64_MAX.
int64_t NextWindowUs(const config::Constraint& row, absl::Time now);

// How long after its first instant a window of `row` is forgotten. A step of a moving span: when
// two spans are over.
int64_t KeptUs(const config::Constraint& row);
// The same by the span, which is 0 for windows of the calendar.
constexpr int64_t KeptUs(int64_t span_us) {
  if (span_us <= 0) return kCalendarKeptUs;
  return span_us > std::numeric_limits<int64_t>::max() / 2 ? std::numeric_limits<int64_t>::max()
                                                           : 2 * span_us;
}

// Whether a window must be taken as forgotten once time has reached `latest_us`.
constexpr bool IsForgotten(int64_t window_start_us, int64_t kept_us, int64_t latest_us) {
  return window_start_us != kTotalWindow && latest_us > 0 && window_start_us < latest_us - kept_us;
}

// The first step that counts together with the one that starts at `window_start_us`. Of other
// windows: that one.
int64_t FirstCountedUs(const config::Constraint& row, int64_t window_start_us);

}  // namespace fulcrum::orchestrator
