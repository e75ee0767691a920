// The windows that limits count in: the calendar day of the campaign's time zone, or everything.
// Pure functions.
#pragma once

#include <cstdint>
#include <limits>

#include "absl/time/time.h"
#include "config/bundle.h"

namespace fulcrum::orchestrator {

// The key of the `total` window, which never ends.
inline constexpr int64_t kTotalWindow = std::numeric_limits<int64_t>::min();

// A day window is forgotten this long after its first instant, by the latest time that the ledger
// has seen: the longest day (25 h where clocks go back, up to 27 h for zones that once moved more)
// and two days for requests that come late. Depends on the key only, so that it needs no zone.
inline constexpr int64_t kWindowKeptUs = int64_t{27 + 48} * 3600 * 1'000'000;

// First instant of the window of `kind` that holds `now`, in microseconds since 1970 UTC. A day
// whose midnight is skipped by summer time starts at the jump; of two midnights the first counts.
int64_t WindowStartUs(config::Window kind, const absl::TimeZone& zone, absl::Time now);

// Whether a window must be taken as forgotten once time has reached `latest_us`.
constexpr bool IsForgotten(int64_t window_start_us, int64_t latest_us) {
  return window_start_us != kTotalWindow && latest_us > 0 &&
         window_start_us < latest_us - kWindowKeptUs;
}

}  // namespace fulcrum::orchestrator
