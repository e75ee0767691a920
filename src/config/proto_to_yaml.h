// The YAML text of a message, such that ReadMessage of it gives the same message.
#pragma once

#include <google/protobuf/message.h>

#include <string>

namespace fulcrum::config {

// Fields in the order of their numbers, present ones only. Deterministic.
std::string WriteYaml(const google::protobuf::Message& message);

}  // namespace fulcrum::config
