// From a request on the wire to a DecisionContext: sizes bounded, text trimmed, unknown context
// dropped and counted, deadline and wall time settled.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/strings.h"
#include "config/bundle.h"
#include "domain/context.h"

namespace fulcrum::v1 {
class DecideRequest;
}

namespace fulcrum::edge {

// Whose clock says when a request happened.
enum class ClockMode : uint8_t {
  kWall,    // ours; a request that brings its own time is refused
  kRequest  // the request's `occurred_at`, for playing recorded traffic; loopback only
};

// The context keys that a bundle declares, ready to be looked up. Immutable.
class ContextKeys {
 public:
  explicit ContextKeys(const std::vector<config::ContextKey>& keys);
  // Whether the key is declared, and if so whether its values are numbers.
  std::optional<bool> IsNumeric(std::string_view key) const;

 private:
  base::StringMap<bool> exact_;
  std::vector<std::pair<std::string, bool>> prefixes_;
};

struct Arrival {
  base::SteadyTime received;
  std::optional<absl::Duration> caller_deadline;  // time left when it was received
  absl::Time now;                                 // wall clock
};

struct Normalised {
  const config::Surface* surface = nullptr;
  domain::DecisionContext context;  // decision_id and principal are the caller's to fill
  uint32_t dropped_keys = 0;
};

// INVALID_ARGUMENT naming the field, NOT_FOUND for an unknown surface, DEADLINE_EXCEEDED if no time
// is left. Thread-safe.
absl::StatusOr<Normalised> Normalise(const v1::DecideRequest& request, const config::Bundle& bundle,
                                     const ContextKeys& keys, const Arrival& arrival,
                                     ClockMode clock_mode);

// How long before the end of the budget the alarm rings, so that the fallback is back in time: a
// tenth of the budget, between 0.5 and 5 ms, and never more than half.
absl::Duration ReserveFor(absl::Duration budget);

}  // namespace fulcrum::edge
