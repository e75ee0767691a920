#include "config/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/strings.h"

namespace fulcrum::config {
namespace {

constexpr size_t kUnixPathMax = 107;  // sun_path without its terminator

bool IsPort(std::string_view text) {
  uint32_t port = 0;
  return !text.empty() && text.size() <= 5 &&
         text.find_first_not_of("0123456789") == std::string_view::npos &&
         absl::SimpleAtoi(base::ToAbsl(text), &port) && port <= 65535;
}

bool IsLoopbackHost(const std::string& host) {
  if (host == "[::1]") return true;
  in_addr address{};
  return inet_pton(AF_INET, host.c_str(), &address) == 1 && ntohl(address.s_addr) >> 24 == 127;
}

}  // namespace

absl::Status CheckLoopback(std::string_view address, bool unix_allowed) {
  constexpr std::string_view kUnix = "unix:";
  if (unix_allowed && address.substr(0, kUnix.size()) == kUnix) {
    const size_t length = address.size() - kUnix.size();
    if (length >= 1 && length <= kUnixPathMax) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat("the path after unix: must have 1 to ", kUnixPathMax, " bytes"));
  }
  const size_t colon = address.find_last_of(':');
  if (colon == std::string_view::npos || !IsPort(address.substr(colon + 1))) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", base::ToAbsl(address.substr(0, 80)), "' has no port: write host:port",
                     unix_allowed ? " or unix:path" : "", ", such as 127.0.0.1:7171"));
  }
  if (IsLoopbackHost(std::string(address.substr(0, colon)))) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "'", base::ToAbsl(address.substr(0, 80)),
      "' is not a loopback address: nothing listens elsewhere until roles are enforced; use "
      "127.0.0.1:port or [::1]:port",
      unix_allowed ? " or unix:path" : "", ", and a proxy with mTLS in front for other machines"));
}

}  // namespace fulcrum::config
