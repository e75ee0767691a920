// Until when it is not worth asking again, for a request of which no action can be drawn.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

#include "absl/functional/function_ref.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "config/bundle.h"
#include "orchestrator/orchestrator.h"

namespace fulcrum::orchestrator {

// Times are microseconds since 1970 UTC.
inline constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

// The first moment from `now` on at which nothing of the campaign's dates and quiet hours is in the
// way; kNever if there is none.
int64_t CampaignOpensUs(const config::Campaign& campaign, absl::Time now);

// The earliest moment at which one of the contenders, which are all masked, may be drawn if nothing
// but the time changes; 0 if that is not known, never, or now. `room_opens_us(i)` says when rows
// that have no room for contender i may have it.
int64_t DeferUntilUs(const config::Bundle& bundle, absl::Span<const Contender> contenders,
                     absl::Time now, absl::FunctionRef<int64_t(size_t)> room_opens_us);

}  // namespace fulcrum::orchestrator
