#include "orchestrator/windows.h"

#include "absl/time/civil_time.h"

namespace fulcrum::orchestrator {

int64_t WindowStartUs(config::Window kind, const absl::TimeZone& zone, absl::Time now) {
  if (kind == config::Window::kTotal) return kTotalWindow;
  return absl::ToUnixMicros(absl::FromCivil(absl::ToCivilDay(now, zone), zone));
}

}  // namespace fulcrum::orchestrator
