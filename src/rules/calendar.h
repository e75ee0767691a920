// Days, clock times and spans as rules write them. Thread-safe, as all of it is pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/time/civil_time.h"

namespace fulcrum::rules {

inline constexpr int kMinutesPerDay = 24 * 60;

// "06:30" -> 390 minutes; "24:00" is the end of the day. nullopt if it is no such thing.
std::optional<int> ParseClock(std::string_view text);
std::string PrintClock(int minute_of_day);

// "2028-02-29", years 1970 to 9999; a day that the calendar does not have is none.
std::optional<absl::CivilDay> ParseDay(std::string_view text);
std::string PrintDay(absl::CivilDay day);

// "2028-02-29 06:30", up to 23:59.
std::optional<absl::CivilMinute> ParseMinute(std::string_view text);
std::string PrintMinute(absl::CivilMinute minute);

// "90m", "36h" or "30d" -> seconds, a positive whole number of minutes; a day is 24 hours here. Up
// to kAgoDaysMax days. Printed in the largest unit that leaves no rest.
std::optional<int64_t> ParseSpan(std::string_view text);
std::string PrintSpan(int64_t seconds);

// "mon" -> 0 .. "sun" -> 6.
std::optional<int> ParseWeekday(std::string_view text);
std::string_view PrintWeekday(int weekday);

}  // namespace fulcrum::rules
