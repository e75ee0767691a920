#include "rules/calendar.h"

#include <array>
#include <cstddef>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "rules/limits.h"

namespace fulcrum::rules {
namespace {

constexpr std::array<std::string_view, 7> kWeekdays = {"mon", "tue", "wed", "thu",
                                                       "fri", "sat", "sun"};
constexpr int64_t kMinute = 60;
constexpr int64_t kHour = 60 * kMinute;
constexpr int64_t kDay = 24 * kHour;

// A number without sign, of at most nine digits so that it fits.
std::optional<int> ParseDigits(std::string_view text) {
  if (text.empty() || text.size() > 9) return std::nullopt;
  int number = 0;
  for (const char digit : text) {
    if (!absl::ascii_isdigit(static_cast<unsigned char>(digit))) return std::nullopt;
    number = 10 * number + (digit - '0');
  }
  return number;
}

int64_t UnitSeconds(char unit) {
  switch (unit) {
    case 'm':
      return kMinute;
    case 'h':
      return kHour;
    case 'd':
      return kDay;
    default:
      return 0;
  }
}

}  // namespace

std::optional<int> ParseClock(std::string_view text) {
  if (text.size() != 5 || text[2] != ':') return std::nullopt;
  const auto hour = ParseDigits(text.substr(0, 2));
  const auto minute = ParseDigits(text.substr(3));
  if (!hour || !minute || *minute >= 60) return std::nullopt;
  const int minute_of_day = *hour * 60 + *minute;
  if (minute_of_day > kMinutesPerDay) return std::nullopt;
  return minute_of_day;
}

std::string PrintClock(int minute_of_day) {
  return absl::StrFormat("%02d:%02d", minute_of_day / 60, minute_of_day % 60);
}

std::optional<absl::CivilDay> ParseDay(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
  const auto year = ParseDigits(text.substr(0, 4));
  const auto month = ParseDigits(text.substr(5, 2));
  const auto day = ParseDigits(text.substr(8));
  if (!year || !month || !day || *year < 1970) return std::nullopt;
  // A day that does not exist is normalised to another one.
  const absl::CivilDay civil(*year, *month, *day);
  if (civil.month() != *month || civil.day() != *day) return std::nullopt;
  return civil;
}

std::string PrintDay(absl::CivilDay day) {
  return absl::StrFormat("%04d-%02d-%02d", day.year(), day.month(), day.day());
}

std::optional<absl::CivilMinute> ParseMinute(std::string_view text) {
  if (text.size() != 16 || text[10] != ' ') return std::nullopt;
  const auto day = ParseDay(text.substr(0, 10));
  const auto clock = ParseClock(text.substr(11));
  if (!day || !clock || *clock == kMinutesPerDay) return std::nullopt;
  return absl::CivilMinute(*day) + *clock;
}

std::string PrintMinute(absl::CivilMinute minute) {
  return absl::StrCat(PrintDay(absl::CivilDay(minute)), " ",
                      PrintClock(minute.hour() * 60 + minute.minute()));
}

std::optional<int64_t> ParseSpan(std::string_view text) {
  if (text.empty()) return std::nullopt;
  const auto number = ParseDigits(text.substr(0, text.size() - 1));
  if (!number) return std::nullopt;
  const int64_t seconds = *number * UnitSeconds(text.back());
  if (seconds <= 0 || seconds > kAgoDaysMax * kDay) return std::nullopt;
  return seconds;
}

std::string PrintSpan(int64_t seconds) {
  if (seconds % kDay == 0) return absl::StrCat(seconds / kDay, "d");
  if (seconds % kHour == 0) return absl::StrCat(seconds / kHour, "h");
  return absl::StrCat(seconds / kMinute, "m");
}

std::optional<int> ParseWeekday(std::string_view text) {
  for (size_t i = 0; i < kWeekdays.size(); ++i) {
    if (kWeekdays[i] == text) return static_cast<int>(i);
  }
  return std::nullopt;
}

std::string_view PrintWeekday(int weekday) {
  return kWeekdays[static_cast<size_t>(weekday)];
}

}  // namespace fulcrum::rules
