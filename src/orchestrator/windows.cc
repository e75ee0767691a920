#include "orchestrator/windows.h"

#include "absl/time/civil_time.h"
#include "domain/moving_span.h"

namespace fulcrum::orchestrator {
int64_t WindowStartUs(const config::Constraint& row, absl::Time now) {
  switch (row.window) {
    case config::Window::kDay:
      return absl::ToUnixMicros(
          absl::FromCivil(absl::ToCivilDay(now, row.time_zone), row.time_zone));
    case config::Window::kHour:
      return absl::ToUnixMicros(
          absl::FromCivil(absl::ToCivilHour(now, row.time_zone), row.time_zone));
    case config::Window::kRolling:
      return domain::StepStartUs(row.span_us, absl::ToUnixMicros(now));
    case config::Window::kTotal:
      break;
  }
  return kTotalWindow;
}

int64_t NextWindowUs(const config::Constraint& row, absl::Time now) {
  absl::Time next = absl::InfiniteFuture();
  if (row.window == config::Window::kDay) {
    next = absl::FromCivil(absl::ToCivilDay(now, row.time_zone) + 1, row.time_zone);
  } else if (row.window == config::Window::kHour) {
    // Of an hour that the clocks repeat the second one is no window of its own.
    absl::CivilHour hour = absl::ToCivilHour(now, row.time_zone);
    do next = absl::FromCivil(++hour, row.time_zone);
    while (next <= now);
  }
  return next == absl::InfiniteFuture() ? std::numeric_limits<int64_t>::max()
                                        : absl::ToUnixMicros(next);
}

int64_t KeptUs(const config::Constraint& row) {
  return KeptUs(row.window == config::Window::kRolling ? row.span_us : 0);
}

int64_t FirstCountedUs(const config::Constraint& row, int64_t window_start_us) {
  if (row.window != config::Window::kRolling) return window_start_us;
  return window_start_us - domain::kStepsPerSpan * domain::StepUs(row.span_us);
}

}  // namespace fulcrum::orchestrator
