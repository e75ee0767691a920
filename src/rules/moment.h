// The moment of a request as rules see it.
#pragma once

#include <cstdint>

#include "absl/time/time.h"

namespace fulcrum::rules {

// Made once per request and time zone, so that no rule has to ask the zone's tables. Thread-safe by
// being immutable. A rule must be given the moment in the zone it was compiled for.
struct Moment {
  int64_t time_us = 0;        // microseconds since 1970-01-01 00:00 UTC
  int32_t minute_of_day = 0;  // of the wall clock, [0, 1440)
  int32_t weekday = 0;        // [0, 7), 0 = Monday

  static Moment At(absl::Time time, const absl::TimeZone& zone);
};

}  // namespace fulcrum::rules
