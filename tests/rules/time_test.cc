// Windows of time on the wall clock: midnight, changes of the clock, weekdays, leap days.
#include <gtest/gtest.h>

#include <string>

#include "rules/moment.h"
#include "rules/rule.h"
#include "tests/rules/fields.h"

namespace fulcrum::rules {
namespace {

bool IsIn(const Rule& rule, absl::Time time) {
  return rule.IsEligible({}, Moment::At(time, rule.zone()));
}

// Whether `source`, in Berlin unless said otherwise, is true at `local`.
bool IsAt(const std::string& source, const std::string& local,
          const char* zone_name = "Europe/Berlin") {
  const absl::TimeZone zone = Zone(zone_name);
  return IsIn(Compiled(source, zone), At(local, zone));
}

TEST(Hours, BeginAtTheFirstAndEndBeforeTheLastMinute) {
  const std::string office = "now in hours(\"09:00\", \"17:30\")";
  EXPECT_FALSE(IsAt(office, "2026-12-01 08:59"));
  EXPECT_TRUE(IsAt(office, "2026-12-01 09:00"));
  EXPECT_TRUE(IsAt(office, "2026-12-01 17:29"));
  EXPECT_FALSE(IsAt(office, "2026-12-01 17:30"));
  EXPECT_TRUE(IsAt("now not in hours(\"09:00\", \"17:30\")", "2026-12-01 17:30"));
}

TEST(Hours, GoPastMidnight) {
  const std::string night = "now in hours(\"22:00\", \"06:00\")";
  EXPECT_FALSE(IsAt(night, "2026-12-01 21:59"));
  EXPECT_TRUE(IsAt(night, "2026-12-01 22:00"));
  EXPECT_TRUE(IsAt(night, "2026-12-02 00:00"));
  EXPECT_TRUE(IsAt(night, "2026-12-02 05:59"));
  EXPECT_FALSE(IsAt(night, "2026-12-02 06:00"));
}

TEST(Hours, MayEndWithTheDay) {
  EXPECT_TRUE(IsAt("now in hours(\"18:00\", \"24:00\")", "2026-12-01 23:59"));
  EXPECT_FALSE(IsAt("now in hours(\"18:00\", \"24:00\")", "2026-12-02 00:00"));
  EXPECT_TRUE(IsAt("now in hours(\"00:00\", \"24:00\")", "2026-12-02 00:00"));
  EXPECT_FALSE(IsAt("now in hours(\"18:00\", \"00:00\")", "2026-12-02 00:00"));
  EXPECT_TRUE(IsAt("now in hours(\"18:00\", \"00:00\")", "2026-12-02 23:59"));
}

TEST(Hours, AreThoseOfTheZone) {
  const std::string morning = "now in hours(\"06:00\", \"12:00\")";
  const absl::Time time = At("2026-12-01 09:00", Zone("Asia/Tokyo"));
  EXPECT_TRUE(IsIn(Compiled(morning, Zone("Asia/Tokyo")), time));
  EXPECT_FALSE(IsIn(Compiled(morning, Zone("Europe/Berlin")), time));  // 01:00
}

// Berlin, 2026-03-29: 02:00 becomes 03:00 at 01:00 UTC.
TEST(ClockChange, InSpringASkippedHourIsNeverNow) {
  const absl::TimeZone berlin = Zone("Europe/Berlin");
  const Rule skipped = Compiled("now in hours(\"02:00\", \"03:00\")", berlin);
  const Rule after = Compiled("now in hours(\"03:00\", \"04:00\")", berlin);
  const absl::Time change = At("2026-03-29 01:00", absl::UTCTimeZone());
  for (int minute = -60; minute < 60; ++minute) {
    const absl::Time time = change + absl::Minutes(minute);
    EXPECT_FALSE(IsIn(skipped, time)) << minute;
    EXPECT_EQ(IsIn(after, time), minute >= 0) << minute;
  }
}

// Berlin, 2026-10-25: 03:00 becomes 02:00 at 01:00 UTC.
TEST(ClockChange, InAutumnBothHoursCount) {
  const absl::TimeZone berlin = Zone("Europe/Berlin");
  const Rule repeated = Compiled("now in hours(\"02:00\", \"03:00\")", berlin);
  const absl::Time change = At("2026-10-25 01:00", absl::UTCTimeZone());
  for (int minute = -120; minute < 120; ++minute) {
    EXPECT_EQ(IsIn(repeated, change + absl::Minutes(minute)), minute >= -60 && minute < 60);
  }
}

TEST(ClockChange, ATimeThatIsSkippedIsTheChangeAndOneThatRepeatsTheFirst) {
  const absl::TimeZone berlin = Zone("Europe/Berlin");
  const Rule spring = Compiled("now >= time(\"2026-03-29 02:30\")", berlin);
  const absl::Time change = At("2026-03-29 01:00", absl::UTCTimeZone());
  EXPECT_FALSE(IsIn(spring, change - absl::Microseconds(1)));
  EXPECT_TRUE(IsIn(spring, change));
  const Rule autumn = Compiled("now >= time(\"2026-10-25 02:30\")", berlin);
  const absl::Time first = At("2026-10-25 00:30", absl::UTCTimeZone());
  EXPECT_FALSE(IsIn(autumn, first - absl::Microseconds(1)));
  EXPECT_TRUE(IsIn(autumn, first));
}

// Sao Paulo, 2018-11-04: midnight becomes 01:00 at 03:00 UTC.
TEST(ClockChange, ADayWithoutMidnightBeginsAtTheChange) {
  const absl::TimeZone zone = Zone("America/Sao_Paulo");
  const absl::Time change = At("2018-11-04 03:00", absl::UTCTimeZone());
  const Rule since = Compiled("now >= date(\"2018-11-04\")", zone);
  const Rule during = Compiled("now in dates(\"2018-11-04\", \"2018-11-04\")", zone);
  for (const Rule* rule : {&since, &during}) {
    EXPECT_FALSE(IsIn(*rule, change - absl::Microseconds(1)));
    EXPECT_TRUE(IsIn(*rule, change));
  }
  EXPECT_TRUE(IsIn(during, change + absl::Hours(22) + absl::Minutes(59)));
  EXPECT_FALSE(IsIn(during, change + absl::Hours(23)));  // the day has 23 hours
}

TEST(ClockChange, AgoCountsHoursNotClockTimes) {
  const absl::TimeZone berlin = Zone("Europe/Berlin");
  const Rule rule = Compiled("user.seen < ago(\"1d\")", berlin);
  const absl::Time now = At("2026-03-29 12:00", berlin);
  const auto seen = [&](const std::string& local) {
    return rule.IsEligible(
        Values({{"user.seen", Value::Time(absl::ToUnixMicros(At(local, berlin)))}}),
        Moment::At(now, berlin));
  };
  EXPECT_TRUE(seen("2026-03-28 10:59"));
  EXPECT_FALSE(seen("2026-03-28 11:00"));  // 24 hours, though the clock shows 25
}

TEST(Weekdays, AreThoseOfTheLocalDay) {
  // 2026-12-04 is a Friday.
  EXPECT_TRUE(IsAt("now in weekdays(\"fri\")", "2026-12-04 00:00"));
  EXPECT_TRUE(IsAt("now in weekdays(\"fri\")", "2026-12-04 23:59"));
  EXPECT_FALSE(IsAt("now in weekdays(\"fri\")", "2026-12-05 00:00"));
  EXPECT_TRUE(IsAt("now in weekdays(\"sat\", \"sun\")", "2026-12-05 00:00"));
  const absl::Time late = At("2026-12-04 23:30", absl::UTCTimeZone());
  EXPECT_TRUE(IsIn(Compiled("now in weekdays(\"sat\")", Zone("Europe/Berlin")), late));
  EXPECT_TRUE(IsIn(Compiled("now in weekdays(\"fri\")", Zone("America/New_York")), late));
}

TEST(Weekdays, EachIsItself) {
  const char* const kNames[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
  for (int name = 0; name < 7; ++name) {
    const Rule rule = Compiled(std::string("now in weekdays(\"") + kNames[name] + "\")");
    for (int day = 0; day < 7; ++day) {  // 2026-11-30 is a Monday
      const absl::Time time = At("2026-11-30 12:00", absl::UTCTimeZone()) + absl::Hours(24 * day);
      EXPECT_EQ(IsIn(rule, time), day == name) << kNames[name];
    }
  }
}

TEST(Weekdays, RangesMayGoPastSunday) {
  EXPECT_EQ(Compiled("now in weekdays(\"fri-mon\")").ToString(),
            "now in weekdays(\"mon\", \"fri\", \"sat\", \"sun\")");
  EXPECT_EQ(Compiled("now in weekdays(\"mon-wed\", \"tue\")").ToString(),
            "now in weekdays(\"mon\", \"tue\", \"wed\")");
}

TEST(Dates, HaveBothTheirDays) {
  const std::string advent = "now in dates(\"2026-12-01\", \"2026-12-24\")";
  EXPECT_FALSE(IsAt(advent, "2026-11-30 23:59"));
  EXPECT_TRUE(IsAt(advent, "2026-12-01 00:00"));
  EXPECT_TRUE(IsAt(advent, "2026-12-24 23:59"));
  EXPECT_FALSE(IsAt(advent, "2026-12-25 00:00"));
  EXPECT_TRUE(IsAt("now >= date(\"2026-12-01\")", "2026-12-01 00:00"));
  EXPECT_FALSE(IsAt("now >= date(\"2026-12-01\")", "2026-11-30 23:59"));
}

TEST(Dates, KnowLeapDays) {
  EXPECT_TRUE(IsAt("now in dates(\"2028-02-29\", \"2028-02-29\")", "2028-02-29 12:00"));
  EXPECT_FALSE(IsAt("now in dates(\"2028-02-29\", \"2028-02-29\")", "2028-03-01 00:00"));
  EXPECT_FALSE(IsAt("now in dates(\"2028-02-01\", \"2028-02-28\")", "2028-02-29 00:00"));
  EXPECT_NE(ErrorOf("now >= date(\"2027-02-29\")"), "accepted");
  EXPECT_NE(ErrorOf("now >= date(\"2100-02-29\")"), "accepted");
  EXPECT_EQ(ErrorOf("now >= date(\"2000-02-29\")"), "accepted");
}

TEST(Moment, IsTheZonesClock) {
  const absl::TimeZone kathmandu = Zone("Asia/Kathmandu");  // 5:45 ahead
  const Moment moment = Moment::At(At("2026-12-06 18:30", absl::UTCTimeZone()), kathmandu);
  EXPECT_EQ(moment.time_us, 1'796'581'800'000'000);
  EXPECT_EQ(moment.minute_of_day, 15);
  EXPECT_EQ(moment.weekday, 0);  // already Monday there
}

TEST(Moment, TheEndsOfTimeAreNoTrouble) {
  const Rule rule = Compiled("user.seen < ago(\"3660d\") or now >= date(\"9999-12-31\")");
  for (const absl::Time time : {absl::InfinitePast(), absl::InfiniteFuture()}) {
    const bool future = time == absl::InfiniteFuture();
    EXPECT_EQ(IsIn(rule, time), future);
  }
}

}  // namespace
}  // namespace fulcrum::rules
