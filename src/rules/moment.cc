#include "rules/moment.h"

#include "absl/time/civil_time.h"

namespace fulcrum::rules {

Moment Moment::At(absl::Time time, const absl::TimeZone& zone) {
  const absl::CivilSecond civil = zone.At(time).cs;
  Moment moment;
  moment.time_us = absl::ToUnixMicros(time);
  moment.minute_of_day = civil.hour() * 60 + civil.minute();
  static_assert(static_cast<int>(absl::Weekday::monday) == 0);
  moment.weekday = static_cast<int32_t>(absl::GetWeekday(civil));
  return moment;
}

}  // namespace fulcrum::rules
