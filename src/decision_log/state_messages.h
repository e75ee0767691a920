// The state of a fold as a row of messages, each after its length (u32, little-endian): not one
// message, which could hold no more than 2 GiB.
#pragma once

#include <google/protobuf/message_lite.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace fulcrum::decision_log {

inline void PutMessage(const google::protobuf::MessageLite& message, std::string* bytes) {
  const auto size = static_cast<uint32_t>(message.ByteSizeLong());
  for (int i = 0; i < 4; ++i) bytes->push_back(static_cast<char>(size >> (8 * i)));
  message.AppendToString(bytes);
}

// Takes the first message off `bytes`. DATA_LOSS, in the name of `what`, if it is not there.
inline absl::Status TakeMessage(const char* what, std::string_view* bytes,
                                google::protobuf::MessageLite* message) {
  uint32_t size = 0;
  if (bytes->size() < sizeof size) return absl::DataLossError(absl::StrCat(what, ": cut off"));
  for (size_t i = 0; i < sizeof size; ++i) {
    size |= uint32_t{static_cast<uint8_t>((*bytes)[i])} << (8 * i);
  }
  bytes->remove_prefix(sizeof size);
  if (size > bytes->size()) return absl::DataLossError(absl::StrCat(what, ": cut off"));
  if (!message->ParseFromArray(bytes->data(), static_cast<int>(size))) {
    return absl::DataLossError(absl::StrCat(what, ": the bytes are not a message of it"));
  }
  bytes->remove_prefix(size);
  return absl::OkStatus();
}

}  // namespace fulcrum::decision_log
