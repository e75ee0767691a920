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

void SetTimestamp(absl::Time time, google::protobuf::Timestamp* stamp) {
  const int64_t micros = absl::ToUnixMicros(time);
  stamp->set_seconds(micros / 1000000);
  stamp->set_nanos(static_cast<int32_t>(micros % 1000000) * 1000);
}

}  // namespace fulcrum::edge
