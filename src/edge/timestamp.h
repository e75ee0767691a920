// Instants of calls.
#pragma once

#include <google/protobuf/timestamp.pb.h>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace fulcrum::edge {

// INVALID_ARGUMENT naming the field `occurred_at` outside the years 1970 to 9999.
absl::StatusOr<absl::Time> OccurredAt(const google::protobuf::Timestamp& stamp);

// To the microsecond; from 1970 on.
void SetTimestamp(absl::Time time, google::protobuf::Timestamp* stamp);

}  // namespace fulcrum::edge
