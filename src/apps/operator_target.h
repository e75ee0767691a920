// Whether what an operator names is there.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "config/bundle.h"
#include "fulcrum/switch.h"

namespace fulcrum::apps {

// NOT_FOUND, with the nearest valid name, if the bundle has no such thing. Thread-safe.
absl::Status CheckTarget(const config::Bundle& bundle, const SwitchTarget& target);

// The same of a row; INVALID_ARGUMENT if it only counts.
absl::StatusOr<const config::Constraint*> FindRow(const config::Bundle& bundle,
                                                  const std::string& row);

// INVALID_ARGUMENT unless it is 1 to 256 bytes of one line.
absl::Status CheckReason(const std::string& reason);

}  // namespace fulcrum::apps
