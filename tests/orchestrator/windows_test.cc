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

struct DayCase {
  const char* zone;
  const char* now;
  const char* start;
};

class DayWindow : public ::testing::TestWithParam<DayCase> {};

TEST_P(DayWindow, StartsAtTheDaysFirstInstant) {
  const DayCase& c = GetParam();
  EXPECT_EQ(absl::FromUnixMicros(WindowStartUs(config::Window::kDay, Zone(c.zone), At(c.now))),
            At(c.start));
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
  EXPECT_EQ(WindowStartUs(config::Window::kTotal, Zone("Asia/Tokyo"), At("2019-11-24T00:00:00Z")),
            kTotalWindow);
}

TEST(Windows, ForgottenTwoDaysAfterTheLongestDay) {
  const int64_t start = absl::ToUnixMicros(At("2019-11-24T00:00:00Z"));
  const auto forgotten = [&](const char* latest) {
    return IsForgotten(start, absl::ToUnixMicros(At(latest)));
  };
  EXPECT_FALSE(forgotten("2019-11-24T00:00:00Z"));
  EXPECT_FALSE(forgotten("2019-11-27T00:00:00Z"));  // ended two days ago, clocks may have moved
  EXPECT_FALSE(forgotten("2019-11-27T03:00:00Z"));
  EXPECT_TRUE(forgotten("2019-11-27T03:00:01Z"));
  EXPECT_FALSE(IsForgotten(kTotalWindow, absl::ToUnixMicros(At("2999-01-01T00:00:00Z"))));
  EXPECT_FALSE(IsForgotten(start, 0)) << "no time seen yet";
}

}  // namespace
}  // namespace fulcrum::orchestrator
