#include "orchestrator/windows.h"

#include <gtest/gtest.h>

namespace fulcrum::orchestrator {
namespace {

absl::TimeZone Zone(const char* name) {
  absl::TimeZone zone;
  EXPECT_TRUE(absl::LoadTimeZone(name, &zone)) << name;
  return zone;
}

absl::Time At(const char* text) {
  absl::Time time;
  std::string error;
  EXPECT_TRUE(absl::ParseTime(absl::RFC3339_full, text, &time, &error)) << text << ": " << error;
  return time;
}

config::Constraint RowOf(config::Window window, const char* zone) {
  config::Constraint row;
  row.window = window;
  row.time_zone = Zone(zone);
  return row;
}

absl::Time StartOf(config::Window window, const char* zone, const char* now) {
  return absl::FromUnixMicros(WindowStartUs(RowOf(window, zone), At(now)));
}

struct DayCase {
  const char* zone;
  const char* now;
  const char* start;
};

class DayWindow : public ::testing::TestWithParam<DayCase> {};

TEST_P(DayWindow, StartsAtTheDaysFirstInstant) {
  const DayCase& c = GetParam();
  EXPECT_EQ(StartOf(config::Window::kDay, c.zone, c.now), At(c.start));
}

INSTANTIATE_TEST_SUITE_P(
    Zones, DayWindow,
    ::testing::Values(DayCase{"UTC", "2019-11-24T00:00:00Z", "2019-11-24T00:00:00Z"},
                      DayCase{"UTC", "2019-11-24T23:59:59.999999Z", "2019-11-24T00:00:00Z"},
                      DayCase{"Asia/Tokyo", "2019-11-24T14:59:59Z", "2019-11-23T15:00:00Z"},
                      DayCase{"Asia/Tokyo", "2019-11-24T15:00:00Z", "2019-11-24T15:00:00Z"},
                      DayCase{"Asia/Kathmandu", "2024-02-29T18:14:59Z", "2024-02-28T18:15:00Z"},
                      // Clocks go forward at 02:00: a day of 23 hours.
                      DayCase{"Europe/Berlin", "2024-03-31T21:59:59Z", "2024-03-30T23:00:00Z"},
                      DayCase{"Europe/Berlin", "2024-03-31T22:00:00Z", "2024-03-31T22:00:00Z"},
                      // Clocks go back: a day of 25 hours.
                      DayCase{"Europe/Berlin", "2024-10-27T22:59:59Z", "2024-10-26T22:00:00Z"},
                      DayCase{"Europe/Berlin", "2024-10-27T23:00:00Z", "2024-10-27T23:00:00Z"},
                      // Midnight does not exist: the day starts at 01:00 local.
                      DayCase{"America/Sao_Paulo", "2018-11-04T12:00:00Z", "2018-11-04T03:00:00Z"},
                      // Midnight exists twice: the first counts.
                      DayCase{"America/Havana", "2024-11-03T04:30:00Z", "2024-11-03T04:00:00Z"},
                      DayCase{"America/Havana", "2024-11-03T05:30:00Z", "2024-11-03T04:00:00Z"},
                      // A zone that skipped a whole day.
                      DayCase{"Pacific/Apia", "2011-12-30T10:00:00Z", "2011-12-30T10:00:00Z"},
                      DayCase{"Pacific/Apia", "2011-12-30T09:59:59Z", "2011-12-29T10:00:00Z"}));

TEST(Windows, TotalHasOneWindow) {
  EXPECT_EQ(WindowStartUs(RowOf(config::Window::kTotal, "Asia/Tokyo"), At("2019-11-24T00:00:00Z")),
            kTotalWindow);
}

struct HourCase {
  const char* zone;
  const char* now;
  const char* start;
};

class HourWindow : public ::testing::TestWithParam<HourCase> {};

TEST_P(HourWindow, StartsOnTheLocalHour) {
  const HourCase& c = GetParam();
  EXPECT_EQ(StartOf(config::Window::kHour, c.zone, c.now), At(c.start));
}

INSTANTIATE_TEST_SUITE_P(
    Zones, HourWindow,
    ::testing::Values(HourCase{"UTC", "2026-02-28T23:59:59.999999Z", "2026-02-28T23:00:00Z"},
                      HourCase{"UTC", "2024-02-29T00:00:00Z", "2024-02-29T00:00:00Z"},
                      // Quarters of an hour off: the hour is the clock's on the wall.
                      HourCase{"Asia/Kathmandu", "2024-02-29T18:14:59Z", "2024-02-29T17:15:00Z"},
                      HourCase{"Asia/Kathmandu", "2024-02-29T18:15:00Z", "2024-02-29T18:15:00Z"},
                      // 02:00 does not exist.
                      HourCase{"Europe/Berlin", "2024-03-31T00:59:59Z", "2024-03-31T00:00:00Z"},
                      HourCase{"Europe/Berlin", "2024-03-31T01:00:00Z", "2024-03-31T01:00:00Z"},
                      // 02:00 exists twice and is one window.
                      HourCase{"Europe/Berlin", "2024-10-27T00:30:00Z", "2024-10-27T00:00:00Z"},
                      HourCase{"Europe/Berlin", "2024-10-27T01:30:00Z", "2024-10-27T00:00:00Z"},
                      HourCase{"Europe/Berlin", "2024-10-27T02:00:00Z", "2024-10-27T02:00:00Z"},
                      // Clocks move by half an hour.
                      HourCase{"Australia/Lord_Howe", "2024-10-05T15:31:00Z",
                               "2024-10-05T15:30:00Z"}));

TEST(Windows, StepsOfAMovingSpanCoverItAndNoMoreThanAStep) {
  for (const int64_t span_us : {int64_t{1'000'000}, int64_t{21'600'000'003}, int64_t{1} << 44}) {
    config::Constraint row = RowOf(config::Window::kRolling, "UTC");
    row.span_us = span_us;
    for (const int64_t now_us : {int64_t{-5}, int64_t{0}, int64_t{1'574'553'600'123'457}}) {
      const int64_t start = WindowStartUs(row, absl::FromUnixMicros(now_us));
      const int64_t step = span_us / 32 + 1;
      EXPECT_LE(start, now_us);
      EXPECT_GT(start, now_us - step);
      // All that is within the span counts, and nothing that is older by more than two steps.
      const int64_t oldest = WindowStartUs(row, absl::FromUnixMicros(now_us - span_us + 1));
      EXPECT_GE(oldest, FirstCountedUs(row, start));
      EXPECT_LT(FirstCountedUs(row, start), oldest + 2 * step);
    }
    EXPECT_EQ(KeptUs(row), 2 * span_us);
  }
}

TEST(Windows, ForgottenTwoDaysAfterTheLongestDay) {
  const int64_t start = absl::ToUnixMicros(At("2019-11-24T00:00:00Z"));
  const auto forgotten = [&](const char* latest) {
    return IsForgotten(start, kCalendarKeptUs, absl::ToUnixMicros(At(latest)));
  };
  EXPECT_FALSE(forgotten("2019-11-24T00:00:00Z"));
  EXPECT_FALSE(forgotten("2019-11-27T00:00:00Z"));  // ended two days ago, clocks may have moved
  EXPECT_FALSE(forgotten("2019-11-27T03:00:00Z"));
  EXPECT_TRUE(forgotten("2019-11-27T03:00:01Z"));
  EXPECT_FALSE(
      IsForgotten(kTotalWindow, kCalendarKeptUs, absl::ToUnixMicros(At("2999-01-01T00:00:00Z"))));
  EXPECT_FALSE(IsForgotten(start, kCalendarKeptUs, 0)) << "no time seen yet";
}

}  // namespace
}  // namespace fulcrum::orchestrator
