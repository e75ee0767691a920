// Addresses to listen on.
#pragma once

#include <string_view>

#include "absl/status/status.h"

namespace fulcrum::config {

// OK for `127.x.x.x:port`, `[::1]:port` and, if `unix_allowed`, `unix:path`. Everything else is
// refused with the remedy: until roles are enforced every caller may do everything, so nothing
// may listen where strangers can reach it.
absl::Status CheckLoopback(std::string_view address, bool unix_allowed);

}  // namespace fulcrum::config
