// Domain values to messages of the wire and back.
#pragma once

#include <grpcpp/support/status.h>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "decider/call.h"
#include "domain/context.h"
#include "fulcrum/decision_record.h"
#include "fulcrum/v1/decision_service.pb.h"

namespace fulcrum::edge {

void FillResponse(const decider::Reply& reply, v1::DecideResponse* response);

// INVALID_ARGUMENT naming the field. `now` stands in where the caller gives no time.
absl::StatusOr<ExposureRecord> ExposureOf(const v1::ReportExposureRequest& request,
                                          const domain::Principal& principal, absl::Time now);
absl::StatusOr<OutcomeRecord> OutcomeOf(const v1::ReportOutcomeRequest& request,
                                        const domain::Principal& principal, absl::Time now);

grpc::Status ToGrpc(const absl::Status& status);

// Who calls, from gRPC's name of the peer. PERMISSION_DENIED unless it is on this machine: nobody
// else can be told apart yet.
absl::StatusOr<domain::Principal> PrincipalOf(const std::string& peer);

}  // namespace fulcrum::edge
