// Enums of the records and those of fulcrum.log.v1. The enums of a record begin at 0; those of the
// proto keep 0 for "unspecified".
#pragma once

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"

namespace fulcrum::decision_log {

template <typename Proto, typename Enum>
Proto EnumToProto(Enum value) {
  return static_cast<Proto>(static_cast<int>(value) + 1);
}

// DATA_LOSS, naming `field`, if it is none up to `last`.
template <typename Enum>
absl::StatusOr<Enum> EnumFromProto(int value, Enum last, const char* field) {
  if (value < 1 || value > static_cast<int>(last) + 1) {
    return absl::DataLossError(absl::StrCat(field, " has the unknown value ", value));
  }
  return static_cast<Enum>(value - 1);
}

}  // namespace fulcrum::decision_log
