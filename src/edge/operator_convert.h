// The messages of OperatorService to domain values and back.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "fulcrum/switch.h"
#include "fulcrum/v1/operator_service.pb.h"

namespace fulcrum::edge {

// INVALID_ARGUMENT naming the field.
absl::StatusOr<SwitchTarget> TargetOf(const v1::Target& target);

// How long a pause lasts; infinite if the request does not say. INVALID_ARGUMENT naming the field.
absl::StatusOr<absl::Duration> SpanOf(const v1::PauseRequest& request);

void FillSwitches(const std::vector<Switch>& switches, v1::ListSwitchesResponse* response);

}  // namespace fulcrum::edge
