// What the clients share of gRPC.
#pragma once

#include <google/protobuf/timestamp.pb.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace fulcrum::client {

// Connects lazily.
std::shared_ptr<grpc::Channel> ChannelTo(const std::string& address);

std::chrono::system_clock::time_point DeadlineIn(absl::Duration timeout);
absl::Status ToAbsl(const grpc::Status& status);
absl::Time TimeOf(const google::protobuf::Timestamp& stamp);

}  // namespace fulcrum::client
