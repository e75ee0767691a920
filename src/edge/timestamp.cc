#include "edge/timestamp.h"

#include <cstdint>

namespace fulcrum::edge {

absl::StatusOr<absl::Time> OccurredAt(const google::protobuf::Timestamp& stamp) {
  constexpr int64_t kSecondsMax = 253402300799;  // the year 9999
  if (stamp.seconds() < 0 || stamp.seconds() > kSecondsMax || stamp.nanos() < 0 ||
      stamp.nanos() > 999999999) {
    return absl::InvalidArgumentError("occurred_at: must lie between the years 1970 and 9999");
  }
  return absl::FromUnixSeconds(stamp.seconds()) + absl::Nanoseconds(stamp.nanos());
}

}  // namespace fulcrum::edge
